"""Traces in, arguments out: where the values that models passed to tools had occurred before."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from llm_do.canonical import digest
from llm_do_eval.ratio import Ratio
from llm_do_eval.tables.context import Context, Cut, contexts
from llm_do_eval.tables.leaves import leaves

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llm_do_eval.tables.trace import Step, Trace

LEAF_LIMIT: Final = 50_000
_OTHERS: Final = 2


class Argument(NamedTuple):
    """One scalar that a model passed: its path `TOOL.path`, its value, its text as `leaves.leaf_text`."""

    path: str
    value: Any
    text: str | None


@dataclass(frozen=True, slots=True)
class AskedCall:
    """One call that a model asked for: what it had read up to `cut`, the run's outcome, its arguments."""

    step: Step
    context: Context
    ok: bool | None
    cut: Cut
    arguments: tuple[Argument, ...]


@dataclass(slots=True)
class ArgumentCount:
    """Where the leaves of one path occurred; `alike` counts how many occur in other clusters' texts.

    `clusters` says whether every leaf of a cluster occurred in its own context.
    """

    path: str
    writes: bool = False
    leaves: int = 0
    derived: int = 0
    in_user: int = 0
    in_tool: int = 0
    alike: int = 0
    compared: int = 0
    calls: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    runs: set[str] = field(default_factory=set[str])
    clusters: dict[str, bool] = field(default_factory=dict[str, bool])
    values: set[str] = field(default_factory=set[str])

    @property
    def null(self) -> float | None:
        """The share of leaves found in as much text of another cluster; None: there is no other."""
        return self.alike / self.compared if self.compared else None


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the argument analysis read: calls by context, counts by path, fully derived calls by tool.

    `leaves` is how many leaves it looked at.
    """

    contexts: list[Context]
    calls: list[AskedCall]
    by_path: dict[str, ArgumentCount]
    fully_derived: dict[str, Ratio]
    leaves: int


class ArgumentSample:
    """Keeps runs for the argument analysis: all of them, or a random sample of about `LEAF_LIMIT` leaves.

    Runs are drawn by the hash of their id, so the sample depends on no order and no clock.
    """

    def __init__(self, free_text: Sequence[str] = (), limit: int = LEAF_LIMIT) -> None:
        self._free_text = frozenset(free_text)
        self._limit = limit
        self._heap: list[_Drawn] = []
        self._leaves = 0
        self.left_out = 0

    def add(self, trace: Trace) -> None:
        """Offer one run to the sample."""
        if not any(step.asked for step in trace.steps):
            return
        rank = -int(digest(trace.run.id)[:16], 16)
        if self._leaves >= self._limit and rank < self._heap[0].rank:
            self.left_out += 1
            return
        size = sum(
            argument.text is not None
            for step in trace.steps
            if step.asked
            for argument in _arguments(step, self._free_text)
        )
        heapq.heappush(self._heap, _Drawn(rank, trace.run.id, size, trace))
        self._leaves += size
        while self._leaves - self._heap[0].leaves >= self._limit:
            self._leaves -= heapq.heappop(self._heap).leaves
            self.left_out += 1

    def read(self) -> Arguments:
        """Analyse the sample."""
        drawn = sorted(self._heap, key=lambda each: (-each.rank, each.run))
        known = [context for each in drawn for context in contexts(each.trace)]
        analysis = _Analysis(self._free_text, {each.run: each.trace.ok for each in drawn})
        for context, others in zip(known, _others(known), strict=True):
            analysis.add(context, others)
        return Arguments(
            contexts=known,
            calls=analysis.calls,
            by_path=dict(sorted(analysis.by_path.items())),
            fully_derived={tool: Ratio(*counts) for tool, counts in sorted(analysis.fully_derived.items())},
            leaves=sum(count.leaves for count in analysis.by_path.values()),
        )


class _Drawn(NamedTuple):
    rank: int
    run: str
    leaves: int
    trace: Trace


class _Analysis:
    def __init__(self, free_text: frozenset[str], outcomes: dict[str, bool | None]) -> None:
        self._free_text = free_text
        self._outcomes = outcomes
        self.calls: list[AskedCall] = []
        self.by_path: dict[str, ArgumentCount] = {}
        self.fully_derived: dict[str, list[int]] = {}

    def add(self, context: Context, others: Sequence[Context]) -> None:
        """Count the calls of one context; `others` are its null."""
        for step, cut in zip(context.steps, context.cuts, strict=True):
            arguments = tuple(_arguments(step, self._free_text))
            self.calls.append(AskedCall(step, context, self._outcomes[context.run], cut, arguments))
            texts = [argument for argument in arguments if argument.text is not None]
            derived = [self._count(argument, step, context, cut, others) for argument in texts]
            if texts:
                counts = self.fully_derived.setdefault(step.call.name, [0, 0])
                counts[0] += all(derived) and not _has_free_text(step, self._free_text)
                counts[1] += 1

    def _count(
        self, argument: Argument, step: Step, context: Context, cut: Cut, others: Sequence[Context]
    ) -> bool:
        count = self.by_path.setdefault(argument.path, ArgumentCount(argument.path))
        text = argument.text or ""
        user, tool = context.origin(text, cut)
        count.leaves += 1
        count.in_user += user
        count.in_tool += tool
        count.derived += user or tool
        count.alike += sum(any(other.origin(text, cut)) for other in others)
        count.compared += len(others)
        count.writes = count.writes or bool(step.writes)
        count.calls.add((context.run, step.call.id))
        count.runs.add(context.run)
        count.values.add(text)
        count.clusters[context.cluster] = count.clusters.get(context.cluster, True) and (user or tool)
        return user or tool


def _arguments(step: Step, free_text: frozenset[str]) -> Iterator[Argument]:
    for leaf in leaves(step.call.name, step.call.input):
        if leaf.path not in free_text:
            yield Argument(leaf.path, leaf.value, leaf.text)


def _has_free_text(step: Step, free_text: frozenset[str]) -> bool:
    return any(leaf.path in free_text for leaf in leaves(step.call.name, step.call.input))


def _others(known: Sequence[Context]) -> Iterator[list[Context]]:
    """For each context the next ones, in the order of the hash, of the same worker and other clusters."""
    by_worker: defaultdict[str, list[Context]] = defaultdict(list)
    for context in known:
        by_worker[context.worker].append(context)
    places = Counter[str]()
    mixed = {worker: len({each.cluster for each in ring}) > 1 for worker, ring in by_worker.items()}
    for context in known:
        place = places[context.worker]
        places[context.worker] += 1
        ring = by_worker[context.worker]
        following = (ring[(place + step) % len(ring)] for step in range(1, len(ring)))
        strangers = (each for each in following if each.cluster != context.cluster)
        yield list(islice(strangers, _OTHERS)) if mixed[context.worker] else []
