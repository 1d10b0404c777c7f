import importlib
import math
from typing import Any

import pytest

from llm_do_eval.stats.bounds import lower_bound, min_samples, samples_needed, tail, upper_bound

STATS: Any = importlib.import_module("scipy.stats")
REFERENCE = [
    (20, 20, 0.860891659332, 1.0),
    (19, 20, 0.783893835793, 0.997438621223),
    (18, 20, 0.717381475114, 0.981934796915),
    (95, 100, 0.897746622357, 0.980094436338),
    (59, 59, 0.950492390112, 1.0),
    (299, 299, 0.990030853207, 1.0),
]


def near(value: float, expected: float, within: float = 1e-12) -> bool:
    return math.isclose(value, expected, rel_tol=0, abs_tol=within)


@pytest.mark.parametrize(("k", "n", "low", "high"), REFERENCE)
def test_bounds_equal_the_reference_table(k: int, n: int, low: float, high: float) -> None:
    assert near(lower_bound(k, n), low, 1e-9)
    assert near(upper_bound(k, n), high, 1e-9)


def test_two_sided_example_is_the_pair_at_half_alpha() -> None:
    assert near(lower_bound(7, 50, 0.025), 0.0581917, 1e-7)
    assert near(upper_bound(7, 50, 0.025), 0.2673960, 1e-7)


@pytest.mark.parametrize("n", [1, 7, 40])
def test_bounds_agree_with_scipys_root_finder(n: int) -> None:
    for k in range(n + 1):
        test = STATS.binomtest(k, n, 0.5, alternative="greater")
        assert near(lower_bound(k, n), test.proportion_ci(0.95, "exact").low, 1e-9)
        test = STATS.binomtest(k, n, 0.5, alternative="less")
        assert near(upper_bound(k, n), test.proportion_ci(0.95, "exact").high, 1e-9)


def test_no_samples_show_nothing() -> None:
    assert (lower_bound(0, 0), upper_bound(0, 0)) == (0.0, 1.0)


def test_edges_are_explicit() -> None:
    assert lower_bound(0, 9) == 0.0
    assert upper_bound(9, 9) == 1.0
    for n in (1, 20, 1000):
        assert near(lower_bound(n, n), 0.05 ** (1 / n), 1e-12)


def test_huge_counts_keep_their_digits() -> None:
    n = 10**15
    assert near(lower_bound(n - 3, n), 0.9999999999999922, 3e-16)
    assert lower_bound(10**9, 10**9) < 1.0


def test_a_lower_bound_never_covers_less_often_than_it_says() -> None:
    for n in (20, 50):
        for rate in (0.5, 0.8, 0.93, 0.99):
            passes = [math.comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(n + 1)]
            covered = sum(p for k, p in enumerate(passes) if lower_bound(k, n) <= rate)
            assert covered >= 0.95 - 1e-12


@pytest.mark.parametrize(("rate", "n"), [(0.8, 14), (0.9, 29), (0.95, 59), (0.99, 299), (0.999, 2995)])
def test_least_samples_for_a_rate(rate: float, n: int) -> None:
    assert min_samples(rate, 0.05) == n
    assert lower_bound(n, n) >= rate > lower_bound(n - 1, n - 1)


@pytest.mark.parametrize(
    ("rate", "needed"),
    [(0.8, (14, 22, 30)), (0.9, (29, 46, 61)), (0.95, (59, 93, 124)), (0.99, (299, 473, 628))],
)
def test_failures_ask_for_more_samples(rate: float, needed: tuple[int, int, int]) -> None:
    assert tuple(samples_needed(failures, rate) for failures in range(3)) == needed


def test_a_correction_for_ten_rules_asks_for_more() -> None:
    assert samples_needed(0, 0.99, 0.05 / 10) == 528
    assert samples_needed(0, 0.95, 0.05 / 10) == 104


def test_tail_counts_at_least_k() -> None:
    assert near(tail(3, 3, 0.5), 0.125)
    assert near(tail(2, 3, 0.5), 0.5)
    assert tail(0, 0, 0.5) == 1.0
    assert tail(1, 4, 0.0) == 0.0


@pytest.mark.parametrize(("k", "n"), [(-1, 3), (4, 3), (0, -1)])
def test_impossible_counts_are_refused(k: int, n: int) -> None:
    with pytest.raises(ValueError, match="no count of passes"):
        lower_bound(k, n)


def test_counts_are_integers() -> None:
    with pytest.raises(TypeError):
        lower_bound(2.0, 3)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, math.nan])
def test_levels_lie_between_zero_and_one(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        upper_bound(1, 2, alpha)


def test_no_number_of_samples_shows_certainty() -> None:
    with pytest.raises(ValueError, match="min_pass_rate"):
        min_samples(1.0, 0.05)
    with pytest.raises(ValueError, match="negative"):
        samples_needed(-1, 0.9)
