"""Traces in, transitions out: which call followed which, and in how many runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llm_do_eval.tables.trace import Trace


@dataclass(frozen=True, slots=True)
class TransitionRow:
    """Two consecutive calls of one caller: how often, and in how many runs."""

    source: str
    target: str
    count: int
    runs: int


class Transitions:
    """Counts pairs of consecutive calls of one caller."""

    def __init__(self) -> None:
        self._counts = Counter[tuple[str, str]]()
        self._runs = Counter[tuple[str, str]]()

    def add(self, trace: Trace) -> None:
        """Count one run."""
        before: dict[str, str] = {}
        pairs: list[tuple[str, str]] = []
        for step in trace.steps:
            if step.caller.id in before:
                pairs.append((before[step.caller.id], step.call.name))
            before[step.caller.id] = step.call.name
        self._counts.update(pairs)
        self._runs.update(set(pairs))

    def rows(self) -> list[TransitionRow]:
        """Give every pair, the most frequent first."""
        ranked = sorted(self._counts.items(), key=lambda each: (-each[1], each[0]))
        return [TransitionRow(*pair, count, self._runs[pair]) for pair, count in ranked]
