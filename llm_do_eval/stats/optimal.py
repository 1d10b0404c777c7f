"""A design in, the plan that keeps its exact errors with the least expected samples out.

The mean of the expected samples at the two rates is minimised. Prices of wrong verdicts turn the limits on
errors into costs. The prices at which the dual is greatest give the attainable limit; of the plans that are
optimal at prices near these, the best that keeps the errors is taken.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from llm_do_eval.stats.fixed import fixed_size
from llm_do_eval.stats.pool import Choice, Pool
from llm_do_eval.stats.stopping import Rules, Stopping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from llm_do_eval.stats.fixed import FixedSize
    from llm_do_eval.stats.plan import Design, Plan

    Floats = NDArray[np.float64]

MIN_SAMPLES_FOR_FAIL: Final = 5
"""A plan that FAILed after fewer would leave too little to see what goes wrong."""

THOROUGH: Final = 300
"""Up to this cap many plans are compared; above it one more or less in a boundary makes little difference."""

_QUICK: Final = ((0.5, 0.2, 21),)
# where the rates are not weighted evenly, other plans are optimal, and some leave less of the errors unused
_THOROUGH: Final = ((0.5, 0.2, 41), *((share / 10, 0.7, 41) for share in range(1, 10)))


class CapTooSmall(ValueError):
    """No plan within the cap keeps the errors; one with a cap of `needed` does."""

    def __init__(self, design: Design, cap: int, needed: int) -> None:
        super().__init__(
            f"no plan of up to {cap} samples tells {design.p_lo:g} from {design.p_hi:g} with errors of "
            f"{design.beta:g} and {design.alpha:g}; allow {needed}"
        )
        self.needed = needed


class Dual(NamedTuple):
    """The least mean of expected samples that any test can have, and the prices that show it."""

    attainable: float
    fail_price: float
    pass_price: float


def default_cap(design: Design) -> int:
    """Give half as many samples again as a test of fixed size takes."""
    return _fixed(design, 1).n * 3 // 2


def rules_for(
    design: Design,
    *,
    cap: int | None = None,
    looks: int = 1,
    min_samples_for_fail: int = MIN_SAMPLES_FOR_FAIL,
) -> Rules:
    """Give the rules by which `solve` finds a plan.

    Raises:
        ValueError: a number below 1, or for `min_samples_for_fail` below 0.
    """
    cap = default_cap(design) if cap is None else cap
    least = {"cap": 1, "looks": 1, "min_samples_for_fail": 0}
    for name, number in (("cap", cap), ("looks", looks), ("min_samples_for_fail", min_samples_for_fail)):
        if number < least[name]:
            raise ValueError(f"{name} is {number}, below {least[name]}")
    return Rules(
        p_lo=design.p_lo,
        p_hi=design.p_hi,
        weights={design.p_hi: 0.5, design.p_lo: 0.5},
        cap=cap,
        looks=looks,
        min_samples_for_fail=min_samples_for_fail,
    )


def solve(
    design: Design,
    *,
    cap: int | None = None,
    looks: int = 1,
    min_samples_for_fail: int = MIN_SAMPLES_FOR_FAIL,
) -> Plan:
    """Find the best plan of up to `cap` samples that stops only at multiples of `looks` or at the cap.

    Args:
        design: what it tells apart, and how rarely it errs.
        cap: by default `default_cap`.
        looks: how many samples are waited for before each decision.
        min_samples_for_fail: before so many samples it does not FAIL.

    Raises:
        CapTooSmall: no plan within the cap keeps the errors.
        ValueError: a number below 1, or for `min_samples_for_fail` below 0.
    """
    rules = rules_for(design, cap=cap, looks=looks, min_samples_for_fail=min_samples_for_fail)
    best: Choice | None = None
    for pool in _pools(design, rules):
        choice = pool.best(design)
        if choice is not None and (best is None or choice.expected < best.expected):
            best = choice
    if best is None:
        raise _too_small(design, rules.cap)
    return best.plan


def dual(
    design: Design,
    *,
    cap: int | None = None,
    looks: int = 1,
    min_samples_for_fail: int = MIN_SAMPLES_FOR_FAIL,
) -> Dual:
    """Give the limit that no test within the same rules is below, also none that tosses coins.

    Raises:
        CapTooSmall: no test within the cap keeps the errors.
        ValueError: a number below 1, or for `min_samples_for_fail` below 0.
    """
    return _dual(design, rules_for(design, cap=cap, looks=looks, min_samples_for_fail=min_samples_for_fail))


def _too_small(design: Design, cap: int) -> CapTooSmall:
    return CapTooSmall(design, cap, _fixed(design, cap + 1).n)


def _dual(design: Design, rules: Rules) -> Dual:
    """Maximise the dual, which is concave in the prices, on ever finer grids of their logarithms."""
    middle, half = np.log(rules.cap / 4 / np.array([design.alpha, design.beta])), 3.0
    best = Dual(0.0, *np.exp(middle))
    # a price runs away to 0 where its error is below the limit in any plan: some rounds are enough
    for _ in range(25):
        fail_prices, pass_prices = _grid(middle, half, 9)
        costs = Stopping(rules, fail_prices[-1], pass_prices[-1]).values(fail_prices, pass_prices)
        bounds = costs - fail_prices * design.alpha - pass_prices * design.beta
        index = int(bounds.argmax())
        best = Dual(float(bounds[index]), float(fail_prices[index]), float(pass_prices[index]))
        if best.attainable > rules.cap + 1:  # without bound, then; one is for rounding
            raise _too_small(design, rules.cap)
        moved = np.log([best.fail_price, best.pass_price])
        if np.abs(moved - middle).max() < 0.9 * half:  # not at the edge of the grid
            half /= 2.5
        middle = moved
        if half < 0.005:  # noqa: PLR2004 - the dual is flat at its top
            break
    return best


def _grid(middle: Floats, half: float, points: int) -> tuple[Floats, Floats]:
    steps = np.exp(np.linspace(-half, half, points))
    fail_prices, pass_prices = np.meshgrid(*(np.exp(middle)[:, None] * steps), indexing="ij")
    return fail_prices.ravel(), pass_prices.ravel()


def _pools(design: Design, rules: Rules) -> Iterator[Pool]:
    """Yield plans to choose from: one that needs no search, and those optimal at prices near the dual's."""
    yield from _curtailed(design, rules)
    found = _dual(design, rules)
    # on a fixed grid, so that rounding on the way to the dual does not decide which plans are compared
    middle = np.log([found.fail_price, found.pass_price]).round(1)
    for share, half, points in _THOROUGH if rules.cap <= THOROUGH else _QUICK:
        weighted = replace(rules, weights={design.p_hi: share, design.p_lo: 1 - share})
        fail_prices, pass_prices = _grid(middle, half, points)
        yield Stopping(weighted, fail_prices[-1], pass_prices[-1]).pool(fail_prices, pass_prices)


def _curtailed(design: Design, rules: Rules) -> Iterator[Pool]:
    """Yield the least test of fixed size, stopped as soon as its verdict is certain; none where none fits."""
    size = _fixed(design, 1)
    while size.n <= rules.cap and not (rules.may_stop(size.n) and rules.may_fail(size.n)):
        size = _fixed(design, size.n + 1)
    if size.n > rules.cap:
        return
    n = np.arange(size.n + 1)
    stops = np.array([rules.may_stop(each) for each in range(size.n + 1)])
    fails = stops & np.array([rules.may_fail(each) for each in range(size.n + 1)])
    pass_at = np.where(stops, np.minimum(size.k, n + 1), n + 1)
    fail_at = np.where(fails, np.maximum(size.k - 1 - (size.n - n), -1), -1)
    yield Pool(pass_at[:, None].astype(np.int32), fail_at[:, None].astype(np.int32))


def _fixed(design: Design, least: int) -> FixedSize:
    return fixed_size(design.p_lo, design.p_hi, design.alpha, design.beta, least=least)
