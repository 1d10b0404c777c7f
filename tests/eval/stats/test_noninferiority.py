import importlib
from typing import Any

import numpy as np
import pytest

from llm_do_eval.ratio import Ratio
from llm_do_eval.stats.noninferiority import largest_drop, p_not_inferior, statistic
from llm_do_eval.stats.twosample import p_worse

STATS: Any = importlib.import_module("scipy.stats")
OPTIMIZE: Any = importlib.import_module("scipy.optimize")


def numerical(base: Ratio, candidate: Ratio, margin: float) -> float:
    """Give the same z with the restricted rates found by search."""

    def unlikely(rate: float) -> float:
        pairs = ((candidate, rate), (base, rate + margin))
        return -sum(float(STATS.binom.logpmf(arm.k, arm.n, np.clip(p, 0, 1))) for arm, p in pairs)

    found = OPTIMIZE.minimize_scalar(
        unlikely, bounds=(0, 1 - margin), method="bounded", options={"xatol": 1e-12}
    )
    # at the ends of its bounds the search stops a step too early
    rate = min((found.x, 0.0, 1 - margin), key=unlikely)
    variance = rate * (1 - rate) / candidate.n + (rate + margin) * (1 - rate - margin) / base.n
    return (candidate.share - base.share + margin) / variance**0.5


def test_the_statistic_equals_its_reference() -> None:
    z = statistic(Ratio(83, 88), Ratio(69, 76), 0.10)
    assert z == pytest.approx(1.42304925, abs=5e-9)
    assert STATS.norm.sf(z) == pytest.approx(0.07736094, abs=5e-9)


def test_the_exact_p_value_is_above_that_of_the_normal_distribution() -> None:
    assert p_not_inferior(Ratio(83, 88), Ratio(69, 76), 0.10) == pytest.approx(0.0825137, abs=1e-6)


@pytest.mark.parametrize(
    ("base", "candidate", "margin"),
    [
        ((83, 88), (69, 76), 0.10),
        ((20, 20), (20, 20), 0.10),
        ((0, 20), (1, 20), 0.05),
        ((20, 20), (18, 20), 0.15),
        ((45, 50), (30, 40), 0.20),
        ((3, 30), (0, 10), 0.05),
        ((50, 50), (7, 10), 0.30),
    ],
)
def test_the_closed_form_is_the_most_likely_rate(
    base: tuple[int, int], candidate: tuple[int, int], margin: float
) -> None:
    arms = Ratio(*base), Ratio(*candidate)
    assert statistic(*arms, margin) == pytest.approx(numerical(*arms, margin), abs=1e-5)


@pytest.mark.parametrize("sizes", [(20, 20), (15, 24)])
def test_the_score_orders_tables_as_a_region_asks(sizes: tuple[int, int]) -> None:
    for margin in (0.05, 0.2):
        z = np.array(
            [
                [statistic(Ratio(b, sizes[0]), Ratio(c, sizes[1]), margin) for c in range(sizes[1] + 1)]
                for b in range(sizes[0] + 1)
            ]
        )
        assert (np.diff(z, axis=1) > -1e-7).all()
        assert (np.diff(z, axis=0) < 1e-7).all()


def errors(n: int, size: int, margin: float) -> tuple[float, float]:
    """Give the largest chance to be wrong at the border: exactly, and with the normal distribution."""
    tables = [[(Ratio(b, n), Ratio(c, size)) for c in range(size + 1)] for b in range(n + 1)]
    exact = np.array([[p_not_inferior(b, c, margin) <= 0.05 for b, c in row] for row in tables])
    normal = np.array([[statistic(b, c, margin) >= STATS.norm.isf(0.05) for b, c in row] for row in tables])
    rates = np.linspace(margin, 1, 401)[:, np.newaxis]
    base = STATS.binom.pmf(np.arange(n + 1), n, rates)
    candidate = STATS.binom.pmf(np.arange(size + 1), size, rates - margin)
    wrong = [float(np.einsum("rb,bc,rc->r", base, shown, candidate).max()) for shown in (exact, normal)]
    return wrong[0], wrong[1]


@pytest.mark.slow
@pytest.mark.parametrize(("n", "size", "margin"), [(20, 20, 0.1), (20, 20, 0.2), (15, 24, 0.1)])
def test_the_exact_test_is_never_wrong_more_often_than_the_level(n: int, size: int, margin: float) -> None:
    exact, normal = errors(n, size, margin)
    assert 0.01 < exact <= 0.05
    assert normal > exact


@pytest.mark.slow
def test_power_at_equal_rates_is_that_of_the_table() -> None:
    shown = [[p_not_inferior(Ratio(b, 20), Ratio(c, 20), 0.1) <= 0.05 for c in range(21)] for b in range(21)]
    mass = STATS.binom.pmf(np.arange(21), 20, 0.95)
    assert mass @ np.array(shown) @ mass == pytest.approx(0.26, abs=0.0051)


def test_without_a_margin_it_asks_whether_the_candidate_is_better() -> None:
    assert p_not_inferior(Ratio(12, 20), Ratio(18, 20), 0.0) == pytest.approx(
        p_worse(Ratio(18, 20), Ratio(12, 20)), abs=1e-7
    )


@pytest.mark.parametrize(
    ("base", "candidate"), [((20, 20), (20, 20)), ((19, 20), (17, 20)), ((28, 30), (9, 10))]
)
def test_the_largest_drop_is_where_the_margins_that_are_shown_begin(
    base: tuple[int, int], candidate: tuple[int, int]
) -> None:
    arms = Ratio(*base), Ratio(*candidate)
    drop = largest_drop(*arms)
    assert p_not_inferior(*arms, drop - 0.001) > 0.05
    assert all(p_not_inferior(*arms, margin) <= 0.05 for margin in (drop, drop + 0.01, drop + 0.05, 0.9))


def test_the_largest_drop_has_its_ends() -> None:
    assert largest_drop(Ratio(2, 20), Ratio(20, 20)) == 0.0
    assert largest_drop(Ratio(2, 2), Ratio(0, 2)) == 1.0
    # what 20 of 20 leave open: 1 - .05 ** (1 / 20)
    assert largest_drop(Ratio(20, 20), Ratio(20, 20)) == 0.14


@pytest.mark.slow
def test_the_largest_drop_is_rarely_below_the_true_one() -> None:
    drops = {(b, c): largest_drop(Ratio(b, 15), Ratio(c, 15)) for b in range(16) for c in range(16)}
    for high, low in ((0.95, 0.8), (0.9, 0.9), (0.99, 0.6), (0.7, 0.5)):
        base, candidate = (STATS.binom.pmf(np.arange(16), 15, rate) for rate in (high, low))
        missed = sum(base[b] * candidate[c] for (b, c), drop in drops.items() if drop < high - low - 1e-9)
        assert missed <= 0.05


@pytest.mark.parametrize("margin", [-0.1, 1.0])
def test_a_margin_is_a_share(margin: float) -> None:
    with pytest.raises(ValueError, match="a margin is"):
        p_not_inferior(Ratio(1, 2), Ratio(1, 2), margin)


def test_an_empty_arm_is_refused() -> None:
    with pytest.raises(ValueError, match="no count of passes"):
        largest_drop(Ratio(0, 0), Ratio(1, 2))
