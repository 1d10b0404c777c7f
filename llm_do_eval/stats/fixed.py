"""Rates and errors in, the size and power of a test of a fixed number of samples out, and Wald's bound."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from llm_do_eval.stats.bounds import min_samples, tail
from llm_do_eval.stats.plan import Design

if TYPE_CHECKING:
    from collections.abc import Iterator

_SLACK = 1e-12


class FixedSize(NamedTuple):
    """A test that takes `n` samples and PASSes from `k` passes on."""

    n: int
    k: int


class WaldBound(NamedTuple):
    """The expected samples that no test with the errors of a design can be below, at its two rates."""

    at_hi: float
    at_lo: float

    @property
    def mean(self) -> float:
        """The mean of both."""
        return (self.at_hi + self.at_lo) / 2


def critical(n: int, p_lo: float, beta: float = 0.05) -> int:
    """Give the least passes of `n` samples that show `p_lo`; `n + 1` where none do.

    Raises:
        ValueError: `n` is negative, or `p_lo` or `beta` is not between 0 and 1.
    """
    if n < min_samples(p_lo, beta):
        if n < 0:
            raise ValueError(f"n must not be negative: {n}")
        return n + 1
    low, high = -1, n
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if tail(middle, n, p_lo) <= beta + _SLACK else (middle, high)
    return high


def power(n: int, p_lo: float, p: float, beta: float = 0.05) -> float:
    """Give the probability that `n` samples show `p_lo` when the true rate is `p`; saw-toothed in `n`.

    Raises:
        ValueError: `n` is negative, or `p_lo` or `beta` is not between 0 and 1.
    """
    k = critical(n, p_lo, beta)
    return tail(k, n, p) if k <= n else 0.0


def fixed_size(
    p_lo: float, p_hi: float, alpha: float = 0.05, beta: float = 0.05, *, least: int = 1
) -> FixedSize:
    """Give the least test that PASSes at `p_lo` as rarely as `beta` and FAILs at `p_hi` as rarely as `alpha`.

    Power is saw-toothed in `n`, so every size is looked at, from `least` samples on, until one does.

    Raises:
        ValueError: the four are no design.
    """
    Design(p_lo, p_hi, alpha, beta)
    return next(
        size for size in _sizes(p_lo, beta) if size.n >= least and _failing(size, p_hi) <= alpha + _SLACK
    )


def wald_bound(design: Design) -> WaldBound:
    """Give `kl(1-alpha, beta) / KL(p_hi, p_lo)` and its mirror (Wald 1945)."""
    alpha, beta = design.alpha, design.beta
    return WaldBound(
        at_hi=_divergence(1 - alpha, beta) / _divergence(design.p_hi, design.p_lo),
        at_lo=_divergence(1 - beta, alpha) / _divergence(design.p_lo, design.p_hi),
    )


def _sizes(p_lo: float, beta: float) -> Iterator[FixedSize]:
    """Yield the test of every size that can PASS; from one to the next `k` grows by one at most."""
    n = k = min_samples(p_lo, beta)
    while True:
        yield FixedSize(n, k)
        n += 1
        k += tail(k, n, p_lo) > beta + _SLACK


def _failing(size: FixedSize, p_hi: float) -> float:
    return float(special.bdtr(size.k - 1, size.n, p_hi))


def _divergence(p: float, q: float) -> float:
    """Give the Kullback-Leibler divergence of one true-or-false outcome from another, in nats."""
    return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
