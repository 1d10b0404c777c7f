"""What is said of a test before it runs is what its samples and its plan will do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from llm_do_eval.claim import Claim
from llm_do_eval.planning.outlook import Outlook, outlook
from llm_do_eval.plans import plan_for
from llm_do_eval.stats.fixed import power
from llm_do_eval.stats.guard import catching
from llm_do_eval.stats.operating import operating
from llm_do_eval.stats.plan import Design

if TYPE_CHECKING:
    from llm_do_eval.sampling.planning import Stop


def look(samples: int, *, live: bool = True, stop: Stop | None = None, **claim: object) -> Outlook:
    return outlook(Claim(**claim), stop, samples, live=live, cache=None)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("samples", "missed"), [(1, 0.95), (20, 0.3585), (59, 0.0485)])
def test_where_every_sample_must_pass_it_tells_how_often_a_failure_is_missed(
    samples: int, missed: float
) -> None:
    seen = look(samples)
    assert seen.design == f"fixed {samples}, every sample must pass"
    assert (seen.samples, seen.power.event, seen.power.rate) == ((samples,) * 3, "misses", 0.95)
    assert seen.power.probability == pytest.approx(missed, abs=5e-5)


def test_a_live_rate_is_shown_by_the_plan_that_a_run_would_use() -> None:
    seen, plan = look(75, min_pass_rate=0.8, target=0.95), plan_for(Design(0.8, 0.95))
    assert (seen.plan, seen.design) == (plan, "plan 0.8/0.95 up to 75")
    good, bad = operating(plan, 0.95), operating(plan, 0.8)
    assert seen.samples == (good.expected, bad.expected, 75)
    assert (seen.power.event, seen.power.rate, seen.power.probability) == ("passes", 0.95, good.pass_)
    assert seen.samples.at_target < 30
    assert seen.power.probability >= 0.95


def test_the_target_is_the_default_one_unless_the_mark_names_it() -> None:
    assert look(100, min_pass_rate=0.8).power.rate == 0.96


@pytest.mark.parametrize("how", [{"stop": "fixed"}, {"live": False}])
def test_without_early_stopping_all_samples_are_looked_at(how: dict[str, object]) -> None:
    seen = look(30, min_pass_rate=0.8, target=0.95, **how)  # pyright: ignore[reportArgumentType]
    assert (seen.design, seen.plan, seen.samples) == ("fixed 30, rate >= 0.8", None, (30, 30, 30))
    assert seen.power.probability == power(30, 0.8, 0.95)


def test_too_few_samples_for_a_plan_end_when_the_verdict_is_certain() -> None:
    seen = look(20, min_pass_rate=0.8, target=0.95)
    assert seen.design == "fixed 20, rate >= 0.8, ends when certain"
    assert seen.power.probability == pytest.approx(power(20, 0.8, 0.95), abs=1e-12)
    assert seen.samples.at_min_pass_rate < seen.samples.most == 20
    assert seen.refusal is None


def test_a_number_that_can_never_show_the_rate_is_told_with_the_one_that_can() -> None:
    seen = look(20, min_pass_rate=0.95)
    assert seen.refusal
    assert "20 samples can never show 0.95" in seen.refusal
    assert (seen.needed, seen.power.probability, seen.samples.most) == (59, 0, 20)
    assert look(59, min_pass_rate=0.95).refusal is None


@pytest.mark.parametrize(("rate", "bad"), [(0.9, 0.8), (0.75, 0.5), (0.4, 0.0)])
def test_a_guard_tells_how_often_it_catches_a_worker_that_fails_twice_as_often(
    rate: float, bad: float
) -> None:
    seen = look(20, min_pass_rate=rate, mode="guard")
    assert (seen.design, seen.plan) == (f"guard 20, rate >= {rate:g}", None)
    assert seen.power == ("catches", bad, catching(20, rate, bad))


def test_another_confidence_is_another_plan() -> None:
    ninety = look(100, min_pass_rate=0.8, target=0.95, confidence=0.9)
    assert ninety.samples.at_target < look(100, min_pass_rate=0.8, target=0.95).samples.at_target


def test_its_json_has_numbers_only_where_there_are_some() -> None:
    assert look(20).to_json() == {
        "design": "every",
        "min_pass_rate": None,
        "target": None,
        "mode": "prove",
        "confidence": 0.95,
        "samples": {"at_target": 20, "at_min_pass_rate": 20, "most": 20},
        "power": {"event": "misses", "rate": 0.95, "probability": 0.95**20},
        "refusal": None,
        "needed": None,
    }


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        ({}, "misses a 5 % failure in 35.8 %"),
        ({"min_pass_rate": 0.8, "target": 0.95}, "35.8 % PASS at 0.95"),
        ({"min_pass_rate": 0.9, "mode": "guard"}, "catches 0.8 in 37 %"),
    ],
)
def test_power_is_said_in_words(claim: dict[str, object], words: str) -> None:
    assert str(look(20, **claim).power) == words  # pyright: ignore[reportArgumentType]
