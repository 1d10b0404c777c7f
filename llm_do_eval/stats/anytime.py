"""Passes and samples in, evidence and bounds out that hold however often one looks and whenever one stops.

The evidence is the ratio of two likelihoods: of the rates beyond `q`, weighted by a beta prior cut off there,
and of `q` itself. Where the true rate is `q`, the probability that it ever reaches `1 / alpha` is at most
`alpha` (Ville 1939; mixtures: Robbins 1970). It needs neither plan nor cap, but more samples.
"""

from __future__ import annotations

import math
from operator import index
from typing import TYPE_CHECKING, Final, NamedTuple

from scipy import special  # pyright: ignore[reportMissingTypeStubs]

if TYPE_CHECKING:
    from collections.abc import Callable


class Prior(NamedTuple):
    """The beta distribution that weighs the rates beyond the one in question."""

    a: float
    b: float


UNIFORM: Final = Prior(1.0, 1.0)


def prior_near(q: float) -> Prior:
    """Give a prior worth 20 samples around `q`, which shows rates close to 1 with fewer samples."""
    return Prior(20 * q, 20 * (1 - q))


def evidence_above(k: int, n: int, q: float, prior: Prior = UNIFORM) -> float:
    """Give the logarithm of the evidence of `k` passes of `n` that the true rate is above `q`.

    Raises:
        TypeError: `k` or `n` is no integer.
        ValueError: not `0 <= k <= n`, or `q` is not between 0 and 1.
    """
    return _evidence(_counts(k, n), q, prior, special.betaincc)


def evidence_below(k: int, n: int, q: float, prior: Prior = UNIFORM) -> float:
    """Give the logarithm of the evidence of `k` passes of `n` that the true rate is below `q`.

    Raises:
        TypeError: `k` or `n` is no integer.
        ValueError: not `0 <= k <= n`, or `q` is not between 0 and 1.
    """
    return _evidence(_counts(k, n), q, prior, special.betainc)


def anytime_lower(k: int, n: int, alpha: float = 0.05) -> float:
    """Give a rate above which the true one lies, at all times together wrong as rarely as `alpha`.

    Raises:
        TypeError: `k` or `n` is no integer.
        ValueError: not `0 <= k <= n`, or `alpha` is not between 0 and 1.
    """
    counts = _counts(k, n)
    return 0.0 if k == 0 else _bound(0.0, counts.k / counts.n, alpha, lambda q: evidence_above(k, n, q))


def anytime_upper(k: int, n: int, alpha: float = 0.05) -> float:
    """Give a rate below which the true one lies, at all times together wrong as rarely as `alpha`.

    Raises:
        TypeError: `k` or `n` is no integer.
        ValueError: not `0 <= k <= n`, or `alpha` is not between 0 and 1.
    """
    counts = _counts(k, n)
    return 1.0 if k == n else _bound(1.0, counts.k / counts.n, alpha, lambda q: evidence_below(k, n, q))


class _Counts(NamedTuple):
    k: int
    n: int


def _counts(k: int, n: int) -> _Counts:
    k, n = index(k), index(n)
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is no count of passes")
    return _Counts(k, n)


def _evidence(
    counts: _Counts, q: float, prior: Prior, beyond: Callable[[float, float, float], float]
) -> float:
    """Give the logarithm of the ratio; `beyond(a, b, q)` is the share of a beta distribution beyond `q`."""
    if not 0 < q < 1:
        raise ValueError(f"q must be between 0 and 1, not {q}")
    k, n = counts
    a, b = prior.a + k, prior.b + n - k
    mass = float(beyond(a, b, q))
    if mass == 0:
        return -math.inf
    mixed = float(special.betaln(a, b)) + math.log(mass)
    weight = float(special.betaln(*prior)) + math.log(float(beyond(*prior, q)))
    return mixed - weight - k * math.log(q) - (n - k) * math.log1p(-q)


def _bound(refuted: float, kept: float, alpha: float, evidence: Callable[[float], float]) -> float:
    """Give the rate nearest to `kept` that is refuted; the evidence falls from one to the other."""
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1, not {alpha}")
    while (middle := (refuted + kept) / 2) not in (refuted, kept):
        refuted, kept = (middle, kept) if evidence(middle) >= -math.log(alpha) else (refuted, middle)
    return refuted
