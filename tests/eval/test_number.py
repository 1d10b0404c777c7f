"""A value keeps to its limit or says why it does not."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest

from llm_do_eval.number import Side, number


@pytest.mark.parametrize(
    ("value", "side", "holds"),
    [
        (8, "at most", True),
        (8.01, "at most", False),
        (Decimal("7.9"), "at most", True),
        (-3.0, "at most", True),
        (8, "at least", True),
        (7.99, "at least", False),
    ],
)
def test_a_number_is_compared_with_its_limit(value: Any, side: Side, holds: bool) -> None:  # noqa: FBT001
    assert number("latency", value, 8, side=side).holds is holds


@pytest.mark.parametrize(
    ("value", "said"), [(None, "None"), (math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf")]
)
@pytest.mark.parametrize("side", ["at most", "at least"])
def test_what_is_no_finite_number_is_beyond_every_limit(value: Any, said: str, side: Side) -> None:
    found = number("cost", value, 0, side=side)
    assert (found.value, found.holds, found.excess) == (None, False, math.inf)
    assert found.why() == f"'cost' is {said}, not {side} 0"


def test_a_number_that_misses_its_limit_says_both() -> None:
    assert number("latency", 9.25, 8).why() == "'latency' is 9.25, not at most 8"


def test_a_quantile_requires_its_share_of_values() -> None:
    assert number("latency", 1, 8).required is None
    assert number("latency", 1, 8, quantile=0.95).required == 0.95
    assert number("score", 1, 0, side="at least", quantile=0.05).required == pytest.approx(0.95)


def test_the_worse_of_two_is_further_beyond() -> None:
    low, high, lost = (number("x", value, 5) for value in (1, 9, None))
    assert low.worse(high) is high.worse(low) is high
    assert high.worse(lost) is lost
    at_least = [number("x", value, 5, side="at least") for value in (1, 9)]
    assert at_least[1].worse(at_least[0]) is at_least[0]


def test_what_is_no_number_is_refused() -> None:
    async def late() -> float:
        return 1.0

    with pytest.raises(TypeError, match="got something to await, not a number"):
        number("x", late(), 1)
    for value in ("8", [8]):
        with pytest.raises(TypeError, match="which is no number"):
            number("x", value, 1)


@pytest.mark.parametrize(("limit", "quantile"), [(math.inf, None), (math.nan, None), (1, 0.0), (1, 95)])
def test_a_limit_is_finite_and_a_quantile_between_zero_and_one(limit: float, quantile: float | None) -> None:
    with pytest.raises(ValueError, match=r"'x': (the limit|quantile) is"):
        number("x", 1, limit, quantile=quantile)
