"""Named conditions: what holds in a sample, and how often over all of them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from llm_do_eval.invariant import Broken, Checks, Judged, Tally, tallies
from llm_do_eval.number import number


@pytest.mark.parametrize(
    ("condition", "holds"), [(True, True), (1, True), ([], False), (None, False), (math.nan, False)]
)
def test_a_condition_is_true_or_false(condition: Any, holds: bool) -> None:  # noqa: FBT001
    checks = Checks()
    assert checks.check("name", condition, must=False, label=None) is holds
    assert checks.held == {"name": holds}


def test_a_name_holds_if_it_always_does() -> None:
    checks = Checks()
    for condition in (True, False, True):
        checks.check("each line", condition, must=False, label="drift")
    assert checks.held == {"each line": False}
    assert checks.broken == [Broken("each line", "drift")]


def test_something_to_await_is_no_condition() -> None:
    async def late() -> bool:
        return True

    with pytest.raises(TypeError, match="'name' got something to await"):
        Checks().check("name", late(), must=False, label=None)


def test_a_number_that_every_sample_must_keep_is_a_condition() -> None:
    checks = Checks()
    assert checks.measure(number("latency", 7, 8), must=True)
    assert not checks.measure(number("latency", 9, 8), label="slow")
    assert checks.measure(number("latency", 1, 8))
    assert (checks.held, checks.must, checks.broken) == (
        {"latency": False},
        {"latency"},
        [Broken("latency", "slow")],
    )
    assert checks.numbers["latency"].value == 9
    checks.check("other", condition=False, must=False, label=None)
    assert checks.reasons == ["invariant 'latency' is 9, not at most 8", "invariant 'other' is false"]


def test_a_number_beyond_a_quantiles_limit_fails_no_sample() -> None:
    checks = Checks()
    assert not checks.measure(number("latency", 9, 8, quantile=0.95))
    assert (checks.held, checks.broken, checks.reasons) == ({}, [], [])


def test_one_name_makes_one_claim() -> None:
    checks = Checks()
    checks.measure(number("a", 1, 8))
    checks.measure(number("b", 1, 8, quantile=0.95))
    clash = "claims something else than before; give each its own name"
    for other in (number("a", 1, 8, side="at least"), number("a", 1, 8, quantile=0.5), number("b", 1, 8)):
        with pytest.raises(ValueError, match=clash):
            checks.measure(other)
    with pytest.raises(ValueError, match=clash):
        checks.check("b", condition=True, must=False, label=None)
    with pytest.raises(ValueError, match="give must or quantile"):
        checks.measure(number("b", 1, 8, quantile=0.95), must=True)


def test_a_sample_that_ended_before_a_name_counts_against_it() -> None:
    samples = [judged(0, first=True, second=True), judged(1, first=True), judged(2)]
    assert tallies(samples) == [Tally("first", 2, 3, missed=1), Tally("second", 1, 3, missed=2)]


def test_a_sample_without_an_outcome_counts_for_nothing_but_a_violation() -> None:
    lost = judged(1, counts=False, safe=False)
    assert tallies([judged(0, safe=True), lost]) == [Tally("safe", 1, 1)]
    lost.checks.must.add("safe")
    assert tallies([judged(0, safe=True), lost]) == [Tally("safe", 1, 1, violated_in=(1,))]


def test_names_that_must_pass_are_known_though_nobody_checks_them() -> None:
    assert tallies([judged(0, safe=False)], ["safe", "other"]) == [
        Tally("safe", 0, 1, violated_in=(0,)),
        Tally("other", 0, 1, missed=1),
    ]


def judged(index: int, *, counts: bool = True, **held: bool) -> Judged:
    checks = Checks()
    for name, condition in held.items():
        checks.check(name, condition, must=False, label=None)
    return Judged(index, checks, counts=counts)
