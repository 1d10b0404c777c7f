"""Passes of two independent sets of samples in, whether the second has the lower rate out, exactly.

Which test is used depends on the sizes alone, so it is chosen before anything is seen: Barnard's (Biometrika
34, 1947) with the pooled z for equal sizes, Boschloo's (Statistica Neerlandica 24, 1970) for others.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy import stats  # pyright: ignore[reportMissingTypeStubs]

from llm_do_eval.stats.region import region

if TYPE_CHECKING:
    from llm_do_eval.ratio import Ratio
    from llm_do_eval.stats.region import Floats, Integers, Region, Score

# tables that tie by symmetry differ in their last digits
_TIE: Final = 1e-9
_HALVINGS: Final = 32


def p_worse(base: Ratio, candidate: Ratio) -> float:
    """Give the exact p-value of "the candidate's rate is not lower than the base's"; low shows a drop.

    Raises:
        ValueError: an arm is empty, or `k` is no count of passes.
    """
    for each in (base, candidate):
        if not 0 <= each.k <= each.n or each.n == 0:
            raise ValueError(f"{each} is no count of passes to compare")
    total = base.k + candidate.k
    if total in (0, base.n + candidate.n):
        # all passed or all failed: a row of the table is empty
        return 1.0
    score = _score(base.n, candidate.n)
    found = float(score(np.array([base.k]), np.array([candidate.k]))[0])
    return region(score, found - _TIE * abs(found), base.n, candidate.n).largest_probability()


def p_fisher(base: Ratio, candidate: Ratio) -> float:
    """Give Fisher's conditional p-value of the same question; never below Boschloo's."""
    score = partial(_conditional, n_high=base.n, n_low=candidate.n)
    return -float(score(np.array([base.k]), np.array([candidate.k]))[0])


def power(
    base_rate: float, candidate_rate: float, base_n: int, candidate_n: int, alpha: float = 0.05
) -> float:
    """Give the exact probability that `p_worse` is at most `alpha` when these are the true rates."""
    rejected = critical_region(base_n, candidate_n, alpha)
    return float(rejected.probability(np.array([base_rate]), np.array([candidate_rate]))[0])


@lru_cache(maxsize=64)
def critical_region(base_n: int, candidate_n: int, alpha: float = 0.05) -> Region:
    """Give the tables for which `p_worse` is at most `alpha`."""
    score = _score(base_n, candidate_n)
    low, high = (0.0, 40.0) if base_n == candidate_n else (-2 * alpha, 0.0)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        found = region(score, middle, base_n, candidate_n).largest_probability()
        low, high = (low, middle) if found <= alpha else (middle, high)
    return region(score, high, base_n, candidate_n)


def _score(base_n: int, candidate_n: int) -> Score:
    chosen = _pooled if base_n == candidate_n else _conditional
    return partial(chosen, n_high=base_n, n_low=candidate_n)


def _pooled(high: Integers, low: Integers, n_high: int, n_low: int) -> Floats:
    """Give z with the variance of the pooled rate, by which Barnard's test orders tables."""
    rate = (high + low) / (n_high + n_low)
    variance = rate * (1 - rate) * (1 / n_high + 1 / n_low)
    return (high / n_high - low / n_low) / np.sqrt(np.where(variance > 0, variance, np.inf))


def _conditional(high: Integers, low: Integers, n_high: int, n_low: int) -> Floats:
    """Give Fisher's p-value with its sign turned, by which Boschloo's test orders tables."""
    found: Any = stats
    tails: Floats = found.hypergeom.sf(high - 1, n_high + n_low, n_high, high + low)
    return -tails
