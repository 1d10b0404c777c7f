"""Passes and samples of each input in, a lower bound on the rate of inputs like these out.

Samples of one input resemble each other, so they say less about the next input than their number suggests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from llm_do_eval.stats.bounds import lower_bound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

_FEWEST_INPUTS = 2


class Effective(NamedTuple):
    """A mean share over inputs, and how many independent samples it is worth."""

    share: NDArray[np.float64]
    n: NDArray[np.float64]


def new_inputs_bound(shares: ArrayLike, samples: int, alpha: float = 0.05) -> NDArray[np.float64]:
    """Give the rate that new inputs like these reach; wrong about as rarely as `alpha`, by simulation.

    It is the bound of Korn and Graubard (Survey Methodology 24, 1998), with one more input that always fails
    in its variance: without that, inputs that all pass would show no variance at all.

    Args:
        shares: the pass share of each input, inputs along the last axis; at least two.
        samples: the samples of all inputs together.
        alpha: how often the bound may be wrong.

    Raises:
        ValueError: fewer than two inputs, or fewer samples than inputs.
    """
    share, n = effective(shares, samples, alpha)
    failed = (1 - share) * n
    passed = np.maximum(share * n, np.finfo(float).tiny)
    return np.where(share <= 0, 0.0, special.betaincinv(passed, failed + 1, alpha))


def effective(shares: ArrayLike, samples: int, alpha: float = 0.05) -> Effective:
    """Give the mean share of inputs and its effective sample size, at least one for each input.

    Raises:
        ValueError: fewer than two inputs, or fewer samples than inputs.
    """
    rates = np.asarray(shares, dtype=np.float64)
    inputs = rates.shape[-1]
    if inputs < _FEWEST_INPUTS or samples < inputs:
        raise ValueError(
            f"{samples} samples of {inputs} inputs: two inputs with a sample each are the fewest"
        )
    with_failure = np.concatenate([rates, np.zeros((*rates.shape[:-1], 1))], axis=-1)
    middle = with_failure.mean(axis=-1)
    independent = middle * (1 - middle) / samples
    seen = with_failure.var(axis=-1, ddof=1) / inputs
    ratio = np.divide(seen, independent, out=np.ones_like(seen), where=independent > 0)
    design = np.clip(ratio, 1.0, samples / inputs)
    fewer_degrees = _t(samples - 1, alpha) / _t(inputs - 1, alpha)
    return Effective(rates.mean(axis=-1), np.maximum(samples / design * fewer_degrees**2, float(inputs)))


def one_each_bound(first: Sequence[bool], alpha: float = 0.05) -> float:
    """Give the rate that new inputs reach from one sample of each input: exact, and the widest."""
    return lower_bound(sum(map(bool, first)), len(first), alpha)


def _t(degrees: int, alpha: float) -> float:
    return float(special.stdtrit(degrees, 1 - alpha))
