import numpy as np
import pytest

from llm_do_eval.stats.categories import p_shares, total_variation


def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def test_the_distance_is_half_the_sum_of_the_gaps() -> None:
    assert total_variation(["a", "a", "b", "c"], ["a", "b"]) == pytest.approx(0.25)
    assert total_variation(["a"], ["b", "b"]) == 1.0
    assert total_variation(["a", "b"], ["b", "a"]) == 0.0


def test_equal_shares_show_nothing() -> None:
    assert p_shares(["a", "b"] * 10, ["b", "a"] * 10, rng()) == 1.0
    assert p_shares(["a"] * 5, ["a"] * 9, rng()) == 1.0


def test_shares_that_moved_are_seen_and_the_seed_decides() -> None:
    base, candidate = ["billing"] * 18 + ["other"] * 2, ["billing"] * 9 + ["other"] * 11
    assert p_shares(base, candidate, rng()) == p_shares(candidate[::-1], base[::-1], rng())
    # two labels: the exact two-sided p-value is Fisher's, .00573
    assert p_shares(base, candidate, rng()) == pytest.approx(0.00573, abs=4 * (0.00573 / 9999) ** 0.5 + 1e-4)


def test_a_p_value_is_never_zero() -> None:
    assert p_shares(["a"] * 50, ["b"] * 50, rng(), resamples=99) == 0.01


def test_no_label_is_no_comparison() -> None:
    with pytest.raises(ValueError, match="no labels"):
        p_shares([], ["a"], rng())


@pytest.mark.slow
def test_many_rare_labels_are_called_different_no_more_often_than_the_level() -> None:
    random, wrong, runs = np.random.default_rng(5), 0, 400
    for _ in range(runs):
        base, candidate = (list(map(str, random.integers(0, 20, 20))) for _ in range(2))
        wrong += p_shares(base, candidate, random, resamples=499) <= 0.05
    assert wrong / runs <= 0.05 + 4 * (0.05 * 0.95 / runs) ** 0.5
