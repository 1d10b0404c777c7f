from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING

import numpy as np
import pytest

from llm_do_eval.stats.region import region

if TYPE_CHECKING:
    from llm_do_eval.stats.region import Floats, Integers


def difference(high: Integers, low: Integers) -> Floats:
    return high / 6 - low / 4


def test_a_region_holds_the_tables_with_the_score_and_no_others() -> None:
    found = region(difference, 0.25, 6, 4)
    for low in range(5):
        inside = [high for high in range(7) if high / 6 - low / 4 >= 0.25]
        assert found.starts[low] == min(inside, default=7)


def test_the_probability_of_a_region_is_the_sum_over_its_tables() -> None:
    found = region(difference, 0.25, 6, 4)
    summed = sum(
        comb(6, high) * 0.7**high * 0.3 ** (6 - high) * comb(4, low) * 0.4**low * 0.6 ** (4 - low)
        for high in range(7)
        for low in range(5)
        if high / 6 - low / 4 >= 0.25
    )
    assert found.probability(np.array([0.7]), np.array([0.4]))[0] == pytest.approx(summed, abs=1e-12)


@pytest.mark.parametrize("gap", [0.0, 0.2])
def test_no_rate_at_the_border_is_more_probable_than_the_largest(gap: float) -> None:
    found = region(difference, 0.25, 6, 4)
    low = gap + (1 - gap) * np.linspace(0, 1, 20_001)
    assert found.largest_probability(gap) == pytest.approx(found.probability(low - gap, low).max(), abs=1e-8)


def test_everything_and_nothing_have_probability_one_and_zero() -> None:
    assert region(difference, -2.0, 6, 4).largest_probability() == pytest.approx(1.0)
    assert region(difference, 2.0, 6, 4).largest_probability() == 0.0
