import importlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from llm_do_eval.stats.shift import p_mean, p_shift

STATS: Any = importlib.import_module("scipy.stats")


def rng() -> np.random.Generator:
    return np.random.default_rng(13)


def seeded_mean(base: Sequence[float], candidate: Sequence[float]) -> float:
    return p_mean(base, candidate, rng())


EITHER = pytest.mark.parametrize("p_value", [p_shift, seeded_mean])


def test_a_shift_is_that_of_scipy_with_ties() -> None:
    base, candidate = [1.0, 2.0, 2.0, 3.0, 9.0] * 4, [2.0, 3.0, 4.0, 4.0, 10.0] * 4
    found = p_shift(base, candidate)
    assert found == STATS.mannwhitneyu(base, candidate, method="asymptotic").pvalue
    assert found < 0.05


def test_few_values_without_ties_are_counted_out() -> None:
    # all of 3 above all of 3: two of the 20 orders
    assert p_shift([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]) == pytest.approx(0.1)
    assert p_mean([1.0, 2.0, 3.0], [4.0, 5.0, 6.0], rng()) == pytest.approx(0.1, abs=0.012)


def test_the_mean_sees_one_large_value_and_the_seed_decides() -> None:
    base, candidate = [0.01] * 30, [0.01] * 24 + [5.0] * 6
    assert p_mean(base, candidate, rng()) == p_mean(base[::-1], candidate[::-1], rng())
    assert p_mean(base, candidate, rng()) < 0.05


@EITHER
def test_equal_values_show_nothing(p_value: Any) -> None:
    assert p_value([0.002] * 7, [0.002] * 4) == 1.0


@EITHER
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_no_number_is_never_dropped(p_value: Any, value: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        p_value([1.0, value], [1.0, 2.0])


@EITHER
def test_no_value_is_no_comparison(p_value: Any) -> None:
    with pytest.raises(ValueError, match="no values"):
        p_value([1.0], [])


def test_a_p_value_is_never_zero() -> None:
    assert p_mean([0.0] * 40, [1.0] * 40, rng(), resamples=99) == 0.01


@pytest.mark.slow
def test_costs_that_did_not_move_are_called_moved_no_more_often_than_the_level() -> None:
    random, wrong, runs = np.random.default_rng(17), [0, 0], 400
    for _ in range(runs):
        base, candidate = (list(random.lognormal(0, 1, 20)) for _ in range(2))
        wrong[0] += p_shift(base, candidate) <= 0.05
        wrong[1] += p_mean(base, candidate, random, resamples=499) <= 0.05
    assert max(wrong) / runs <= 0.05 + 4 * (0.05 * 0.95 / runs) ** 0.5
