import itertools
import math

import numpy as np
import pytest

from llm_do_eval.stats.plan import Design, Plan
from llm_do_eval.stats.pool import Pool
from llm_do_eval.stats.stopping import Rules, Stopping

# three rows of the published results of Novikov, Novikov & Farkhshatov 2022: the prices of a false PASS and
# of a false FAIL, the two rates, the one at which samples count, the horizon; and what their plan does
NOVIKOV = [
    (
        (157.696751972207, 193.349705609267, 0.05, 0.15, 0.076846178793028, 211),
        (0.100662344846268, 0.099686560438144, 38.6188822625870, 128),
    ),
    (
        (356.550267417901, 430.270248939497, 0.05, 0.15, 0.082295897173327, 254),
        (0.050077508654407, 0.050084499810315, 64.7466527863768, 182),
    ),
    (
        (246.637970057798, 275.379513286705, 0.1, 0.2, 0.136360568624635, 333),
        (0.099776422220208, 0.100134843773773, 56.4514751789318, 232),
    ),
]


@pytest.mark.parametrize(("problem", "published"), NOVIKOV)
def test_published_plans_are_reproduced(
    problem: tuple[float, float, float, float, float, int], published: tuple[float, float, float, int]
) -> None:
    pass_price, fail_price, p_lo, p_hi, counted, horizon = problem
    rules = Rules(p_lo=p_lo, p_hi=p_hi, weights={counted: 1.0}, cap=horizon)
    pool = Stopping(rules, fail_price, pass_price).pool(np.array([fail_price]), np.array([pass_price]))
    alpha, beta, samples, most = published
    assert math.isclose(pool.ends(p_lo).pass_[0], alpha, rel_tol=0, abs_tol=1e-8)
    assert math.isclose(pool.ends(p_hi).fail[0], beta, rel_tol=0, abs_tol=1e-8)
    at_counted = pool.ends(counted)
    assert math.isclose(at_counted.expected[0], samples, rel_tol=0, abs_tol=1e-8)
    assert np.flatnonzero(at_counted.reached[:, 0])[-1] == most


def every_plan(rules: Rules) -> Pool:
    """All pairs of boundaries that the rules allow."""
    pairs = [
        [(passes, fails) for fails in range(-1, n + 1) for passes in range(fails + 1, n + 2)]
        for n in range(1, rules.cap)
    ]
    pairs.append([(fails + 1, fails) for fails in range(-1, rules.cap + 1)])
    plans = [
        Plan(Design(0.3, 0.8), (1, *(each[0] for each in chosen)), (-1, *(each[1] for each in chosen)))
        for chosen in itertools.product(*pairs)
    ]
    allowed = [plan for plan in plans if rules.allow(plan)]
    pass_at, fail_at = ([getattr(plan, name) for plan in allowed] for name in ("pass_at", "fail_at"))
    return Pool(np.array(pass_at, dtype=np.int32).T, np.array(fail_at, dtype=np.int32).T)


def costs(pool: Pool, fail_price: float, pass_price: float) -> list[float]:
    at_hi, at_lo = pool.ends(0.8), pool.ends(0.3)
    samples = (at_hi.expected + at_lo.expected) / 2
    return (samples + fail_price * at_hi.fail + pass_price * at_lo.pass_).tolist()


@pytest.mark.parametrize(("looks", "min_samples_for_fail", "plans"), [(1, 0, 5400), (2, 0, 60), (1, 3, 1080)])
def test_the_recursion_finds_the_least_cost_of_all_plans(
    looks: int, min_samples_for_fail: int, plans: int
) -> None:
    rules = Rules(
        p_lo=0.3,
        p_hi=0.8,
        weights={0.8: 0.5, 0.3: 0.5},
        cap=4,
        looks=looks,
        min_samples_for_fail=min_samples_for_fail,
    )
    every = every_plan(rules)
    assert every.pass_at.shape == (5, plans)
    stopping = Stopping(rules, 200.0, 200.0)
    for prices in ((3.0, 3.0), (15.0, 6.0), (8.0, 40.0), (200.0, 200.0)):
        least = min(costs(every, *prices))
        asked = np.array([prices[0]]), np.array([prices[1]])
        assert math.isclose(stopping.values(*asked)[0], least, abs_tol=1e-12)
        assert math.isclose(costs(stopping.pool(*asked), *prices)[0], least, abs_tol=1e-12)
