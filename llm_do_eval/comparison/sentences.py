"""A judged row in, the sentence that its numbers allow out; never that nothing got worse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from llm_do_eval.ratio import Ratio, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from llm_do_eval.comparison.row import Row
    from llm_do_eval.comparison.side import Origin


_LEAST_P: Final = 0.0001


def say(row: Row, confidence: float) -> str:
    """Say how a comparison came out; what cannot be compared says why in its own sentence already."""
    if row.p is None:
        return "; ".join((f"not comparable: {row.sentence}", *_margin(row)))
    if isinstance(row.base, Ratio) and isinstance(row.candidate, Ratio):
        return "; ".join((_rates(row, row.base, row.candidate), *_limits(row, confidence), *_margin(row)))
    return f"{row.word}: {_quantity(row)} ({_p_values(row.p, row.adjusted)})"


def differences(base: Origin, candidate: Origin) -> tuple[str, ...]:
    """Say what answered on one side and not on the other: implementation, models, workers."""
    found = [_differ("impl", base.impls, candidate.impls), _differ("model", base.models, candidate.models)]
    names = sorted(base.workers.keys() | candidate.workers.keys())
    both = [name for name in names if name in base.workers and name in candidate.workers]
    changed = [name for name in both if base.workers[name] != candidate.workers[name]]
    found += [f"worker {name!r} changed" for name in changed]
    return tuple(filter(None, found))


def points(share: float) -> str:
    """Write a difference of rates in percentage points."""
    return f"{round(share * 100, 1):g} points"


def _differ(what: str, base: frozenset[str], candidate: frozenset[str]) -> str:
    return "" if base == candidate else f"{what}: {_listed(base)} -> {_listed(candidate)}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _rates(row: Row, base: Ratio, candidate: Ratio) -> str:
    over = f" over {row.inputs} inputs" if row.inputs > 1 else ""
    improved = row.word == "improvement"
    p = _p_values(row.p_better, row.adjusted_better) if improved else _p_values(row.p, row.adjusted)
    change = f"{round((row.difference or 0) * 100, 1):+g} points"
    return f"{row.word}: {base.k}/{base.n} -> {candidate.k}/{candidate.n}{over}, {change} ({p})"


def _limits(row: Row, confidence: float) -> Iterator[str]:
    if row.worse_by_up_to is None:
        yield "how much worse it could be is not known: the sides have different shares of the inputs"
    elif row.worse_by_up_to > 0:
        could = (
            "the drop could be as large as" if row.word == "regression" else "could still be worse by up to"
        )
        yield f"{could} {points(row.worse_by_up_to)} ({percent(confidence)} confidence)"
    if row.power and isinstance(row.base, Ratio) and isinstance(row.candidate, Ratio):
        rate, drop, shown = row.power
        yield (
            f"{row.base.n} v {row.candidate.n} samples show a drop from {percent(rate)} to "
            f"{percent(rate - drop)} in {percent(shown)} of cases"
        )


def _margin(row: Row) -> Iterator[str]:
    if row.noninferiority:
        margin, p, shown = row.noninferiority
        known = "" if p is None else f" (p {_p(p)})"
        yield f"{'shown' if shown else 'not shown'}: not worse by {points(margin)}{known}"


def _quantity(row: Row) -> str:
    if row.what == "labels":
        return f"{percent(row.difference or 0)} of the labels moved"
    of = {"cost_usd": "mean, US dollars", "latency_s": "mean, seconds"}.get(row.what, "median, seconds")
    return f"{row.base:.4g} -> {row.candidate:.4g} ({of})"


def _p_values(p: float | None, adjusted: float | None) -> str:
    """Write a p-value, and what it is among the others where that is not the same."""
    assert p is not None, "only what was tested is said so"
    return f"p {_p(p)}" if adjusted in (None, p) else f"p {_p(p)}, adjusted {_p(adjusted)}"


def _p(p: float) -> str:
    return "< 0.0001" if p < _LEAST_P else f"= {p:.2g}"
