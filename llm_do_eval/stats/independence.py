"""Passes in launch order in, how likely independent samples of one rate would be ordered so out.

Sources: Wald & Wolfowitz, Annals of Mathematical Statistics 11 (1940), for runs; Page, Biometrika 41 (1954),
for the cumulative sum.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

_SLACK = 1e-12
_PERMUTATIONS = 9999
_NUMBERS_AT_A_TIME = 1_000_000


def runs_p(passed: Sequence[bool]) -> float:
    """Give the chance of so few runs of equal outcomes: exact, small where outcomes stick together."""
    n, k = len(passed), sum(map(bool, passed))
    seen = 1 + sum(bool(one) is not bool(following) for one, following in itertools.pairwise(passed))
    return 1.0 if k in (0, n) else fewer_runs(n, k, seen)


def fewer_runs(n: int, k: int, runs: int) -> float:
    """Give the chance of at most `runs` runs where each order of `k` passes and `n - k` failures is equal."""
    orders = sum(_orders(k, n - k, each) for each in range(2, runs + 1))
    return orders / math.comb(n, k)


def drift_p(passed: Sequence[bool], rng: np.random.Generator, permutations: int = _PERMUTATIONS) -> float:
    """Give the chance of so large a cumulative sum of deviations: small where the rate changed on the way.

    Compares with random orders from `rng`; its least value is `1 / (permutations + 1)`.
    """
    outcomes = np.asarray(passed, dtype=np.float64)
    if not len(outcomes) or outcomes.min() == outcomes.max():
        return 1.0
    deviations = outcomes - outcomes.mean()
    as_large, seen = 1, _furthest(deviations) - _SLACK
    at_a_time = max(1, _NUMBERS_AT_A_TIME // len(outcomes))
    for done in range(0, permutations, at_a_time):
        many = min(at_a_time, permutations - done)
        orders = rng.permuted(np.broadcast_to(deviations, (many, len(outcomes))), axis=1)
        as_large += int((_furthest(orders) >= seen).sum())
    return as_large / (permutations + 1)


def _furthest(
    deviations: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.abs(np.cumsum(deviations, axis=-1)).max(axis=-1)


def _orders(k: int, rest: int, runs: int) -> int:
    """Count the orders with exactly so many runs."""
    half, odd = divmod(runs, 2)

    def _cut(items: int, pieces: int) -> int:
        return math.comb(items - 1, pieces - 1)

    if not odd:
        return 2 * _cut(k, half) * _cut(rest, half)
    return _cut(k, half + 1) * _cut(rest, half) + _cut(k, half) * _cut(rest, half + 1)
