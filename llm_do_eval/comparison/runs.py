"""Runs of journals in, one side of a comparison out: a worker or tool by name, its inputs by cluster."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from llm_do.errors import FormatError
from llm_do_eval.comparable import comparable
from llm_do_eval.comparison.side import Evidence, Key, Observed, Origin, Side, pooled
from llm_do_eval.ratio import Ratio
from llm_do_eval.tables.trace import trace

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from llm_do_eval.health import Health
    from llm_do_eval.observation import Call, Run
    from llm_do_eval.tables.trace import Reading, Trace

_INFRA: Final = "infra"
_MOST_INFRA: Final = 0.05
_LONGEST_LABEL: Final = 60


def journal_side(name: str, runs: Iterable[Run], reading: Reading, health: Health) -> Side:
    """Read runs, grouped by the name and the cluster of their root calls.

    Raises:
        FormatError: there is no finished run.
    """
    groups: defaultdict[Key, list[Trace]] = defaultdict(list)
    for run in runs:
        each = trace(run, reading, health)
        groups[Key(run.root.name, each.cluster)].append(each)
    if not groups:
        raise FormatError(f"{name}: no finished run; name journals of runs that have ended")
    return Side(name, "journal", {key: _observed(group) for key, group in sorted(groups.items())})


def as_one(parts: Collection[Observed]) -> Observed:
    """Put the runs of a group together, whatever their inputs; says where they show nothing."""
    whole = pooled(parts)
    ended = whole.passed.n + whole.infra
    flaw = None
    if whole.infra > _MOST_INFRA * ended:
        flaw = f"{whole.infra} of {ended} runs ended in infrastructure errors"
    elif not ended:
        flaw = "of no run it is known whether it passed; say so with --ok"
    return replace(whole, flaw=flaw)


def _observed(group: Sequence[Trace]) -> Observed:
    known = [each for each in group if each.ok is not None and not _is_infra(each.run.root)]
    infra = sum(_is_infra(each.run.root) for each in group)
    roots = [each.run.root for each in known]
    calls = [call for each in known for call in (each.run.root, *each.run.calls)]
    return Observed(
        passed=Ratio(sum(each.ok is True for each in known), len(known)),
        labels=_labels(roots),
        costs=_known([root.cost_usd for root in roots]),
        latencies=_known([root.latency_s for root in roots]),
        origin=Origin(
            models=frozenset(call.model for call in calls if call.model and call.requests),
            impls=frozenset(root.impl for root in roots),
            workers={call.name: call.spec for call in calls if call.spec},
        ),
        evidence=_evidence([each.run.root for each in group]),
        infra=infra,
    )


def _is_infra(root: Call) -> bool:
    return root.error is not None and root.error.group == _INFRA


def _labels(roots: Sequence[Call]) -> tuple[str, ...]:
    """Give what the runs returned, or the error; nothing where these are texts rather than labels."""
    labels = tuple(comparable(root.output) if root.error is None else root.error.type for root in roots)
    return labels if all(len(label) <= _LONGEST_LABEL for label in labels) else ()


def _known(numbers: Sequence[float | None]) -> tuple[float, ...]:
    return () if None in numbers else tuple(float(number) for number in numbers if number is not None)


def _evidence(roots: Sequence[Call]) -> Evidence:
    """Name the runs, and where a recording answered or was made, which sample of which cassette and when."""
    spans, moments = dict[str, tuple[float, float]](), dict[str, float]()
    for root in roots:
        cassette, sample = root.meta.get("cassette"), root.sample
        if cassette is None or sample is None:
            continue
        place = comparable([cassette, sample.test, sample.index, root.meta.get("nth", 0)])
        replayed, began = _seconds(root.meta.get("recorded_at")), _seconds(root.meta.get("tested_at"))
        ended = _seconds(root.at)
        if replayed is not None:
            moments[place] = replayed
            spans[place] = (replayed, replayed)
        elif began is not None and ended is not None:
            spans[place] = (began, ended + (root.latency_s or 0))
    return Evidence(frozenset(root.run for root in roots), spans, moments)


def _seconds(at: object) -> float | None:
    try:
        return datetime.fromisoformat(str(at)).timestamp()
    except ValueError:
        return None
