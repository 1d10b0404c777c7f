"""Ended samples in, a line each on disk; after an interruption, the same samples out again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from llm_do.canonical import canonical_json
from llm_do.errors import FormatError, UsageError
from llm_do.secrets import redacted
from llm_do_eval.delivery import deliver
from llm_do_eval.failurekind import failure_kind
from llm_do_eval.invariant import Broken, Checks
from llm_do_eval.number import Number
from llm_do_eval.sample import Sample
from llm_do_eval.trajectory import Response, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCHEMA: Final = "llm-do-eval/samples/v1"


@dataclass(frozen=True, slots=True)
class Ledger:
    """The samples of one test that cost something and have no verdict yet, in a file of JSON lines.

    `about` is what has to be the same for the run to be continued: the claim, the number of samples, the
    plan, as JSON values.
    """

    path: Path
    about: Mapping[str, Any]

    def begin(self) -> None:
        """Start anew; what an earlier run has left is gone. Raises UsageError if it cannot be written."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(_line({"schema": SCHEMA, **self.about}), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be written: {error.strerror}") from error

    def append(self, sample: Sample) -> None:
        """Keep an ended sample, at once and whole."""
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(_line(_to_json(sample)))

    def restore(self) -> list[Sample]:
        """Give the samples that have an outcome; none if nothing was left. A torn last line is dropped.

        Raises:
            UsageError: the run that was interrupted asked for something else.
            FormatError: the file is damaged.
        """
        try:
            head, *lines = self.path.read_text(encoding="utf-8").split("\n")
        except FileNotFoundError:
            return []
        self._check(_parsed(head, self.path, 1))
        whole = lines[:-1]
        if lines and lines[-1]:
            # a process was killed while it wrote: the next line must not be glued to this one
            deliver(str(self.path), (f"{each}\n" for each in (head, *whole)))
        samples = [_from_json(_parsed(each, self.path, n)) for n, each in enumerate(whole, start=2)]
        return [each for each in samples if each.outcome != "infra"]

    def remove(self) -> None:
        """End: there is a verdict, and a run that has one is not continued."""
        self.path.unlink(missing_ok=True)

    def _check(self, head: Mapping[str, Any]) -> None:
        # in this order: the first difference is told, and a claim says more than the plan made for it
        for key, value in {"schema": SCHEMA, **self.about}.items():
            if head.get(key) != value:
                raise UsageError(
                    f"{self.path}: the run to resume had {key} {head.get(key)!r}, and now it is {value!r}; "
                    f"resume it as it was, or start anew without --llm-resume"
                )


def _line(value: Mapping[str, Any]) -> str:
    return canonical_json(redacted(dict(value))) + "\n"


def _parsed(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        return json.loads(line)
    except ValueError as error:
        raise FormatError(f"{path}:{number}: is no JSON; delete the file to start anew") from error


def _to_json(sample: Sample) -> dict[str, Any]:
    return {
        "index": sample.index,
        "attempt": sample.attempt,
        "outcome": sample.outcome,
        "held": sample.checks.held,
        "must": sorted(sample.checks.must),
        "broken": [asdict(each) for each in sample.checks.broken],
        "complaints": [*([] if sample.error is None else sample.reasons[:1]), *sample.complaints],
        "usage": asdict(sample.usage),
        "cost_usd": sample.cost_usd,
        "spent_usd": sample.spent_usd,
        "latency_s": sample.latency_s,
        "models": sorted(sample.models),
        "numbers": [asdict(each) for each in sample.checks.numbers.values()],
        "responses": [asdict(each) for each in sample.responses],
        "tools_misused": sample.tools_misused,
        "failure": failure_kind(sample),
        "workers": sample.workers,
    }


def _from_json(line: Mapping[str, Any]) -> Sample:
    numbers = {each["name"]: Number(**each) for each in line["numbers"]}
    broken = [Broken(**each) for each in line["broken"]]
    return Sample(
        line["index"],
        attempt=line["attempt"],
        checks=Checks(line["held"], set(line["must"]), broken, numbers),
        complaints=line["complaints"],
        usage=Usage(**line["usage"]),
        cost_usd=line["cost_usd"],
        spent_usd=line["spent_usd"],
        latency_s=line["latency_s"],
        models=set(line["models"]),
        responses=[Response(**each) for each in line["responses"]],
        tools_misused=line["tools_misused"],
        failure=line["failure"],
        workers=line["workers"],
        outcome=line["outcome"],
    )
