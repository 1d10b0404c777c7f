import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from llm_do_eval.stats.multiplicity import benjamini_hochberg, holm

Adjust = Callable[[Sequence[float]], list[float]]
EITHER = pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
# the example of Benjamini & Hochberg 1995: 15 comparisons of a clinical trial
TRIAL = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
    0.7590, 1.0,
]  # fmt: skip


def test_the_example_of_1995_rejects_four() -> None:
    adjusted = benjamini_hochberg(TRIAL)
    assert sum(p <= 0.05 for p in adjusted) == 4
    assert adjusted[:4] == pytest.approx([0.0015, 0.0030, 0.0095, 0.035625])


def test_holm_rejects_three_of_them() -> None:
    adjusted = holm(TRIAL)
    assert sum(p <= 0.05 for p in adjusted) == 3
    assert adjusted[:4] == pytest.approx([15 * 0.0001, 14 * 0.0004, 13 * 0.0019, 12 * 0.0095])


def test_holm_is_the_largest_so_far() -> None:
    assert holm([0.03, 0.01, 0.011]) == pytest.approx([0.03, 0.03, 0.03])
    assert holm([0.9, 0.5]) == [1.0, 1.0]


@EITHER
def test_order_does_not_matter(adjust: Adjust) -> None:
    places = [int(place) for place in np.random.default_rng(1).permutation(len(TRIAL))]
    mixed = adjust([TRIAL[place] for place in places])
    assert mixed == [adjust(TRIAL)[place] for place in places]


@EITHER
def test_an_adjusted_value_is_never_below_its_own(adjust: Adjust) -> None:
    assert all(own <= adjusted <= 1 for own, adjusted in zip(TRIAL, adjust(TRIAL), strict=True))


@EITHER
def test_one_test_needs_no_adjustment_and_none_gives_none(adjust: Adjust) -> None:
    assert adjust([0.04]) == [0.04]
    assert adjust([]) == []


@EITHER
@pytest.mark.parametrize("p", [math.nan, -0.1, 1.1])
def test_what_is_no_probability_is_refused(adjust: Adjust, p: float) -> None:
    with pytest.raises(ValueError, match="p-value"):
        adjust([0.1, p])
