"""Samples and a rate in, which passes refute the rate and how often they do out: what fails a guard."""

from __future__ import annotations

from bisect import bisect_right

from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from llm_do_eval.stats.bounds import upper_bound

_SLACK = 1e-12


def refuting(n: int, p_lo: float, alpha: float = 0.05) -> int:
    """Give the most passes of `n` that show the true rate not to exceed `p_lo`; -1 where none do.

    Raises:
        ValueError: `n` is negative, or `alpha` is not between 0 and 1.
    """
    return bisect_right(range(n + 1), p_lo + _SLACK, key=lambda k: upper_bound(k, n, alpha)) - 1


def catching(n: int, p_lo: float, p: float, alpha: float = 0.05) -> float:
    """Give the probability that `n` samples refute `p_lo` when the true rate is `p`.

    Raises:
        ValueError: `n` is negative, or `alpha` is not between 0 and 1.
    """
    k = refuting(n, p_lo, alpha)
    return 0.0 if k < 0 else float(special.bdtr(k, n, p))
