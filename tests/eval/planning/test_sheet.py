"""A line a test, columns aligned, and sentences about what cannot be."""

from __future__ import annotations

import re

import pytest

from llm_do_eval.claim import Claim
from llm_do_eval.planning.consumption import Consumption
from llm_do_eval.planning.forecast import Forecast
from llm_do_eval.planning.outlook import outlook
from llm_do_eval.planning.sheet import document, lines, shortfalls

TAKEN = Consumption(samples=5, requests=3, latency_s=6, cost_usd=0.01, model="openai:gpt-4o-mini")
EVERY = outlook(Claim(), None, 20, live=True, cache=None)
PLANNED = outlook(Claim(min_pass_rate=0.8, target=0.95), None, 75, live=True, cache=None)
HOPELESS = outlook(Claim(min_pass_rate=0.95), None, 20, live=True, cache=None)
TESTS = [
    Forecast(test="test_a.py::test_every", outlook=EVERY, concurrency=8, consumption=TAKEN),
    Forecast(test="test_a.py::test_planned", outlook=PLANNED, concurrency=8, consumption=TAKEN),
    Forecast(test="test_b.py::test_new", outlook=EVERY, concurrency=8, note="it is torn"),
]


def cells(line: str) -> list[str]:
    return re.split(" {2,}", line)


def test_every_test_has_a_line_and_columns_are_aligned() -> None:
    head, every, planned, new, totals, *_ = lines(TESTS, None)
    for column in ("design", "samples", "power", "requests", "minutes", "USD"):
        at = head.index(column)
        assert {line[at - 2 : at] for line in (every, planned, new, totals)} == {"  "}
        assert all(line[at] != " " for line in (every, planned, new))
    assert cells(every)[-4:] == ["misses a 5 % failure in 35.8 %", "60", "0.2", "0.20"]
    assert "29.0 at 0.95, 19.9 at 0.8 (75)" in cells(planned)
    assert cells(planned)[-3:] == ["87 (225)", "0.4 (0.9)", "0.29 (0.75)"]
    assert cells(new)[-3:] == ["unknown", "unknown", "unknown"]
    summed = ["147 (285) + 1 unknown", "0.6 (1.2) + 1 unknown", "0.49 (0.95) + 1 unknown"]
    assert cells(totals) == ["total, 3 tests", *summed]


def test_what_was_not_read_is_said() -> None:
    assert "test_b.py::test_new: it is torn" in [*lines(TESTS, None)]


def test_where_no_cost_is_known_the_total_is_unknown() -> None:
    totals = [*lines(TESTS[2:], None)][2]
    assert totals.split() == ["total,", "1", "test", "unknown", "unknown", "unknown"]


@pytest.mark.parametrize(("refused", "end"), [(True, "it is not run"), (False, "it cannot PASS")])
def test_a_gate_that_cannot_be_shown_is_told_with_the_number_that_can(refused: bool, end: str) -> None:  # noqa: FBT001
    forecast = Forecast(test="t", outlook=HOPELESS, concurrency=8, consumption=TAKEN, refused=refused)
    last = [*lines([forecast], None)][-1]
    assert last.startswith("t: 20 samples can never show 0.95")
    assert "Needs >= 59 samples" in last
    assert last.endswith(end)


@pytest.mark.parametrize(
    ("budget_usd", "told"),
    [
        (None, []),
        (1.0, ["--llm-budget=1 may not suffice: the cost of 1 test is unknown"]),
        (0.6, ["--llm-budget=0.6 is short by 0.35 USD at most", "--llm-budget=0.6 may not suffice: *"]),
        (
            0.25,
            ["--llm-budget=0.25 is short by 0.24 USD as expected, and by 0.70 USD at most", "* may not *"],
        ),
    ],
)
def test_a_budget_that_does_not_cover_all_is_told(budget_usd: float | None, told: list[str]) -> None:
    found = shortfalls(TESTS, budget_usd)
    assert len(found) == len(told)
    for sentence, begin in zip(found, told, strict=True):
        assert sentence == begin or ("*" in begin and " may not suffice: the cost of 1 test" in sentence)


def test_a_budget_that_covers_all_is_not_mentioned() -> None:
    assert shortfalls(TESTS[:2], 0.96) == []
    assert not [line for line in lines(TESTS[:2], 0.96) if "budget" in line]


def test_small_sums_keep_digits_that_count() -> None:
    small = Consumption(samples=1, requests=1, latency_s=0.001, cost_usd=4.5e-6)
    row = [*lines([Forecast(test="t", outlook=EVERY, concurrency=1, consumption=small)], None)][1]
    assert row.split()[-3:] == ["<", "0.1", "0.000090"]


def test_the_document_has_tests_totals_and_shortfalls() -> None:
    found = document(TESTS, 0.6)
    assert found["schema"] == "llm-do-eval/plan/v1"
    assert [each["test"] for each in found["tests"]] == [each.test for each in TESTS]
    assert found["totals"]["cost_usd"]["unknown"] == 1
    assert found["totals"]["requests"]["worst"] == 285
    assert (found["budget_usd"], found["shortfalls"]) == (0.6, shortfalls(TESTS, 0.6))
