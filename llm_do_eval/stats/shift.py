"""Numbers of two sets of samples in, such as costs or latencies, whether they shifted out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy import stats  # pyright: ignore[reportMissingTypeStubs]

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator

    from llm_do_eval.stats.region import Floats

RESAMPLES: Final = 9999
_SLACK: Final = 1e-12
_BATCH: Final = 2_000_000


def p_shift(base: Sequence[float], candidate: Sequence[float]) -> float:
    """Give the two-sided p-value of Mann & Whitney (1947): does one side tend to larger values?

    Exact for few values without ties, else by the normal distribution, corrected for ties; 1 where all are
    equal.

    Raises:
        ValueError: one side is empty, or a value is not finite.
    """
    ours, theirs = _values(base), _values(candidate)
    if np.ptp(np.concatenate((ours, theirs))) == 0:
        return 1.0
    found: Any = stats
    return float(found.mannwhitneyu(ours, theirs, alternative="two-sided").pvalue)


def p_mean(
    base: Sequence[float], candidate: Sequence[float], rng: Generator, resamples: int = RESAMPLES
) -> float:
    """Give the two-sided p-value of the difference of the means, and so of totals, by permutation.

    Raises:
        ValueError: one side is empty, or a value is not finite.
    """
    ours, theirs = _values(base), _values(candidate)
    values = np.sort(np.concatenate((ours, theirs)))
    if np.ptp(values) == 0:
        return 1.0
    scale = float(np.abs(values).max())
    least = abs(ours.mean() - theirs.mean()) - _SLACK * scale
    extreme, rows = 0, max(1, _BATCH // len(values))
    for start in range(0, resamples, rows):
        dealt = rng.permuted(np.tile(values, (min(rows, resamples - start), 1)), axis=1)
        gaps = dealt[:, : len(ours)].mean(axis=1) - dealt[:, len(ours) :].mean(axis=1)
        extreme += int((np.abs(gaps) >= least).sum())
    return (1 + extreme) / (resamples + 1)


def _values(values: Sequence[float]) -> Floats:
    found = np.asarray(values, dtype=float)
    if not found.size:
        raise ValueError("there are no values to compare")
    if not np.isfinite(found).all():
        raise ValueError("a value that is not finite is a failed sample, and cannot be compared")
    return found
