"""Traces in, purity out: for each tool, whether the same arguments always gave the same result."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from llm_do_eval.comparable import comparable, fingerprint, parsed
from llm_do_eval.ratio import Ratio

if TYPE_CHECKING:
    from llm_do_eval.tables.trace import Step, Trace


@dataclass(slots=True)
class _Answers:
    """What one argument set gave."""

    result: bytes
    run: str
    cluster: str
    calls: int = 1
    agrees: bool = True
    clusters: set[str] | None = None
    in_one_run: int = 0


@dataclass(slots=True)
class _Tool:
    by_args: dict[bytes, _Answers] = field(default_factory=dict[bytes, _Answers])
    writes: set[bool | None] = field(default_factory=set[bool | None])
    calls: int = 0


@dataclass(frozen=True, slots=True)
class ToolPurity:
    """What repeated calls of one tool show.

    `distinct` counts argument sets, `agreed` those seen at least twice and, of them, those with one
    result; `clusters` says for every cluster with a repeat whether all its repeats agreed. `same_anyway`
    is the share of pairs of different argument sets with equal results: how often equality means
    nothing; None below two sets. `in_one_run` counts calls that repeat an earlier call of their run.
    `writes` is None where nobody said whether the tool has effects.
    """

    tool: str
    calls: int
    agreed: Ratio
    distinct: int
    clusters: dict[str, bool]
    same_anyway: float | None
    in_one_run: int
    writes: bool | None


class Purity:
    """Counts results by tool and arguments; calls that never ran (denied, stubbed) are left out."""

    def __init__(self) -> None:
        self._tools: defaultdict[str, _Tool] = defaultdict(_Tool)

    def add(self, trace: Trace) -> None:
        """Count one run."""
        for step in trace.steps:
            if step.ran:
                self._count(step, trace)

    def rows(self) -> dict[str, ToolPurity]:
        """Give what is known of every tool that ran, by name."""
        return {name: _row(name, self._tools[name]) for name in sorted(self._tools)}

    def _count(self, step: Step, trace: Trace) -> None:
        tool = self._tools[step.call.name]
        tool.writes.add(step.writes)
        tool.calls += 1
        result = fingerprint(comparable(parsed(step.call.output)))
        key = fingerprint(step.args)
        answers = tool.by_args.get(key)
        if answers is None:
            tool.by_args[key] = _Answers(result, trace.run.id, trace.cluster)
            return
        answers.calls += 1
        answers.agrees = answers.agrees and result == answers.result
        # the least, so that the order of runs does not matter
        answers.result = min(answers.result, result)
        answers.in_one_run += answers.run == trace.run.id
        answers.run = trace.run.id
        answers.clusters = (answers.clusters or {answers.cluster}) | {trace.cluster}


def _row(name: str, tool: _Tool) -> ToolPurity:
    repeated = [answers for answers in tool.by_args.values() if answers.calls > 1]
    clusters: dict[str, bool] = {}
    for answers in repeated:
        for cluster in answers.clusters or ():
            clusters[cluster] = clusters.get(cluster, True) and answers.agrees
    sets = len(tool.by_args)
    same = Counter(answers.result for answers in tool.by_args.values())
    return ToolPurity(
        tool=name,
        calls=tool.calls,
        agreed=Ratio(sum(answers.agrees for answers in repeated), len(repeated)),
        distinct=sets,
        clusters=clusters,
        same_anyway=sum(n * (n - 1) for n in same.values()) / (sets * (sets - 1)) if sets > 1 else None,
        in_one_run=sum(answers.in_one_run for answers in repeated),
        writes=True if True in tool.writes else None if None in tool.writes else False,
    )
