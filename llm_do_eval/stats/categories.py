"""Labels of two sets of samples in, how far apart their shares lie and how often chance alone does it out."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator

RESAMPLES: Final = 9999
_SLACK: Final = 1e-12


def total_variation(base: Sequence[str], candidate: Sequence[str]) -> float:
    """Give half the sum of the differences between the labels' shares: 0 equal, 1 nothing in common.

    Raises:
        ValueError: one side has no label.
    """
    if not base or not candidate:
        raise ValueError("there are no labels to compare")
    ours, theirs = Counter(base), Counter(candidate)
    gaps = [abs(ours[label] / len(base) - theirs[label] / len(candidate)) for label in ours | theirs]
    return sum(gaps) / 2


def p_shares(
    base: Sequence[str], candidate: Sequence[str], rng: Generator, resamples: int = RESAMPLES
) -> float:
    """Give the p-value of the distance when labels are dealt to the two sides anew, by permutation.

    Raises:
        ValueError: one side has no label.
    """
    least = total_variation(base, candidate) - _SLACK
    ours = Counter(base)
    # in one order whatever the order of the samples, so that the seed decides all
    all_labels = sorted((ours + Counter(candidate)).items())
    totals = np.array([count for _, count in all_labels])
    dealt = rng.multivariate_hypergeometric(totals, len(base), size=resamples, method="marginals")
    gaps = np.abs(dealt / len(base) - (totals - dealt) / len(candidate)).sum(axis=1) / 2
    return (1 + int((gaps >= least).sum())) / (resamples + 1)
