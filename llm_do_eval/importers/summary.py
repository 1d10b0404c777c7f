"""Runs passing by in, a summary of the import out."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from llm_do_eval.health import Health

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from llm_do_eval.observation import Run

SCHEMA: Final = "llm-do-eval/import/v1"


class Summary:
    """Counts runs as they are written."""

    def __init__(self) -> None:
        self.runs = 0
        self.calls = 0
        self.ok_runs = 0
        self.ok_known = 0
        self._health = Health()

    def watch(self, runs: Iterable[Run]) -> Iterator[Run]:
        """Pass runs on and count them."""
        for run in runs:
            self.runs += 1
            self.calls += len(run.calls)
            self.ok_runs += run.root.ok is True
            self.ok_known += run.root.ok is not None
            for kind, times in run.problems.items():
                self._health.count(kind, times)
            yield run

    def document(self, target: str) -> dict[str, Any]:
        """Give the counts as JSON data; `target` is where the runs went."""
        return {
            "schema": SCHEMA,
            "output": target,
            "runs": self.runs,
            "calls": self.calls,
            "ok_runs": self.ok_runs,
            "ok_known": self.ok_known,
            "problems": [asdict(problem) for problem in self._health.problems()],
        }

    def text(self, target: str) -> str:
        """Give the counts as lines for a terminal."""
        known = (
            f"{self.ok_runs} of {self.ok_known} known outcomes ok" if self.ok_known else "no outcome known"
        )
        lines = [f"{target}: {self.runs} runs, {self.calls} calls, {known}"]
        lines += [f"  {each.count} {each.note}" for each in self._health.problems()]
        return "\n".join(lines) + "\n"
