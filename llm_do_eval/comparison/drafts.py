"""What both sides observed of one group in, its comparisons out, before they are judged with all others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from llm_do_eval.comparison.contrast import Arms, contrast
from llm_do_eval.comparison.quantities import quantity_rows
from llm_do_eval.comparison.row import Row
from llm_do_eval.comparison.runs import as_one
from llm_do_eval.comparison.sentences import differences
from llm_do_eval.comparison.side import Key, pooled
from llm_do_eval.ratio import Ratio

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from llm_do_eval.comparison.contrast import Contrast
    from llm_do_eval.comparison.side import Observed

    Inputs = Mapping[str | None, Observed]


class Draft(NamedTuple):
    """A row without verdict; `asks` says that a margin, if there is one, is asked of it."""

    row: Row
    contrast: Contrast | None = None
    asks: bool = False


class Pair(NamedTuple):
    """Both sides on one input."""

    base: Observed
    candidate: Observed


def session_drafts(group: str, base: Inputs, candidate: Inputs) -> Iterator[Draft]:
    """Compare a function of tests: each of its tests, and over several inputs the function."""
    usable: dict[str | None, Pair] = {}
    for name in _common(base, candidate):
        pair = Pair(base[name], candidate[name])
        if found := _unusable(pair):
            yield _unusable_draft(str(Key(group, name)), found)
        else:
            usable[name] = pair
    alone = len(usable) == 1
    for name, pair in usable.items():
        yield _gate(str(Key(group, name)), [pair], asks=alone)
    pairs = list(usable.values())
    if usable and not alone:
        yield _gate(group, pairs, asks=True)
    yield from _others(str(Key(group, *usable)) if alone else group, pairs)


def journal_drafts(group: str, base: Inputs, candidate: Inputs) -> Iterator[Draft]:
    """Compare a worker or tool by name, on the same inputs where at least half of the runs are on these."""
    whole = Pair(as_one([*base.values()]), as_one([*candidate.values()]))
    if found := _unusable(whole):
        yield _unusable_draft(group, found)
        return
    both = [Pair(base[name], candidate[name]) for name in _common(base, candidate)]
    pairs = [pair for pair in both if pair.base.passed.n and pair.candidate.passed.n]
    left = [each.passed.n - sum(pair[side].passed.n for pair in pairs) for side, each in enumerate(whole)]
    notes: tuple[str, ...] = ()
    if any(2 * number > each.passed.n for number, each in zip(left, whole, strict=True)):
        pairs, notes = [whole], ("most inputs are not the same: a difference may be that of the inputs",)
    elif any(left):
        notes = (f"{sum(left)} runs on inputs that only one side has are left out",)
    draft = _gate(group, pairs, asks=True)
    told = (*differences(whole.base.origin, whole.candidate.origin), *notes)
    yield draft._replace(row=replace(draft.row, notes=told))
    yield from _others(group, pairs)


class _Unusable(NamedTuple):
    reason: str
    same: bool = False


def _common(base: Inputs, candidate: Inputs) -> list[str | None]:
    """Name the inputs of both sides in an order of their own, so that sums and draws can be repeated."""
    return sorted(base.keys() & candidate.keys(), key=lambda name: name or "")


def _unusable(pair: Pair) -> _Unusable | None:
    for side, each in zip(("base", "candidate"), pair, strict=True):
        if each.flaw:
            return _Unusable(f"{side}: {each.flaw}")
    if not pair.base.evidence.shares(pair.candidate.evidence):
        return None
    ours, theirs = pair.base.passed, pair.candidate.passed
    judged = ", judged differently" if ours.n == theirs.n and ours != theirs else ""
    return _Unusable(f"both are the same recording (the same samples{judged}: nothing to compare)", same=True)


def _unusable_draft(test: str, found: _Unusable) -> Draft:
    row = Row(test=test, what="pass_rate", gates=True, sentence=found.reason)
    return Draft(row, asks=not found.same)


def _gate(test: str, pairs: Sequence[Pair], *, asks: bool) -> Draft:
    draft = _rate_draft(Row(test=test, what="pass_rate", gates=True), [_passed(pair) for pair in pairs])
    notes = differences(pairs[0].base.origin, pairs[0].candidate.origin)
    return draft._replace(row=replace(draft.row, notes=notes), asks=asks)


def _others(test: str, pairs: Sequence[Pair]) -> Iterator[Draft]:
    if not pairs:
        return
    for name in dict.fromkeys(name for pair in pairs for name in pair.base.invariants):
        arms = [_held(pair, name) for pair in pairs if name in pair.candidate.invariants]
        if arms := [each for each in arms if each.base.n and each.candidate.n]:
            yield _rate_draft(Row(test=test, what="invariant", name=name), arms)
    base, candidate = (pooled([pair[side] for pair in pairs]) for side in (0, 1))
    yield from map(Draft, quantity_rows(test, base, candidate))


def _passed(pair: Pair) -> Arms:
    return Arms(pair.base.passed, pair.candidate.passed)


def _held(pair: Pair, name: str) -> Arms:
    none = Ratio(0, 0)
    return Arms(pair.base.invariants.get(name, none), pair.candidate.invariants[name])


def _rate_draft(row: Row, arms: Sequence[Arms]) -> Draft:
    found = contrast(arms, f"{row.test} {row.what} {row.name}")
    row = replace(
        row,
        method=found.method,
        inputs=found.inputs,
        base=found.base,
        candidate=found.candidate,
        difference=found.difference,
        p=found.p_worse,
        p_better=found.p_better,
    )
    return Draft(row, found)
