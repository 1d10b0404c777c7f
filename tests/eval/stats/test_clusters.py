"""What samples of some inputs say about other inputs."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from llm_do_eval.stats.bounds import lower_bound
from llm_do_eval.stats.clusters import effective, new_inputs_bound, one_each_bound

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRAWS = 20_000
CELLS = [
    (inputs, samples, rate, correlation)
    for (inputs, samples), rate, correlation in itertools.product(
        [(5, 4), (10, 10), (20, 5), (50, 20)], [0.8, 0.9, 0.95, 0.98], [0.0, 0.1, 0.3, 0.6, 1.0]
    )
]


def shares(inputs: int, samples: int, rate: float, correlation: float, draws: int) -> NDArray[np.float64]:
    """Draw the pass shares of inputs whose rates vary as a beta distribution of that correlation does."""
    rng = np.random.default_rng(17)
    shape = (draws, inputs)
    if correlation == 0:
        rates = np.full(shape, rate)
    elif correlation == 1:
        rates = (rng.random(shape) < rate).astype(float)
    else:
        weight = (1 - correlation) / correlation
        rates = rng.beta(rate * weight, (1 - rate) * weight, shape)
    return rng.binomial(samples, rates) / samples


@pytest.mark.slow
def test_the_bound_covers_in_every_cell_and_the_pooled_one_does_not() -> None:
    assert len(CELLS) == 80
    ours, pooled = 1.0, 1.0
    for inputs, samples, rate, correlation in CELLS:
        seen = shares(inputs, samples, rate, correlation, DRAWS)
        ours = min(ours, float((new_inputs_bound(seen, inputs * samples) <= rate).mean()))
        if correlation == 1:
            n, k = inputs * samples, np.rint(seen.sum(axis=-1) * samples)
            low: NDArray[np.float64] = special.betaincinv(np.maximum(k, 0.5), n - k + 1, 0.05)
            pooled = min(pooled, float((low <= rate).mean()))
    assert ours >= 0.945
    assert pooled < 0.6


@pytest.mark.parametrize(("correlation", "mean"), [(0.0, 0.786), (0.3, 0.759)])
def test_the_bound_is_as_tight_as_it_was(correlation: float, mean: float) -> None:
    bounds = new_inputs_bound(shares(20, 5, 0.9, correlation, 2000), 100)
    assert float(bounds.mean()) == pytest.approx(mean, abs=4 * float(bounds.std()) / 2000**0.5 + 0.001)


def test_inputs_that_all_pass_count_as_one_sample_each() -> None:
    assert float(new_inputs_bound([1.0] * 5, 20)) == pytest.approx(0.05 ** (1 / 5), abs=1e-12)
    assert float(new_inputs_bound([0.0] * 5, 20)) == 0.0
    assert float(new_inputs_bound([1.0] * 5, 20)) < 0.55 < lower_bound(20, 20)


def test_with_one_sample_each_it_is_the_exact_bound() -> None:
    first = [True] * 17 + [False] * 3
    assert one_each_bound(first) == lower_bound(17, 20)
    assert float(new_inputs_bound(first, 20)) == pytest.approx(lower_bound(17, 20), abs=1e-12)


def test_inputs_that_agree_are_worth_more_samples_than_those_that_differ() -> None:
    alike, apart = effective([0.8] * 10, 100), effective([1.0] * 8 + [0.0] * 2, 100)
    assert alike.share == apart.share == pytest.approx(0.8)
    assert 10 == float(apart.n) < float(alike.n) <= 100


def test_many_draws_give_what_one_by_one_gives() -> None:
    drawn = shares(10, 10, 0.9, 0.3, 20)
    assert new_inputs_bound(drawn, 100) == pytest.approx([float(new_inputs_bound(row, 100)) for row in drawn])


def test_one_input_says_nothing_about_others() -> None:
    with pytest.raises(ValueError, match="two inputs with a sample each"):
        new_inputs_bound([1.0], 20)
    with pytest.raises(ValueError, match="1 samples of 2 inputs"):
        new_inputs_bound([1.0, 1.0], 1)
