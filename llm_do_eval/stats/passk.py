"""Passes of one task or of many in, pass@k and pass^k with their bounds out.

pass@k is the chance that at least one of `k` samples passes, pass^k the chance that all of them do.
Sources: pass@k, Chen et al., arXiv 2107.03374 (2021); pass^k, Yao et al., arXiv 2406.12045 (2024).
"""

from __future__ import annotations

import math
from operator import index
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from llm_do_eval.stats.bounds import lower_bound, upper_bound
from llm_do_eval.stats.clusters import new_inputs_bound

if TYPE_CHECKING:
    from collections.abc import Sequence

Kind = Literal["pass^", "pass@"]

_NORMAL_FROM = 20
"""With fewer successes or failures expected than this, a mean of shares is too skewed for Student's t."""


class Bounded(NamedTuple):
    """An estimate, and its lower and upper bound, each one-sided."""

    value: float
    lower: float
    upper: float


def pass_at_k(n: int, c: int, k: int) -> float:
    """Estimate the chance that one of `k` samples passes, from `c` passes of `n`; NaN where `k > n`.

    Unbiased: `1 - C(n-c, k) / C(n, k)`.

    Raises:
        TypeError: a count is no integer.
        ValueError: not `0 <= c <= n`, or `k` is below 1.
    """
    n, c, k = _counts(n, c, k)
    if k > n:
        return math.nan
    return 1.0 - math.prod((n - c - j) / (n - j) for j in range(k)) if n - c >= k else 1.0


def pass_pow_k(n: int, c: int, k: int) -> float:
    """Estimate the chance that all of `k` samples pass, from `c` passes of `n`; NaN where `k > n`.

    Unbiased: `C(c, k) / C(n, k)`.

    Raises:
        TypeError: a count is no integer.
        ValueError: not `0 <= c <= n`, or `k` is below 1.
    """
    n, c, k = _counts(n, c, k)
    if k > n:
        return math.nan
    return math.prod((c - j) / (n - j) for j in range(k)) if c >= k else 0.0


def of_task(kind: Kind, n: int, c: int, k: int, alpha: float = 0.05) -> Bounded:
    """Estimate pass@k or pass^k of one task; the bounds are those of its rate, put to the power.

    Raises:
        ValueError: the counts are none, or `alpha` is not between 0 and 1.
    """
    low, high = (of_rate(kind, bound(c, n, alpha), k) for bound in (lower_bound, upper_bound))
    return Bounded(estimate(kind, n, c, k), low, high)


def estimate(kind: Kind, n: int, c: int, k: int) -> float:
    """Estimate pass@k or pass^k from `c` passes of `n`; NaN where `k > n`."""
    return pass_pow_k(n, c, k) if kind == "pass^" else pass_at_k(n, c, k)


def of_rate(kind: Kind, rate: float, k: int) -> float:
    """Give pass@k or pass^k of a known rate; bounds of a rate so become bounds of either."""
    return rate**k if kind == "pass^" else -math.expm1(k * math.log1p(-rate)) if rate < 1 else 1.0


def over_tasks(values: Sequence[float], alpha: float = 0.05) -> Bounded:
    """Give the mean of estimates over tasks, with bounds for tasks like these.

    Student's t where the mean is well inside 0 and 1; near either, the bound of `clusters` with each task as
    one sample, which needs no spread to be seen.

    Raises:
        ValueError: fewer than two tasks.
    """
    tasks = np.asarray(values, dtype=np.float64)
    mean, many = float(tasks.mean()), len(tasks)
    if min(mean, 1 - mean) * many < _NORMAL_FROM:
        lower = float(new_inputs_bound(tasks, many, alpha))
        return Bounded(mean, lower, 1 - float(new_inputs_bound(1 - tasks, many, alpha)))
    reach = float(special.stdtrit(many - 1, 1 - alpha)) * float(tasks.std(ddof=1)) / math.sqrt(many)
    return Bounded(mean, max(0.0, mean - reach), min(1.0, mean + reach))


class _Counts(NamedTuple):
    n: int
    c: int
    k: int


def _counts(n: int, c: int, k: int) -> _Counts:
    counts = _Counts(index(n), index(c), index(k))
    if not 0 <= counts.c <= counts.n:
        raise ValueError(f"{c} of {n} is no count of passes")
    if counts.k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    return counts
