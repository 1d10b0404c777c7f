"""Traces in, agreement out: how often runs of one cluster did the same, in five views of "the same"."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

from llm_do_eval.comparable import fingerprint

if TYPE_CHECKING:
    from llm_do_eval.tables.trace import Trace

View = Literal["names", "names+args", "set of names", "write names", "write names+args"]
VIEWS: Final[tuple[View, ...]] = get_args(View)


@dataclass(frozen=True, slots=True)
class AgreementRow:
    """One view: clusters whose runs are all equal, equal pairs of runs, runs in largest equal groups."""

    view: View
    clusters_all_equal: int
    clusters: int
    pairs_equal: int
    pairs: int
    modal: int
    runs: int


class Agreement:
    """Counts equal sequences of calls by cluster; a run without calls is the empty sequence."""

    def __init__(self) -> None:
        self._groups: dict[View, defaultdict[str, Counter[bytes]]] = {
            view: defaultdict(Counter[bytes]) for view in VIEWS
        }

    def add(self, trace: Trace) -> None:
        """Count one run."""
        for view, sequence in _views(trace).items():
            self._groups[view][trace.cluster][fingerprint("\0".join(sequence))] += 1

    def rows(self) -> list[AgreementRow]:
        """Give one row for each view."""
        return [_row(view, list(clusters.values())) for view, clusters in self._groups.items()]


def _views(trace: Trace) -> dict[View, list[str]]:
    steps = trace.steps
    writes = [step for step in steps if step.writes]
    return {
        "names": [step.call.name for step in steps],
        "names+args": [text for step in steps for text in (step.call.name, step.args)],
        "set of names": sorted({step.call.name for step in steps}),
        "write names": [step.call.name for step in writes],
        "write names+args": [text for step in writes for text in (step.call.name, step.args)],
    }


def _row(view: View, clusters: list[Counter[bytes]]) -> AgreementRow:
    sizes = [groups.total() for groups in clusters]
    return AgreementRow(
        view=view,
        clusters_all_equal=sum(len(groups) == 1 for groups in clusters),
        clusters=len(clusters),
        pairs_equal=sum(size * (size - 1) // 2 for groups in clusters for size in groups.values()),
        pairs=sum(size * (size - 1) // 2 for size in sizes),
        modal=sum(max(groups.values()) for groups in clusters),
        runs=sum(sizes),
    )
