"""Oddities of the input in, counted problems out: what a reader of numbers has to know about their source."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

NOTES: Final[Mapping[str, str]] = {
    "cassette-stop": "runs that a replay or recording ended, as a stale cassette does; left out",
    "duplicate-run": "runs whose id was read before; counted once",
    "empty-file": "files without a line",
    "late-line": "lines of a run after its root call ended; left out",
    "missing-result": "calls without a result",
    "missing-outcome": "runs whose outcome is not known",
    "missing-cluster": "runs without the cluster key; their cluster is the entry input",
    "mixed-models": "workers that ran under several models; their numbers are pooled",
    "mixed-specs": "workers that ran with several worker files or prompts; their numbers are pooled",
    "orphan-call": "calls whose caller is not in the run; counted as the entry's own",
    "orphan-result": "results without a call; part of the context only",
    "repeated-call": "calls whose id was read before in the run; left out",
    "repeated-id": "runs that repeat a call id; results were paired by position there",
    "repeated-item": "transcripts equal to an earlier one in the file; counted",
    "repeated-trial": "transcripts with the cluster and trial of an earlier one; counted",
    "replayed-run": "runs of a sample that was replayed, recorded or run anew; only the newest counts",
    "sampled-arguments": "leaves of a random sample of runs, to which the argument analysis was limited",
    "truncated-run": "runs whose root call never ended; left out",
    "unfinished-line": "files whose last line is incomplete; the line is left out",
    "unnamed-run": "runs without a run line",
    "unreadable-arguments": "calls whose arguments are no JSON; kept as text",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of oddity, how often it was met, and what was done about it."""

    kind: str
    count: int
    note: str


class Health:
    """A count of oddities by kind; every kind has its note in `NOTES`."""

    def __init__(self) -> None:
        self._counts = Counter[str]()

    def count(self, kind: str, times: int = 1) -> None:
        """Add `times` oddities of a kind."""
        self._counts[kind] += times

    def problems(self) -> list[Problem]:
        """Give what was met, sorted by kind."""
        return [
            Problem(kind, count, NOTES.get(kind, "reported by the importer"))
            for kind, count in sorted(self._counts.items())
            if count
        ]
