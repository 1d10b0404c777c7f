import math

import numpy as np
import pytest

from llm_do_eval.stats.fixed import fixed_size, wald_bound
from llm_do_eval.stats.operating import keeps_errors, operating
from llm_do_eval.stats.optimal import CapTooSmall, default_cap, dual, rules_for, solve
from llm_do_eval.stats.plan import Design, Plan

SMALL = Design(0.5, 0.9)


def mean(plan: Plan) -> float:
    """The mean of the expected samples at the two rates of the design."""
    return (operating(plan, plan.design.p_hi).expected + operating(plan, plan.design.p_lo).expected) / 2


@pytest.mark.slow
@pytest.mark.parametrize("min_samples_for_fail", [0, 5])
@pytest.mark.parametrize(
    ("p_lo", "p_hi", "over_bound", "over_dual"),
    [(0.7, 0.9, 1.04, 1.008), (0.8, 0.95, 1.04, 1.013), (0.9, 0.99, 1.07, 1.027), (0.95, 0.99, 1.04, 1.01)],
)
def test_a_plan_is_nearly_as_short_as_any_test_can_be(
    p_lo: float, p_hi: float, over_bound: float, over_dual: float, min_samples_for_fail: int
) -> None:
    design = Design(p_lo, p_hi)
    plan = solve(design, min_samples_for_fail=min_samples_for_fail)
    assert keeps_errors(plan)
    assert plan.cap <= 1.5 * fixed_size(p_lo, p_hi).n
    assert mean(plan) <= over_bound * wald_bound(design).mean
    least = dual(design, min_samples_for_fail=min_samples_for_fail).attainable
    assert least <= mean(plan) <= over_dual * least
    passing = [operating(plan, p).pass_ for p in np.linspace(0.01, 0.999, 100)]
    assert passing == sorted(passing)


@pytest.mark.parametrize(
    ("design", "cap", "looks", "min_samples_for_fail"),
    [
        (SMALL, None, 1, 0),
        (SMALL, None, 4, 5),
        (SMALL, 13, 1, 0),
        (SMALL, 30, 1, 12),
        (Design(0.5, 0.9, alpha=0.2, beta=0.01), None, 1, 5),
        (Design(0.05, 0.3), None, 3, 0),
    ],
)
def test_a_plan_keeps_its_errors_and_its_rules(
    design: Design, cap: int | None, looks: int, min_samples_for_fail: int
) -> None:
    plan = solve(design, cap=cap, looks=looks, min_samples_for_fail=min_samples_for_fail)
    assert keeps_errors(plan)
    rules = rules_for(design, cap=cap, looks=looks, min_samples_for_fail=min_samples_for_fail)
    assert rules.allow(plan)
    stops = {n for p in (0.2, 0.5, 0.8) for n, share in enumerate(operating(plan, p).stops) if share}
    assert all(n % looks == 0 or n == rules.cap for n in stops)
    assert all(plan.fail_at[n] == -1 for n in range(min_samples_for_fail))
    least = dual(design, cap=cap, looks=looks, min_samples_for_fail=min_samples_for_fail).attainable
    assert least <= mean(plan) + 1e-9


def test_more_rules_never_make_a_plan_shorter() -> None:
    free = dual(SMALL, min_samples_for_fail=0).attainable
    for limits in ({"looks": 2}, {"min_samples_for_fail": 5}, {"cap": 15}):
        assert dual(SMALL, **{"min_samples_for_fail": 0} | limits).attainable >= free


@pytest.mark.slow
@pytest.mark.parametrize(
    ("looks", "samples"), [(4, 26.5), (8, 27.3), (10, 28.0), (20, 32.9)], ids=["4", "8", "10", "20"]
)
def test_waiting_for_batches_costs_what_the_reference_says(looks: int, samples: float) -> None:
    plan = solve(Design(0.8, 0.95), looks=looks, min_samples_for_fail=0)
    assert keeps_errors(plan)
    assert mean(plan) <= samples + 0.05


@pytest.mark.slow
def test_a_plan_of_over_a_thousand_samples_is_as_good() -> None:
    design = Design(0.99, 0.998)
    plan = solve(design)
    assert keeps_errors(plan)
    assert 1000 < plan.cap <= default_cap(design)
    assert mean(plan) <= 1.035 * wald_bound(design).mean


@pytest.mark.parametrize("cap", [1, 5, 12])
def test_a_cap_too_small_is_refused_with_one_that_does(cap: int) -> None:
    with pytest.raises(
        CapTooSmall, match=f"no plan of up to {cap} samples tells 0.5 from 0.9 .* allow 13"
    ) as told:
        solve(SMALL, cap=cap)
    assert told.value.needed == 13
    assert solve(SMALL, cap=13).cap <= 13


@pytest.mark.parametrize("name", ["cap", "looks"])
def test_numbers_below_one_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 0, below 1"):
        solve(SMALL, **{name: 0})
    with pytest.raises(ValueError, match="min_samples_for_fail is -1, below 0"):
        solve(SMALL, min_samples_for_fail=-1)


def test_solving_twice_gives_the_same_plan() -> None:
    assert solve(SMALL) == solve(SMALL)


def test_a_single_look_at_the_cap_leaves_the_test_of_fixed_size() -> None:
    plan = solve(SMALL, cap=13, looks=13)
    assert plan.cap == 13
    assert plan.pass_at[13] == fixed_size(0.5, 0.9).k
    assert keeps_errors(plan)
    assert math.isclose(mean(plan), 13)
