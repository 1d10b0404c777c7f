import importlib
from itertools import product
from typing import Any

import numpy as np
import pytest

from llm_do_eval.ratio import Ratio
from llm_do_eval.stats.paired import p_mcnemar, p_sign_flip, p_within
from llm_do_eval.stats.twosample import p_fisher

STATS: Any = importlib.import_module("scipy.stats")


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.mark.parametrize(("lost", "won"), [(8, 1), (5, 5), (0, 4), (30, 12)])
def test_mcnemar_is_the_binomial_test_of_the_inputs_that_changed(lost: int, won: int) -> None:
    assert p_mcnemar(lost, won) == pytest.approx(STATS.binomtest(lost, lost + won, 0.5, "greater").pvalue)


def test_inputs_that_did_not_change_show_nothing() -> None:
    assert p_mcnemar(0, 0) == 1.0
    assert p_sign_flip([0.0] * 30, rng()) == 1.0
    assert p_sign_flip([], rng()) == 1.0
    assert p_within([Ratio(3, 3)] * 4, [Ratio(5, 5)] * 4) == 1.0


def test_few_signs_are_listed_one_by_one() -> None:
    drops = [0.2, 0.4, -0.2, 0.0, 0.6, 0.2]
    cases = [
        sum(s * abs(d) for s, d in zip(signs, drops, strict=True)) for signs in product((-1, 1), repeat=6)
    ]
    expected = np.mean([case >= sum(drops) - 1e-12 for case in cases])
    assert p_sign_flip(drops, rng()) == pytest.approx(expected)


def mean_gap(base: Any, candidate: Any, axis: int) -> Any:
    return (base - candidate).mean(axis=axis)


def test_many_signs_are_drawn_and_the_seed_decides() -> None:
    drops = list(np.linspace(-0.3, 0.5, 30))
    first, again = p_sign_flip(drops, rng()), p_sign_flip(drops, rng())
    assert first == again
    both = (np.array(drops), np.zeros(30))
    oracle = STATS.permutation_test(
        both, mean_gap, permutation_type="samples", alternative="greater", n_resamples=20_000, rng=rng()
    )
    exact = oracle.pvalue
    assert first == pytest.approx(exact, abs=4 * (exact / 9999) ** 0.5 + 4 * (exact / 20_000) ** 0.5)


def test_a_drawn_p_value_is_never_zero() -> None:
    assert p_sign_flip([1.0] * 40, rng(), resamples=99) == 0.01


def test_a_drop_is_a_number() -> None:
    with pytest.raises(ValueError, match="finite"):
        p_sign_flip([0.1, float("nan")], rng())


def test_one_input_within_is_fishers_test() -> None:
    for k in range(9):
        for other in range(7):
            base, candidate = Ratio(k, 8), Ratio(other, 6)
            assert p_within([base], [candidate]) == pytest.approx(p_fisher(base, candidate), abs=1e-12)


def test_one_sample_an_input_within_is_mcnemars_test() -> None:
    base = [Ratio(1, 1)] * 9 + [Ratio(0, 1)] * 4 + [Ratio(1, 1)] * 7
    candidate = [Ratio(0, 1)] * 9 + [Ratio(1, 1)] * 4 + [Ratio(1, 1)] * 7
    assert p_within(base, candidate) == pytest.approx(p_mcnemar(9, 4))


def test_within_sums_over_all_ways_to_deal_the_passes() -> None:
    base, candidate = [Ratio(3, 3), Ratio(2, 2)], [Ratio(1, 2), Ratio(1, 3)]
    # the passes of the first input: 4 among 3 + 2 samples, of the second: 3 among 2 + 3
    first = {2: 3 / 5, 3: 2 / 5}
    second = {0: 1 / 10, 1: 6 / 10, 2: 3 / 10}
    expected = sum(p * q for (a, p), (b, q) in product(first.items(), second.items()) if a + b >= 5)
    assert p_within(base, candidate) == pytest.approx(expected)


@pytest.mark.slow
def test_pairing_finds_what_pooling_misses_where_inputs_differ() -> None:
    """20 inputs of 5 samples whose rates spread widely, and a drop of .12 on each."""
    random, paired, pooled, wrong, runs = np.random.default_rng(3), 0, 0, 0, 200
    for _ in range(runs):
        rates = random.beta(0.9 * 0.2, 0.1 * 0.2, 20)
        base, same = random.binomial(5, rates), random.binomial(5, rates)
        worse = random.binomial(5, np.clip(rates - 0.12, 0, 1))
        paired += p_sign_flip(list((base - worse) / 5), random, 999) <= 0.05
        pooled += (
            STATS.fisher_exact(
                [[base.sum(), worse.sum()], [100 - base.sum(), 100 - worse.sum()]], "greater"
            ).pvalue
            <= 0.05
        )
        wrong += p_sign_flip(list((base - same) / 5), random, 999) <= 0.05
    assert paired > pooled + 20
    assert wrong / runs <= 0.05 + 4 * (0.05 * 0.95 / runs) ** 0.5
