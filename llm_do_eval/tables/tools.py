"""Traces in, one row a tool out: calls, runs, clusters, errors by class, who offered it, where it ends."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from llm_do_eval.ratio import Ratio

if TYPE_CHECKING:
    from llm_do_eval.observation import Call, Failure
    from llm_do_eval.tables.trace import Step, Trace

_NUMBERED: Final = re.compile(r"\w*\d\w*(?:[.:/+-]\w*\d\w*)*")
_CLASS_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class ErrorClass:
    """Errors with one text once numbers and ids are masked."""

    text: str
    count: int


@dataclass(frozen=True, slots=True)
class ToolRow:
    """One name that was called or offered. `last`: calls after which their caller made no other.

    `offered_runs` counts runs that offered it or, saying nothing of offers, called it. `fully_derived`:
    calls of which every argument stood in what the model had read.
    """

    name: str
    impl: dict[str, int]
    calls: int
    runs: int
    clusters: int
    errors: int
    error_classes: list[ErrorClass]
    purity: Ratio | None
    offered_runs: int
    last: Ratio
    fully_derived: Ratio | None = None


@dataclass(slots=True)
class ToolCount:
    """What is counted of one tool; `ends` says by cluster whether every call of a model ended its caller."""

    impl: Counter[str] = field(default_factory=Counter[str])
    runs: int = 0
    offered_runs: int = 0
    clusters: set[str] = field(default_factory=set[str])
    errors: Counter[str] = field(default_factory=Counter[str])
    last: int = 0
    asked: int = 0
    asked_last: int = 0
    asked_runs: int = 0
    ends: dict[str, bool] = field(default_factory=dict[str, bool])


@dataclass(slots=True)
class OfferCount:
    """How a worker used a tool that it was offered: runs, clusters and, of them, those with a call."""

    runs: int = 0
    used_runs: int = 0
    clusters: dict[str, bool] = field(default_factory=dict[str, bool])


class Tools:
    """Counts calls by tool and uses by worker and offered tool."""

    def __init__(self) -> None:
        self.by_name: defaultdict[str, ToolCount] = defaultdict(ToolCount)
        self.offers: defaultdict[tuple[str, str], OfferCount] = defaultdict(OfferCount)

    def add(self, trace: Trace) -> None:
        """Count one run."""
        for step in trace.steps:
            self._count(step, trace.cluster)
        called = {step.call.name for step in trace.steps}
        asked = {step.call.name for step in trace.steps if step.asked}
        for name in called:
            self.by_name[name].runs += 1
            self.by_name[name].asked_runs += name in asked
        offered = self._offered(trace)
        for name in called | offered:
            self.by_name[name].offered_runs += 1

    def rows(self, purity: dict[str, Ratio]) -> list[ToolRow]:
        """Give one row a tool, the most called first; `purity` holds the tools with repeats."""
        rows = [_row(name, count, purity.get(name)) for name, count in self.by_name.items()]
        return sorted(rows, key=lambda row: (-row.calls, row.name))

    def _count(self, step: Step, cluster: str) -> None:
        count = self.by_name[step.call.name]
        count.impl[step.call.impl] += 1
        count.clusters.add(cluster)
        count.last += step.last
        if step.call.error is not None or step.call.ok is False:
            count.errors[error_class(step.call.error)] += 1
        if step.asked:
            count.asked += 1
            count.asked_last += step.last
            count.ends[cluster] = count.ends.get(cluster, True) and step.last

    def _offered(self, trace: Trace) -> set[str]:
        callers: dict[str, Call] = {trace.run.root.id: trace.run.root}
        callers |= {step.call.id: step.call for step in trace.steps}
        used = {
            (step.caller.name, name)
            for step in trace.steps
            for name in (step.call.name, step.call.via)
            if name
        }
        offers = {
            (callers[offer.call].name, tool)
            for offer in trace.run.offers
            if offer.call in callers
            for tool in offer.tools
        }
        for key in offers:
            count = self.offers[key]
            count.runs += 1
            count.used_runs += key in used
            count.clusters[trace.cluster] = count.clusters.get(trace.cluster, False) or key in used
        return {tool for _, tool in offers}


def error_class(error: Failure | None) -> str:
    """Give what errors are counted by: the message with numbers and ids masked, else the type."""
    if error is None:
        return "failed without a message"
    return _NUMBERED.sub("N", " ".join(error.message.split()))[:_CLASS_CHARS] or error.type


def _row(name: str, count: ToolCount, purity: Ratio | None) -> ToolRow:
    calls = count.impl.total()
    classes = sorted(count.errors.items(), key=lambda each: (-each[1], each[0]))
    return ToolRow(
        name=name,
        impl=dict(sorted(count.impl.items())),
        calls=calls,
        runs=count.runs,
        clusters=len(count.clusters),
        errors=count.errors.total(),
        error_classes=[ErrorClass(text, times) for text, times in classes],
        purity=purity,
        offered_runs=count.offered_runs,
        last=Ratio(count.last, calls),
    )
