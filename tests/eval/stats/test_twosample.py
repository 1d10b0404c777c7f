import importlib
from fractions import Fraction
from math import comb
from typing import Any

import numpy as np
import pytest

from llm_do_eval.ratio import Ratio
from llm_do_eval.stats.twosample import critical_region, p_fisher, p_worse, power

STATS: Any = importlib.import_module("scipy.stats")


def test_boschloo_equals_its_reference() -> None:
    found = p_worse(Ratio(74, 117), Ratio(31, 63))
    assert found == pytest.approx(0.0355641, abs=5e-8)
    assert found == pytest.approx(STATS.boschloo_exact([[74, 31], [43, 32]], "greater").pvalue, abs=1e-7)


def test_barnard_counts_the_tables_that_tie() -> None:
    """scipy loses (8 of 15, 3 of 15), whose z is the same number but for its last digits."""

    def square(high: int, low: int) -> Fraction:
        return Fraction((high - low) * abs(high - low), (high + low) * (30 - high - low) or 1)

    tables = [(a, b) for a in range(16) for b in range(16) if square(a, b) >= square(12, 7)]
    rates = np.linspace(0, 1, 20_001)
    chances = sum(
        comb(15, a) * comb(15, b) * rates ** (a + b) * (1 - rates) ** (30 - a - b) for a, b in tables
    )
    assert (8, 3) in tables
    assert p_worse(Ratio(12, 15), Ratio(7, 15)) == pytest.approx(float(np.max(chances)), abs=1e-9)
    lost = STATS.barnard_exact([[7, 12], [8, 3]], "less").pvalue
    assert lost == pytest.approx(0.0340767, abs=5e-8)
    assert p_worse(Ratio(12, 15), Ratio(7, 15)) == pytest.approx(lost, abs=5e-5)


def test_groups_are_columns_in_the_oracle_and_not_rows() -> None:
    base, candidate = Ratio(47, 50), Ratio(40, 50)
    columns, rows = [[47, 40], [3, 10]], [[47, 3], [40, 10]]
    assert p_worse(base, candidate) == pytest.approx(0.02084, abs=5e-6)
    assert p_worse(base, candidate) == pytest.approx(STATS.barnard_exact(columns, "greater").pvalue, abs=1e-9)
    assert p_worse(base, candidate) != pytest.approx(STATS.barnard_exact(rows, "greater").pvalue, abs=1e-3)
    # Boschloo's of the same table: .026776, and .020435 with the groups taken for rows
    assert STATS.boschloo_exact(columns, "greater").pvalue == pytest.approx(0.026776, abs=5e-7)
    assert STATS.boschloo_exact(rows, "greater").pvalue == pytest.approx(0.020435, abs=5e-6)


@pytest.mark.parametrize(
    ("base", "candidate"), [((19, 20), (15, 25)), ((30, 30), (24, 29)), ((5, 9), (9, 40))]
)
def test_unequal_sizes_agree_with_scipys_boschloo(base: tuple[int, int], candidate: tuple[int, int]) -> None:
    (k, n), (other, size) = base, candidate
    oracle = STATS.boschloo_exact([[k, other], [n - k, size - other]], "greater").pvalue
    assert p_worse(Ratio(k, n), Ratio(other, size)) == pytest.approx(oracle, abs=1e-7)


@pytest.mark.parametrize(
    ("base", "candidate"), [((19, 20), (14, 20)), ((9, 10), (4, 10)), ((48, 50), (47, 50))]
)
def test_equal_sizes_are_never_below_scipys_barnard(
    base: tuple[int, int], candidate: tuple[int, int]
) -> None:
    (k, n), (other, size) = base, candidate
    oracle = STATS.barnard_exact([[k, other], [n - k, size - other]], "greater").pvalue
    assert oracle - 1e-7 <= p_worse(Ratio(k, n), Ratio(other, size)) <= oracle * 1.05


def test_fisher_tastes_tea() -> None:
    assert p_fisher(Ratio(3, 4), Ratio(1, 4)) == pytest.approx(0.2428571, abs=5e-8)


def test_boschloo_is_never_above_fisher() -> None:
    for k in range(13):
        for other in range(10):
            assert p_worse(Ratio(k, 12), Ratio(other, 9)) <= p_fisher(Ratio(k, 12), Ratio(other, 9)) + 1e-9


@pytest.mark.parametrize(("base", "candidate"), [((20, 20), (20, 20)), ((0, 7), (0, 9)), ((30, 30), (5, 5))])
def test_an_empty_row_shows_nothing(base: tuple[int, int], candidate: tuple[int, int]) -> None:
    assert p_worse(Ratio(*base), Ratio(*candidate)) == 1.0


@pytest.mark.parametrize("arm", [(0, 0), (3, 2), (-1, 4)])
def test_what_is_no_count_is_refused(arm: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="no count of passes"):
        p_worse(Ratio(1, 2), Ratio(*arm))


def test_a_better_candidate_shows_no_drop() -> None:
    assert p_worse(Ratio(10, 20), Ratio(19, 20)) > 0.9


@pytest.mark.parametrize(
    ("base", "candidate", "sizes", "expected"),
    [
        (0.95, 0.80, (20, 20), 0.38),
        (0.99, 0.90, (20, 20), 0.27),
        (0.90, 0.70, (20, 20), 0.41),
        (0.95, 0.80, (20, 60), 0.44),
        (0.95, 0.80, (20, 100), 0.51),
        pytest.param(0.95, 0.80, (50, 50), 0.76, marks=pytest.mark.slow),
        pytest.param(0.99, 0.90, (50, 50), 0.67, marks=pytest.mark.slow),
        pytest.param(0.95, 0.80, (100, 100), 0.95, marks=pytest.mark.slow),
        pytest.param(0.95, 0.80, (50, 150), 0.88, marks=pytest.mark.slow),
    ],
)
def test_power_is_that_of_the_chosen_test(
    base: float, candidate: float, sizes: tuple[int, int], expected: float
) -> None:
    assert power(base, candidate, *sizes) == pytest.approx(expected, abs=0.0051)


def test_the_critical_region_is_where_the_p_value_is_small() -> None:
    for n, size in ((12, 12), (12, 9)):
        found = critical_region(n, size, 0.05)
        for k in range(n + 1):
            for other in range(size + 1):
                assert (k >= found.starts[other]) == (p_worse(Ratio(k, n), Ratio(other, size)) <= 0.05)


@pytest.mark.parametrize("sizes", [(20, 20), (20, 31), (7, 7)])
def test_no_common_rate_is_called_a_drop_more_often_than_the_level(sizes: tuple[int, int]) -> None:
    rejected = critical_region(*sizes, alpha=0.05)
    rates = np.linspace(0, 1, 2001)
    assert 0.02 < rejected.probability(rates, rates).max() <= 0.05


def test_the_pooled_z_without_exactness_errs_too_often() -> None:
    """A control: by the normal distribution the same score would be wrong 6 % of the time."""
    k, other = np.meshgrid(np.arange(51), np.arange(51), indexing="ij")
    pooled = (k + other) / 100
    z = (k - other) / 50 / np.sqrt(np.maximum(pooled * (1 - pooled) * 2 / 50, 1e-300))
    rates = np.linspace(0.01, 0.99, 99)
    mass = STATS.binom.pmf(np.arange(51), 50, rates[:, np.newaxis])
    wrong = [row @ (z >= STATS.norm.isf(0.05)) @ row for row in mass]
    assert max(wrong) > 0.055
