"""Passes of two versions and a margin in, whether the second is worse by less than the margin out, exactly.

The score is that of Farrington & Manning (Statistics in Medicine 9, 1990), whose p-value is made exact by
the worst rates at the border: with its normal approximation it is wrong more often than it says.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from llm_do_eval.stats.region import region

if TYPE_CHECKING:
    from llm_do_eval.ratio import Ratio
    from llm_do_eval.stats.region import Floats, Integers

# the closed form of the rates is good to about 1e-7: as extreme counts as more extreme
_TIE: Final = 1e-7
_STEPS: Final = 1000
_REACH: Final = 30
_STRIDE: Final = 2


def statistic(base: Ratio, candidate: Ratio, margin: float) -> float:
    """Give the Farrington-Manning z of "the candidate is worse by `margin` or more"; high speaks against it.

    Raises:
        ValueError: an arm is empty, or not `0 <= margin < 1`.
    """
    _check(base, candidate, margin)
    return float(_scores(np.array([candidate.k]), np.array([base.k]), candidate.n, base.n, margin)[0])


def p_not_inferior(base: Ratio, candidate: Ratio, margin: float) -> float:
    """Give the exact p-value of "the candidate is worse by `margin` or more"; low shows that it is not.

    Raises:
        ValueError: an arm is empty, or not `0 <= margin < 1`.
    """
    least = statistic(base, candidate, margin) - _TIE
    score = partial(_scores, n_high=candidate.n, n_low=base.n, margin=margin)
    return region(score, least, candidate.n, base.n).largest_probability(margin)


def largest_drop(base: Ratio, candidate: Ratio, alpha: float = 0.05) -> float:
    """Give the least margin from which on the candidate is shown not to be worse, in steps of 0.001.

    It is an upper bound on the true drop of the rate, wrong as rarely as `alpha`; 0 where the candidate is
    shown to be better, 1 where no margin is shown.

    Raises:
        ValueError: an arm is empty.
    """
    _check(base, candidate, 0.0)
    shown = _first_shown(base, candidate, alpha, low=-1)
    # the p-value may rise again, by a little, before it falls for good
    while later := [
        step
        for step in range(shown + _STRIDE, min(shown + _REACH, _STEPS - 1) + 1, _STRIDE)
        if p_not_inferior(base, candidate, step / _STEPS) > alpha
    ]:
        shown = _first_shown(base, candidate, alpha, low=later[-1])
    return shown / _STEPS


def _first_shown(base: Ratio, candidate: Ratio, alpha: float, *, low: int) -> int:
    """Find a step above `low`, where nothing is shown, from which on something is."""
    high = _STEPS
    while high - low > 1:
        middle = (low + high) // 2
        shown = p_not_inferior(base, candidate, middle / _STEPS) <= alpha
        low, high = (low, middle) if shown else (middle, high)
    return high


def _scores(high: Integers, low: Integers, n_high: int, n_low: int, margin: float) -> Floats:
    """Give z of tables: `high` passes of the candidate, `low` of the base."""
    candidate, base = high / n_high, low / n_low
    least = _restricted(candidate, base, n_low / n_high, margin)
    variance = least * (1 - least) / n_high + (least + margin) * (1 - least - margin) / n_low
    # without variance both arms passed, or failed, throughout
    return (candidate - base + margin) / np.sqrt(np.where(variance > 0, variance, np.inf))


def _restricted(candidate: Floats, base: Floats, share: float, margin: float) -> Floats:
    """Give the candidate's most likely rate if it were `margin` below the base's: the root of a cubic.

    `share` is the base's number of samples over the candidate's.
    """
    if margin == 0:
        return (candidate + share * base) / (1 + share)
    third = 1 + share
    second = -(third + candidate + share * base - margin * (share + 2))
    first = margin**2 - margin * (2 * candidate + third) + candidate + share * base
    constant = candidate * margin * (1 - margin)
    centre = -second / (3 * third)
    v = -(centre**3) - second * first / (6 * third**2) + constant / (2 * third)
    u = np.copysign(np.sqrt(np.maximum(centre**2 - first / (3 * third), 0.0)), v)
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = np.nan_to_num(np.clip(v / u**3, -1.0, 1.0))
    root = 2 * u * np.cos((np.pi + np.arccos(cosine)) / 3) + centre
    return np.clip(root, 0.0, 1 - margin)


def _check(base: Ratio, candidate: Ratio, margin: float) -> None:
    for each in (base, candidate):
        if not 0 <= each.k <= each.n or each.n == 0:
            raise ValueError(f"{each} is no count of passes to compare")
    if not 0 <= margin < 1:
        raise ValueError(f"a margin is from 0 to below 1, not {margin}")
