"""What a claim needs is what samples then do, recomputed here from single outcomes and from references."""

from __future__ import annotations

import json
import math

import pytest

from llm_do_eval.claim import Claim
from llm_do_eval.planning import need as module
from llm_do_eval.planning.need import Caught, Fixed, Need, need
from llm_do_eval.plans import plan_for
from llm_do_eval.stats.bounds import lower_bound
from llm_do_eval.stats.plan import Design


def needed(samples: int = 20, **claim: float) -> Need:
    return need(Claim(**claim), samples, cache=None)  # pyright: ignore[reportArgumentType]


def at_least(k: int, n: int, rate: float) -> float:
    return sum(math.comb(n, each) * rate**each * (1 - rate) ** (n - each) for each in range(k, n + 1))


@pytest.mark.parametrize(
    ("rate", "sizes"),
    [
        (0.8, (14, 22, 30)),
        (0.9, (29, 46, 61)),
        (0.95, (59, 93, 124)),
        pytest.param(0.99, (299, 473, 628), marks=pytest.mark.slow),
    ],
)
def test_the_fewest_samples_equal_the_reference(rate: float, sizes: tuple[int, ...]) -> None:
    assert needed(min_pass_rate=rate).all_passing == sizes


@pytest.mark.parametrize(
    ("rate", "target", "sizes"),
    [
        (0.8, 0.95, [(30, 28), (50, 45)]),
        (0.9, 0.99, [(46, 45), (61, 59)]),
        (0.95, 0.99, [(124, 122), (181, 177)]),
    ],
)
def test_fixed_numbers_equal_the_reference_and_have_the_power(
    rate: float, target: float, sizes: list[tuple[int, int]]
) -> None:
    found = needed(min_pass_rate=rate, target=target).fixed
    assert found == tuple(Fixed(share, n, k) for share, (n, k) in zip((0.8, 0.95), sizes, strict=True))
    for share, n, k in found:
        assert at_least(k, n, target) >= share
        assert at_least(k, n, rate) <= 0.05 < at_least(k - 1, n, rate)


def test_the_plan_is_the_one_that_tests_stop_by() -> None:
    early, plan = needed(min_pass_rate=0.8, target=0.95).early, plan_for(Design(0.8, 0.95))
    assert early is not None
    assert early.cap == plan.cap == 75
    assert plan.first_stop([True] * plan.cap) == (early.first_pass, early.first_pass, "PASS")
    assert plan.first_stop([False] * plan.cap) == (early.first_fail, 0, "FAIL")
    assert (round(early.at_target, 1), round(early.at_min_pass_rate, 1)) == (29.0, 19.9)
    assert early.wald_at_target <= early.at_target <= early.peak
    assert early.wald_at_min_pass_rate <= early.at_min_pass_rate <= early.peak
    assert (early.wald_at_target + early.wald_at_min_pass_rate) / 2 == pytest.approx(23.58, abs=0.005)


def test_asking_for_k_of_20_means_what_the_reference_says() -> None:
    told = [(each.k, each.reached_by, each.missed_by) for each in needed(min_pass_rate=0.8).shown.rules]
    expected = [
        (20, 0.861, 0.9974),
        (19, 0.784, 0.982),
        (18, 0.717, 0.958),
        (17, 0.656, 0.929),
        (16, 0.599, 0.896),
    ]
    for (k, reached_by, missed_by), (of, reached, missed) in zip(told, expected, strict=True):
        assert k == of
        assert reached_by == pytest.approx(reached, abs=5e-4)
        assert missed_by == pytest.approx(missed, abs=5e-4)
        assert at_least(k, 20, reached_by) == pytest.approx(0.05)
        assert at_least(k, 20, missed_by) == pytest.approx(0.95)


@pytest.mark.parametrize(("samples", "ks"), [(1, [1]), (3, [3, 2, 1]), (7, [7, 6, 5, 4, 3])])
def test_rules_ask_for_one_pass_at_least(samples: int, ks: list[int]) -> None:
    found = needed(samples, min_pass_rate=0.8).shown.rules
    assert [each.k for each in found] == ks
    assert all(0 < each.reached_by < 1 and 0 < each.missed_by < 1 for each in found)


def test_a_guard_catches_what_the_reference_says() -> None:
    shown = needed(min_pass_rate=0.9).shown
    assert shown.fail_up_to == 15
    rounded = [Caught(rate, round(share, 2)) for rate, share in shown.guard]
    assert rounded == [(0.98, 0.0), (0.9, 0.04), (0.8, 0.37), (0.7, 0.76), (0.6, 0.95)]


def test_a_number_that_can_never_show_the_rate_says_so() -> None:
    few, enough = (needed(n, min_pass_rate=0.95).shown for n in (58, 59))
    assert few.refusal
    assert "58 samples can never show 0.95" in few.refusal
    assert (few.pass_from, few.power) == (None, 0)
    assert (enough.refusal, enough.pass_from) == (None, 59)
    assert enough.power == pytest.approx(0.99**59)
    assert lower_bound(59, 59) >= 0.95


@pytest.mark.slow
def test_more_confidence_needs_more_samples() -> None:
    found = needed(min_pass_rate=0.8, confidence=0.99)
    assert found.all_passing[0] == 21
    assert found.shown.rules[0].reached_by == pytest.approx(0.01**0.05)
    assert found.shown.rules[0].missed_by == pytest.approx(0.99**0.05)


def test_a_plan_that_would_take_minutes_to_solve_is_left_out() -> None:
    found = needed(min_pass_rate=0.999)
    assert found.early is None
    assert found.fixed[1].n > module.LARGEST_CAP / 1.5


def test_its_json_holds_every_part_by_name() -> None:
    found = json.loads(json.dumps(needed(min_pass_rate=0.8, target=0.95).to_json()))
    assert found["schema"] == "llm-do-eval/claim-plan/v1"
    assert (found["min_pass_rate"], found["target"], found["confidence"]) == (0.8, 0.95, 0.95)
    assert found["fixed"][0] == {"power": 0.8, "n": 30, "k": 28}
    assert found["early"]["cap"] == 75
    assert found["shown"]["rules"][0]["k"] == 20
    assert found["shown"]["guard"][0]["rate"] == 0.95
