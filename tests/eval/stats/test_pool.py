import math
import random

import numpy as np

from llm_do_eval.stats.operating import errors, operating
from llm_do_eval.stats.plan import Design, Plan
from llm_do_eval.stats.pool import Pool

CAP = 12


def any_plan(rng: random.Random, design: Design) -> Plan:
    """Boundaries with no sense but that of a plan."""
    pass_at, fail_at = [1], [-1]
    for n in range(1, CAP):
        fail_at.append(rng.randint(-1, n - 1))
        pass_at.append(rng.randint(fail_at[-1] + 1, n + 1))
    last = rng.randint(0, CAP)
    return Plan(design, (*pass_at, last + 1), (*fail_at, last))


def test_a_pool_gives_of_each_plan_what_the_plan_gives_alone() -> None:
    rng = random.Random(1)
    plans = [any_plan(rng, Design(0.3, 0.8)) for _ in range(50)]
    pool = Pool(
        np.array([plan.pass_at for plan in plans], dtype=np.int32).T,
        np.array([plan.fail_at for plan in plans], dtype=np.int32).T,
    )
    ends = pool.ends(0.37)
    for index, plan in enumerate(plans):
        alone = operating(plan, 0.37)
        assert math.isclose(ends.pass_[index], alone.pass_, abs_tol=1e-12)
        assert math.isclose(ends.fail[index], alone.fail, abs_tol=1e-12)
        assert math.isclose(ends.expected[index], alone.expected, abs_tol=1e-12)


def test_the_best_plan_is_the_shortest_of_those_that_keep_the_errors() -> None:
    rng = random.Random(2)
    design = Design(0.3, 0.8, alpha=0.3, beta=0.3)
    plans = [any_plan(rng, design) for _ in range(500)]
    kept = {
        plan: (operating(plan, 0.3).expected + operating(plan, 0.8).expected) / 2
        for plan in plans
        if errors(plan).alpha <= 0.3 and errors(plan).beta <= 0.3
    }
    pool = Pool(
        np.array([plan.pass_at for plan in plans], dtype=np.int32).T,
        np.array([plan.fail_at for plan in plans], dtype=np.int32).T,
    )
    best = pool.best(design)
    assert best is not None
    assert 5 < len(kept) < len(plans)
    assert math.isclose(best.expected, min(kept.values()), abs_tol=1e-8)
    assert operating(best.plan, 0.55).stops[-1] > 0
    assert pool.best(Design(0.3, 0.31)) is None
