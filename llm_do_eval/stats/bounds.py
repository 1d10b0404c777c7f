"""Passes and samples in, one-sided Clopper-Pearson bounds on the true rate out, and the sizes they ask for.

Source: Clopper & Pearson, Biometrika 26 (1934), in the beta form `L = I^-1(alpha; k, n-k+1)`.
"""

from __future__ import annotations

import math
from operator import index

from scipy import special  # pyright: ignore[reportMissingTypeStubs]

_SLACK = 1e-12


def lower_bound(k: int, n: int, alpha: float = 0.05) -> float:
    """Give the rate that `k` passes of `n` show the true rate to reach; wrong as rarely as `alpha`.

    Raises:
        TypeError: `k` or `n` is no integer.
        ValueError: not `0 <= k <= n`, or `alpha` is not between 0 and 1.
    """
    k, n = _counts(k, n, alpha)
    if k == 0:
        return 0.0
    return alpha ** (1 / n) if k == n else float(special.betaincinv(k, n - k + 1, alpha))


def upper_bound(k: int, n: int, alpha: float = 0.05) -> float:
    """Give the rate that `k` passes of `n` show the true rate not to exceed; wrong as rarely as `alpha`.

    Raises:
        TypeError: `k` or `n` is no integer.
        ValueError: not `0 <= k <= n`, or `alpha` is not between 0 and 1.
    """
    k, n = _counts(k, n, alpha)
    if k == n:
        return 1.0
    return -math.expm1(math.log(alpha) / n) if k == 0 else float(special.betainccinv(k + 1, n - k, alpha))


def min_samples(min_pass_rate: float, alpha: float = 0.05) -> int:
    """Give the least `n` whose `n` passes of `n` show `min_pass_rate`: `ceil(log alpha / log rate)`.

    Raises:
        ValueError: `min_pass_rate` or `alpha` is not between 0 and 1; no number of samples shows a rate of 1.
    """
    _between(min_pass_rate, "min_pass_rate")
    _between(alpha, "alpha")
    return max(1, math.ceil(math.log(alpha) / math.log(min_pass_rate) - _SLACK))


def samples_needed(failures: int, min_pass_rate: float, alpha: float = 0.05) -> int:
    """Give the least `n` whose `n - failures` passes show `min_pass_rate`; never below `min_samples`.

    Raises:
        ValueError: `failures` is negative, or `min_pass_rate` or `alpha` is not between 0 and 1.
    """
    if index(failures) < 0:
        raise ValueError(f"failures must not be negative: {failures}")
    low = min_samples(min_pass_rate, alpha) + failures - 1
    high = 2 * low + 2
    while lower_bound(high - failures, high, alpha) < min_pass_rate - _SLACK:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        shown = lower_bound(middle - failures, middle, alpha) >= min_pass_rate - _SLACK
        low, high = (low, middle) if shown else (middle, high)
    return high


def tail(k: int, n: int, rate: float) -> float:
    """Give the probability of at least `k` passes of `n` when each passes with probability `rate`."""
    return 1.0 if k <= 0 else float(special.bdtrc(k - 1, n, rate))


def _counts(k: int, n: int, alpha: float) -> tuple[int, int]:
    k, n = index(k), index(n)
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is no count of passes")
    _between(alpha, "alpha")
    return k, n


def _between(value: float, name: str) -> None:
    if not 0 < value < 1:
        raise ValueError(f"{name} must be between 0 and 1, not {value}")
