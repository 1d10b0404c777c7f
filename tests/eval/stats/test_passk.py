"""pass@k and pass^k: unbiased, and covered by their bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from llm_do_eval.stats.bounds import lower_bound, upper_bound
from llm_do_eval.stats.passk import Kind, of_task, over_tasks, pass_at_k, pass_pow_k

KINDS: tuple[Kind, ...] = ("pass^", "pass@")


@pytest.mark.parametrize(
    ("n", "c", "k", "value"), [(5, 2, 2, 0.7), (200, 10, 10, 0.40854787), (10, 3, 5, 0.91666667)]
)
def test_one_of_k_equals_the_reference_values(n: int, c: int, k: int, value: float) -> None:
    assert pass_at_k(n, c, k) == pytest.approx(value, abs=1e-8)


def test_all_of_k_equals_the_reference_value() -> None:
    assert pass_pow_k(8, 6, 4) == pytest.approx(15 / 70, abs=1e-15)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8, 0.97])
@pytest.mark.parametrize(("n", "k"), [(5, 5), (8, 3), (20, 1)])
def test_both_are_unbiased_and_the_power_of_the_share_is_not(rate: float, n: int, k: int) -> None:
    chances = [math.comb(n, c) * rate**c * (1 - rate) ** (n - c) for c in range(n + 1)]
    all_of = math.fsum(chance * pass_pow_k(n, c, k) for c, chance in enumerate(chances))
    one_of = math.fsum(chance * pass_at_k(n, c, k) for c, chance in enumerate(chances))
    assert all_of == pytest.approx(rate**k, abs=1e-12)
    assert one_of == pytest.approx(1 - (1 - rate) ** k, abs=1e-12)
    plugged = math.fsum(chance * (c / n) ** k for c, chance in enumerate(chances))
    assert (abs(plugged - rate**k) > 1e-3) is (k > 1)


def test_more_than_there_are_cannot_be_estimated() -> None:
    assert math.isnan(pass_at_k(4, 4, 5))
    assert math.isnan(pass_pow_k(4, 4, 5))
    assert (pass_at_k(4, 0, 4), pass_pow_k(4, 3, 4)) == (0.0, 0.0)


@pytest.mark.parametrize(("n", "c", "k"), [(3, 4, 1), (3, -1, 1), (3, 1, 0)])
def test_impossible_counts_are_refused(n: int, c: int, k: int) -> None:
    for estimate in (pass_at_k, pass_pow_k):
        with pytest.raises(ValueError, match=r"no count of passes|at least 1"):
            estimate(n, c, k)


def test_twenty_of_twenty_support_less_than_half_for_five_in_a_row() -> None:
    all_of = of_task("pass^", 20, 20, 5)
    assert all_of.value == 1.0
    assert all_of.lower == pytest.approx(0.473, abs=5e-4)
    assert all_of.lower == lower_bound(20, 20) ** 5
    assert of_task("pass@", 20, 3, 4).upper == 1 - (1 - upper_bound(3, 20)) ** 4


@pytest.mark.parametrize("kind", KINDS)
def test_bounds_of_a_task_are_as_seldom_wrong_as_those_of_its_rate(kind: Kind) -> None:
    n, k = 20, 3
    for rate in (0.3, 0.8, 0.95):
        truth = rate**k if kind == "pass^" else 1 - (1 - rate) ** k
        low = high = 0.0
        for c in range(n + 1):
            chance = math.comb(n, c) * rate**c * (1 - rate) ** (n - c)
            found = of_task(kind, n, c, k)
            low += chance * (found.lower <= truth)
            high += chance * (found.upper >= truth)
        assert min(low, high) >= 0.95 - 1e-12


def coverage(tasks: int, kind: Kind, shape: tuple[float, float], draws: int = 1000) -> float:
    """How often the lower and the upper bound cover, the worse of them, for tasks of beta rates."""
    rng = np.random.default_rng(6)
    (a, b), n, k = shape, 8, 3
    if kind == "pass@":
        estimates = np.array([pass_at_k(n, c, k) for c in range(n + 1)])
        truth = 1 - math.prod((b + j) / (a + b + j) for j in range(k))
    else:
        estimates = np.array([pass_pow_k(n, c, k) for c in range(n + 1)])
        truth = math.prod((a + j) / (a + b + j) for j in range(k))
    found = [over_tasks(estimates[rng.binomial(n, rng.beta(a, b, tasks))].tolist()) for _ in range(draws)]
    low = sum(each.lower <= truth for each in found)
    return min(low, sum(each.upper >= truth for each in found)) / draws


@pytest.mark.slow
@pytest.mark.parametrize("tasks", [5, 20, 50, 165])
@pytest.mark.parametrize("kind", KINDS)
def test_bounds_over_tasks_cover_also_near_zero_and_one(tasks: int, kind: Kind) -> None:
    for shape in ((8.0, 2.0), (0.8, 0.2), (0.5, 0.5), (0.2, 0.8), (95.0, 5.0), (0.5, 9.5)):
        # Student's t is one-sidedly off by up to two points where rates are skewed
        assert coverage(tasks, kind, shape) >= 0.93 - 4 * math.sqrt(0.93 * 0.07 / 1000)


def test_tasks_that_all_work_do_not_show_certainty() -> None:
    assert over_tasks([1.0] * 20).lower == pytest.approx(0.05 ** (1 / 20))
    assert over_tasks([0.0] * 20).upper == pytest.approx(1 - 0.05 ** (1 / 20))


def test_many_middling_tasks_are_judged_by_students_t() -> None:
    found = over_tasks([0.25, 0.75] * 50)
    assert found.value == 0.5
    assert found.lower == pytest.approx(0.5 - 1.660391 * 0.2512595 / 10, abs=1e-6)
    assert found.upper == pytest.approx(1 - found.lower)
