"""A plan in, the true rate at which it takes the most samples on average, and how many, out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from llm_do_eval.stats.operating import operating

if TYPE_CHECKING:
    from llm_do_eval.stats.plan import Plan

_POINTS: Final = 64
_THIRDS: Final = 20


class Peak(NamedTuple):
    """The most samples, on average, that a plan takes at any true rate, and the rate at which it does."""

    rate: float
    expected: float


def peak(plan: Plan) -> Peak:
    """Find the peak: the best of a grid of rates, then ever smaller parts of what lies beside it."""

    def _expected(rate: float) -> float:
        return operating(plan, rate).expected

    step = 1 / _POINTS
    best = max((each * step for each in range(1, _POINTS)), key=_expected)
    low, high = best - step, best + step
    for _ in range(_THIRDS):
        third = (high - low) / 3
        below, above = low + third, high - third
        low, high = (low, above) if _expected(below) >= _expected(above) else (below, high)
    rate = (low + high) / 2
    return Peak(rate, _expected(rate))
