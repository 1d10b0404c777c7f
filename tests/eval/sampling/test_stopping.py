"""When samples are enough, and how many are worth launching ahead."""

from __future__ import annotations

import pytest

from llm_do_eval.sampling.stopping import Fixed, Planned
from llm_do_eval.stats.curtailed import curtailed
from llm_do_eval.stats.plan import Design

PLAN = curtailed(Design(0.8, 0.95), 40)


def test_a_fixed_number_is_all_or_nothing() -> None:
    rule = Fixed(3)
    assert [rule.ahead([True] * n) for n in range(5)] == [3, 2, 1, 0, 0]
    assert [rule.enough([False] * n) for n in range(5)] == [False, False, False, True, True]


@pytest.mark.parametrize("path", [[True] * 20, [False] * 5, [True, False] * 10])
def test_a_plan_wants_at_least_one_sample_until_it_decides(path: list[bool]) -> None:
    rule = Planned(PLAN, 40)
    for n in range(len(path)):
        decided = PLAN.first_stop(path[:n]) is not None
        assert rule.enough(path[:n]) == decided
        assert (rule.ahead(path[:n]) >= 1) == (not decided)


def test_a_sample_that_a_worker_in_order_hardly_needs_is_not_launched_ahead() -> None:
    # 36 of 40 show 0.8: with 35 passes of 36 one more settles it nine times out of ten
    assert PLAN.pass_at[40] == 37
    assert Planned(PLAN, 40).ahead([True] * 36 + [False]) == 1
    assert Planned(PLAN, 40).ahead([True] * 30) >= 7


def test_samples_beyond_a_plan_that_ended_undecided_are_all_run() -> None:
    undecided = [True] * 18 + [False] * 2
    plan = curtailed(Design(0.8, 0.96), 20)
    assert plan.first_stop(undecided) is None
    rule = Planned(plan, 30)
    assert not rule.enough(undecided)
    assert rule.ahead(undecided) == 10
    assert rule.ahead([*undecided, True]) == 9
    assert rule.enough([*undecided, *[True] * 10])


def test_fewer_samples_than_the_plan_may_take_end_it() -> None:
    rule = Planned(PLAN, 10)
    assert rule.ahead([True] * 8) == 2
    assert rule.enough([True] * 10)
