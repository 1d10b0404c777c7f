import math
from typing import NamedTuple

import numpy as np
import pytest

from llm_do_eval.plans import plan_for
from llm_do_eval.stats.bounds import lower_bound
from llm_do_eval.stats.optimal import solve
from llm_do_eval.stats.plan import Design, Plan, Word
from llm_do_eval.stats.stagewise import Bounds, bounds_after

PLAN = plan_for(Design(0.8, 0.95))
SMALL = solve(Design(0.5, 0.9), looks=2, min_samples_for_fail=0)


class End(NamedTuple):
    """A state that a plan comes to, with the number of paths to it."""

    n: int
    k: int
    word: Word | None
    paths: int


def states(plan: Plan) -> list[End]:
    found, counts = [End(0, 0, None, 1)], {0: 1}
    for n in range(1, plan.cap + 1):
        after: dict[int, int] = {}
        for k, paths in counts.items():
            after[k] = after.get(k, 0) + paths
            after[k + 1] = after.get(k + 1, 0) + paths
        found += [End(n, k, plan.decide(n, k), paths) for k, paths in after.items()]
        counts = {k: paths for k, paths in after.items() if plan.decide(n, k) is None}
    return found


def coverage(ends: list[End], bounds: list[float], p: float, *, upper: bool = False) -> float:
    """The probability, at the true rate `p`, that the bound of the end is on the right side of it."""
    return sum(
        math.exp(math.log(end.paths) + end.k * math.log(p) + (end.n - end.k) * math.log1p(-p))
        for end, bound in zip(ends, bounds, strict=True)
        if (bound >= p if upper else bound <= p)
    )


def rates(bounds: list[float], side: float) -> list[float]:
    """Where coverage is least: beside each bound, on the side where it is wrong."""
    return [bound + side for bound in bounds if 0 < bound + side < 1]


@pytest.mark.parametrize("plan", [PLAN, SMALL], ids=["every sample", "every other"])
def test_bounds_after_stopping_cover_the_true_rate_at_every_rate(plan: Plan) -> None:
    ends = [state for state in states(plan) if state.word]
    bounds = [bounds_after(plan, end.n, end.k) for end in ends]
    lower, upper = [each.lower for each in bounds], [each.upper for each in bounds]
    least = min(coverage(ends, lower, p) for p in rates(lower, -1e-9))
    assert 0.95 - 1e-6 <= least <= 0.951
    least = min(coverage(ends, upper, p, upper=True) for p in rates(upper, 1e-9))
    assert 0.95 - 1e-6 <= least <= 0.951


def test_the_naive_bound_after_stopping_covers_too_rarely() -> None:
    ends = [state for state in states(PLAN) if state.word]
    naive = [lower_bound(end.k, end.n) for end in ends]
    assert math.isclose(min(coverage(ends, naive, p) for p in rates(naive, -1e-9)), 0.885, abs_tol=0.01)


@pytest.mark.parametrize(
    "design", [Design(0.7, 0.9), Design(0.8, 0.95), Design(0.9, 0.99), Design(0.8, 0.96)], ids=str
)
def test_every_pass_shows_what_was_asked_and_every_fail_that_the_target_is_missed(design: Design) -> None:
    plan = plan_for(design)
    for n, k, word, _ in states(plan):
        if word == "PASS":
            assert bounds_after(plan, n, k).lower >= design.p_lo
        elif word == "FAIL":
            assert bounds_after(plan, n, k).upper <= design.p_hi


def test_a_better_end_never_shows_less() -> None:
    passes = [state for state in states(PLAN) if state.word == "PASS"]
    shown = [bounds_after(PLAN, end.n, end.k).lower for end in sorted(passes, key=lambda end: -end.n)]
    assert shown == sorted(shown)
    assert passes[0].n == 18
    assert math.isclose(shown[-1], 0.05 ** (1 / 18), abs_tol=1e-12)


def test_bounds_equal_clopper_pearson_where_nothing_stops_early() -> None:
    plan = Plan(
        Design(0.5, 0.9), pass_at=(*range(1, 11), 8), fail_at=(*[-1] * 10, 7)
    )  # ten samples, then the verdict
    for k in range(11):
        lower, upper = bounds_after(plan, 10, k, 0.05)
        assert math.isclose(lower, lower_bound(k, 10), abs_tol=1e-9)
        assert math.isclose(1 - upper, lower_bound(10 - k, 10), abs_tol=1e-9)


@pytest.mark.parametrize("cut", [1, 4, 17, 40])
def test_a_cut_run_has_bounds_that_hold_whatever_cut_it(cut: int) -> None:
    # imagined to go on, it would end somewhere: what it shows then must include what it shows now
    every = [state for state in states(PLAN) if state.n <= cut]
    for n, k, word, _ in every:
        if word is None:
            lower, upper = bounds_after(PLAN, n, k)
            for step in (0, 1):
                end, passed = n, k
                while PLAN.decide(end, passed) is None:
                    end, passed = end + 1, passed + step
                reached = bounds_after(PLAN, end, passed)
                assert lower <= reached.lower
                assert upper >= reached.upper
    ends = [state for state in every if state.word or state.n == cut]
    bounds = [bounds_after(PLAN, end.n, end.k) for end in ends]
    grid = np.linspace(0.02, 0.98, 25)
    assert min(coverage(ends, [each.lower for each in bounds], p) for p in grid) >= 0.95
    assert min(coverage(ends, [each.upper for each in bounds], p, upper=True) for p in grid) >= 0.95


def test_nothing_is_shown_before_the_first_sample() -> None:
    assert bounds_after(PLAN, 0, 0) == Bounds(0.0, 1.0)


@pytest.mark.parametrize(("n", "k"), [(20, 20), (30, 0), (76, 70), (-1, 0), (5, 6)])
def test_a_state_that_the_plan_never_comes_to_is_refused(n: int, k: int) -> None:
    with pytest.raises(ValueError, match=f"the plan never comes to {k} of {n}"):
        bounds_after(PLAN, n, k)


def test_a_level_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"alpha must be between 0 and 1, not 1\.0"):
        bounds_after(PLAN, 18, 18, 1.0)
