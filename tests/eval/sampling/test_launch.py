"""Which sample is started next: order, attempts after infra, money, and when no more are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from llm_do_eval.number import number
from llm_do_eval.sample import Sample
from llm_do_eval.sampling.budget import Budget
from llm_do_eval.sampling.launch import ATTEMPTS, Launch, passes
from llm_do_eval.sampling.stopping import Fixed, Planned
from llm_do_eval.stats.curtailed import curtailed
from llm_do_eval.stats.plan import Design
from llm_do_eval.trajectory import Response

if TYPE_CHECKING:
    from llm_do_eval.sample import Outcome


def launched(count: int, *, max_infra: float = 0.0, budget: Budget | None = None) -> Launch:
    return Launch([Sample(index) for index in range(count)], Fixed(count), max_infra, budget)


def end(launch: Launch, sample: Sample | None, outcome: Outcome, spent_usd: float | None = 0.0) -> None:
    assert sample
    sample.outcome, sample.spent_usd = outcome, spent_usd
    launch.end(sample)


def test_samples_are_given_in_order_and_each_once() -> None:
    launch = launched(3)
    given = [launch.take() for _ in range(4)]
    assert given == [*launch.samples, None]
    assert launch.in_flight == 3


def test_a_sample_without_outcome_is_tried_again_before_others() -> None:
    launch = launched(20, max_infra=0.05)
    first = launch.take()
    end(launch, first, "infra")
    again = launch.take()
    assert again
    assert (again.index, again.attempt) == (0, 2)
    assert (launch.samples[0], launch.retried) == (again, [first])
    assert not launch.void


def test_more_infra_than_allowed_ends_the_launch() -> None:
    launch = launched(20, max_infra=0.05)
    end(launch, launch.take(), "infra")
    end(launch, launch.take(), "infra")
    assert launch.void
    assert launch.take() is None
    assert launch.infra == 2


def test_a_sample_is_not_tried_for_ever() -> None:
    launch = launched(2, max_infra=1000)
    for _ in range(ATTEMPTS):
        end(launch, launch.take(), "infra")
    end(launch, launch.take(), "pass")
    assert launch.take() is None
    assert [each.outcome for each in launch.samples] == ["infra", "pass"]
    assert launch.infra == ATTEMPTS


def test_a_single_run_is_never_repeated() -> None:
    launch = launched(1, max_infra=1)
    end(launch, launch.take(), "infra")
    assert launch.take() is None
    assert launch.retried == []


def test_what_was_restored_is_not_run() -> None:
    launch = launched(3)
    launch.samples[1] = Sample(1, outcome="fail")
    given = [launch.take(), launch.take(), launch.take()]
    assert [each and each.index for each in given] == [0, 2, None]


def test_the_prefix_in_launch_order_decides_whatever_ended_first() -> None:
    samples = [Sample(index) for index in range(4)]
    samples[1].outcome, samples[2].outcome, samples[3].outcome = "pass", "infra", "pass"
    assert passes(samples) == []
    samples[0].outcome = "fail"
    assert passes(samples) == [False, True, True]


def test_a_plan_stops_the_launch_and_lets_no_sample_start_that_is_hardly_needed() -> None:
    plan = curtailed(Design(0.7, 0.9), 20)
    launch = Launch([Sample(index) for index in range(20)], Planned(plan, 20))
    given = [launch.take() for _ in range(30)]
    ahead = sum(each is not None for each in given)
    # 18 of 20 pass: 18 samples are needed at least, and the last one hardly ever is none of these
    assert 18 <= ahead < 20
    for each in given[:18]:
        end(launch, each, "pass")
    assert launch.take() is None


def test_one_sample_is_under_way_at_least_until_the_plan_decides() -> None:
    plan = curtailed(Design(0.7, 0.9), 20)
    launch = Launch([Sample(index) for index in range(20)], Planned(plan, 20))
    outcomes = "pfpppfpppppppppppppp"
    for place, each in enumerate(outcomes):
        assert (
            plan.first_stop([letter == "p" for letter in outcomes[:place]]) is None or launch.take() is None
        )
        sample = launch.take()
        if sample is None:
            break
        end(launch, sample, "pass" if each == "p" else "fail")
    assert plan.first_stop(passes(launch.samples)) is not None


def test_the_first_sample_tells_what_one_costs_before_others_start() -> None:
    launch = launched(5, budget=Budget(1.0))
    first = launch.take()
    assert first
    assert launch.take() is None
    assert not launch.out_of_budget
    end(launch, first, "pass", 0.3)
    assert [bool(launch.take()) for _ in range(3)] == [True, True, False]
    assert not launch.out_of_budget


def test_the_budget_is_never_exceeded_and_what_is_left_is_told() -> None:
    budget = Budget(1.0)
    launch = launched(5, budget=budget)
    for _ in range(3):
        end(launch, launch.take(), "pass", 0.3)
    assert launch.take() is None
    assert launch.out_of_budget
    assert budget.spent_usd == pytest.approx(0.9)
    assert budget.reason == "the budget of $1 allows no more samples: $0.9000 is spent"


def test_an_unknown_price_ends_a_launch_with_a_budget() -> None:
    budget = Budget(1.0)
    launch = launched(5, budget=budget)
    end(launch, launch.take(), "pass", None)
    assert launch.take() is None
    assert launch.out_of_budget
    assert "price of a model is unknown" in budget.reason


def test_attempts_that_were_spoilt_are_paid_for_too() -> None:
    budget = Budget(1.0)
    launch = launched(100, max_infra=0.05, budget=budget)
    end(launch, launch.take(), "infra", 0.6)
    assert launch.take() is None
    assert launch.out_of_budget


def in_order() -> Launch:
    return Launch([Sample(index) for index in range(20)], Planned(curtailed(Design(0.7, 0.9), 20), 20))


@pytest.mark.parametrize(("repeating", "count"), [(False, 18), (True, 20)])
def test_answers_given_before_do_not_bring_a_plan_to_its_end(*, repeating: bool, count: int) -> None:
    launch, run = in_order(), 0
    while (sample := launch.take()) is not None:
        sample.responses.append(Response("a" if repeating else f"a{run}", "m", None))
        end(launch, sample, "pass")
        run += 1
    assert run == count
    assert len(passes(launch.samples)) == (1 if repeating else 18)


def test_a_test_that_claims_a_quantile_runs_all_its_samples() -> None:
    launch, run = in_order(), 0
    while (sample := launch.take()) is not None:
        sample.checks.measure(number("latency", 1, 8, quantile=0.95))
        end(launch, sample, "pass")
        run += 1
    assert run == 20
