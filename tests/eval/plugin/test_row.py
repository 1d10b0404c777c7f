from __future__ import annotations

from typing import Any

import pytest
from sessions import entry, named

from llm_do_eval.plugin.row import asked_of, money, percent, rows_of


@pytest.mark.parametrize(
    ("test", "bounds", "shows"),
    [
        (entry("PASS"), ">= 86.1 %", ">= 0.8"),
        (entry("PASS", min_pass_rate=None), ">= 86.1 %", ""),
        (entry("PASS", k=19, bound=0.784, upper_bound=0.997, mode="guard"), "78.4-99.7 %", "not < 0.8"),
        (entry("PASS", mode="guard"), ">= 86.1 %", ">= 0.8"),
        (entry("INCONCLUSIVE"), "78.4-99.7 %", "not yet"),
        (entry("FAIL"), "4.2-34.4 %", "< 0.8"),
        (entry("FAIL", k=0, bound=0.0, upper_bound=0.139108), "<= 13.9 %", "< 0.8"),
        (entry("FAIL", k=13, target=0.95, upper_bound=0.9), "4.2-90 %", "< 0.95"),
        (entry("FAIL", min_pass_rate=None), "4.2-34.4 %", "not all"),
        (entry("VOID"), "", "nothing"),
        (entry("INCOMPLETE"), "", "nothing"),
        (entry("INCONCLUSIVE", k=0, n=0, bound=0.0, upper_bound=1.0), "", "not yet"),
    ],
)
def test_a_row_says_what_is_shown(test: dict[str, Any], bounds: str, shows: str) -> None:
    row = rows_of(test).test
    assert (row.bounds, row.shows) == (bounds, shows)
    assert row.passed == f"{test['k']}/{test['n']}"


def test_a_failure_for_another_reason_than_the_rate_is_not_said_to_refute_it() -> None:
    passing: dict[str, Any] = {"k": 20, "bound": 0.861, "upper_bound": 1.0}
    assert rows_of(entry("FAIL", **passing)).test.shows == "see below"
    rows = rows_of(entry("FAIL", **passing, invariants=[named("never", "FAIL", k=19, upper_bound=0.997)]))
    assert rows.test.shows == "by invariant"
    assert rows.invariants[0].shows == "not always"


def test_a_number_is_named_with_its_limit_asks_for_its_own_share_and_tells_its_values() -> None:
    number = named("latency", "FAIL", side="at most", limit=8.0, min_pass_rate=0.95, values={"max": 9})
    [row] = rows_of(entry("FAIL", target=0.9, invariants=[number])).invariants
    assert (row.name, row.shows) == ("latency at most 8", "< 0.95")
    assert asked_of(number, entry(target=0.9)) == (0.95, None)
    assert asked_of(named("queue", min_pass_rate=0.8), entry(target=0.9)) == (0.8, 0.9)
    telling = [rows_of(entry(word)).test.telling for word in ("PASS", "INCONCLUSIVE")]
    assert telling == [False, True]
    assert rows_of(entry(invariants=[number | {"verdict": "PASS"}])).invariants[0].telling
    assert rows_of(entry(invariants=[number | {"limit": None}])).invariants[0].name == "latency"


def test_fields_that_are_missing_leave_their_texts_empty() -> None:
    row = rows_of({"test": "a", "verdict": "PASS", "k": 9, "n": 9}).test
    assert (row.bounds, row.shows, row.sentence, row.cost) == ("", "", "", "?")
    assert rows_of(entry("PASS", bound=None, upper_bound=None)).test.bounds == ""
    assert rows_of(entry("PASS", upper_bound=None)).test.bounds == ">= 86.1 %"


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0"), (1, "100"), (0.5, "50"), (0.8609, "86.1"), (0.99996, "99.996"), (0.0001, "0.01")],
)
def test_a_share_that_is_not_all_is_never_said_to_be(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("cost", "text"),
    [
        (None, "?"),
        (0.0, "$0"),
        (12.345, "$12.35"),
        (0.034, "$0.03"),
        (0.0042, "$0.0042"),
        (0.0001, "$0.0001"),
        (0.00002, "under $0.0001"),
    ],
)
def test_money_is_never_rounded_to_nothing(cost: float | None, text: str) -> None:
    assert money(cost) == text
