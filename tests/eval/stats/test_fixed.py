import math

import pytest

from llm_do_eval.stats.bounds import lower_bound
from llm_do_eval.stats.fixed import FixedSize, critical, fixed_size, power, wald_bound
from llm_do_eval.stats.operating import operating
from llm_do_eval.stats.plan import Design, Plan


@pytest.mark.parametrize("p_lo", [0.5, 0.8, 0.9, 0.95, 0.99])
def test_the_critical_count_is_the_least_whose_bound_reaches_the_rate(p_lo: float) -> None:
    for n in range(151):
        k = critical(n, p_lo)
        assert k == n + 1 or lower_bound(k, n) >= p_lo
        assert k == 0 or lower_bound(k - 1, n) < p_lo


@pytest.mark.parametrize(
    ("p_lo", "p_hi", "alpha", "size"),
    [
        (0.8, 0.95, 0.2, (30, 28)),
        (0.8, 0.95, 0.05, (50, 45)),
        (0.9, 0.98, 0.2, (61, 59)),
        (0.9, 0.98, 0.05, (89, 85)),
        (0.9, 0.99, 0.2, (46, 45)),
        (0.9, 0.99, 0.05, (61, 59)),
        (0.95, 0.99, 0.2, (124, 122)),
        (0.95, 0.99, 0.05, (181, 177)),
        (0.99, 0.999, 0.2, (473, 472)),
        (0.99, 0.999, 0.05, (628, 626)),
        (0.7, 0.9, 0.05, (41, 34)),
    ],
)
def test_sizes_equal_the_reference_table(
    p_lo: float, p_hi: float, alpha: float, size: tuple[int, int]
) -> None:
    assert fixed_size(p_lo, p_hi, alpha) == FixedSize(*size)
    assert power(size[0], p_lo, p_hi) >= 1 - alpha > power(size[0] - 1, p_lo, p_hi)


def test_power_is_saw_toothed_and_every_size_is_looked_at() -> None:
    enough = [n for n in range(1, 60) if power(n, 0.7, 0.9) >= 0.8]
    assert enough == [*range(28, 32), *range(33, 60)]
    assert fixed_size(0.7, 0.9, 0.2).n == 28
    assert fixed_size(0.7, 0.9, 0.2, least=32).n == 33


def test_too_few_samples_have_no_power() -> None:
    assert critical(13, 0.8) == 14
    assert power(13, 0.8, 0.99) == 0
    assert critical(0, 0.8) == 1
    with pytest.raises(ValueError, match="n must not be negative: -1"):
        critical(-1, 0.8)


@pytest.mark.parametrize(
    ("p_lo", "p_hi", "bound"), [(0.7, 0.9, 20.01), (0.8, 0.95, 23.58), (0.9, 0.99, 27.75)]
)
def test_walds_bound_equals_the_reference(p_lo: float, p_hi: float, bound: float) -> None:
    assert math.isclose(wald_bound(Design(p_lo, p_hi)).mean, bound, abs_tol=0.005)


@pytest.mark.parametrize(("p_lo", "error"), [(0.8, 0.120), (0.9, 0.097), (0.95, 0.091)])
def test_a_fixed_test_that_is_extended_until_it_passes_errs_about_twice_as_often(
    p_lo: float, error: float
) -> None:
    looks = range(20, 201, 20)
    pass_at = [critical(n, p_lo) if n in looks else n + 1 for n in range(201)]
    fail_at = [-1] * 200 + [pass_at[200] - 1]
    extended = Plan(Design(p_lo, (1 + p_lo) / 2), tuple(pass_at), tuple(fail_at))
    assert math.isclose(operating(extended, p_lo).pass_, error, abs_tol=0.0005)
