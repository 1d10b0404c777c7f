"""Requests, minutes and dollars follow from the samples; what is unknown stays so in the sums."""

from __future__ import annotations

import pytest

from llm_do_eval.claim import Claim
from llm_do_eval.planning.consumption import Consumption
from llm_do_eval.planning.forecast import WHATS, Forecast, Quantity, Total, total
from llm_do_eval.planning.outlook import outlook

EVERY = outlook(Claim(), None, 20, live=True, cache=None)
PLANNED = outlook(Claim(min_pass_rate=0.8, target=0.95), None, 75, live=True, cache=None)
TAKEN = Consumption(samples=5, requests=3, latency_s=6, cost_usd=0.01, model="openai:gpt-4o-mini")


def test_all_samples_of_a_fixed_number_are_taken() -> None:
    forecast = Forecast(test="t", outlook=EVERY, concurrency=4, consumption=TAKEN)
    assert forecast.quantity("requests") == Quantity(60, 60)
    assert forecast.quantity("minutes") == Quantity(0.5, 0.5)
    assert forecast.quantity("cost_usd") == (pytest.approx(0.2), pytest.approx(0.2))


def test_of_a_plan_the_expected_and_the_most_samples_are_told() -> None:
    forecast = Forecast(test="t", outlook=PLANNED, concurrency=1, consumption=TAKEN)
    expected = PLANNED.samples.at_target
    assert forecast.quantity("requests") == Quantity(3 * expected, 225)
    assert forecast.quantity("minutes") == (pytest.approx(expected / 10), 7.5)


def test_no_number_at_a_time_is_faster_than_one_sample() -> None:
    forecast = Forecast(test="t", outlook=EVERY, concurrency=500, consumption=TAKEN)
    assert forecast.quantity("minutes") == Quantity(0.1, 0.1)


@pytest.mark.parametrize("taken", [None, Consumption(samples=1, requests=2)])
def test_what_is_unknown_is_none(taken: Consumption | None) -> None:
    forecast = Forecast(test="t", outlook=EVERY, concurrency=8, consumption=taken)
    assert [forecast.quantity(what) for what in ("minutes", "cost_usd")] == [None, None]
    assert (forecast.quantity("requests") is None) == (taken is None)
    assert forecast.to_json()["cost_usd"] is None


def test_a_test_that_is_refused_takes_nothing() -> None:
    forecast = Forecast(test="t", outlook=EVERY, concurrency=8, refused=True)
    assert [forecast.quantity(what) for what in WHATS] == [Quantity(0, 0)] * 3
    assert forecast.to_json()["runs"] is False


def test_sums_count_what_is_unknown() -> None:
    known = Forecast(test="a", outlook=EVERY, concurrency=8, consumption=TAKEN)
    unknown = Forecast(test="b", outlook=EVERY, concurrency=8)
    assert total([known, unknown, known], "requests") == Total(Quantity(120, 120), 1)
    assert total([unknown, unknown], "cost_usd") == Total(None, 2)
    assert total([unknown], "cost_usd").to_json() == {"expected": None, "worst": None, "unknown": 1}
    assert total([], "minutes") == Total(Quantity(0, 0), 0)


def test_its_json_says_where_the_numbers_come_from() -> None:
    entry = Forecast(test="t", outlook=EVERY, concurrency=8, consumption=TAKEN, cassette="c.jsonl").to_json()
    assert entry["recorded"] == {"cassette": "c.jsonl", "samples": 5, "model": "openai:gpt-4o-mini"}
    assert entry["requests"] == {"expected": 60, "worst": 60}
    assert entry["note"] is None
