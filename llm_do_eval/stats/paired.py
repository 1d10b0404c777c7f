"""Two versions on the same inputs in, whether the second passes less often out, input against input.

What all three tests ask: had nothing changed on any input, how often would chance favour the base so much?
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from llm_do_eval.stats.bounds import tail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator

    from llm_do_eval.ratio import Ratio
    from llm_do_eval.stats.region import Floats, Integers

RESAMPLES: Final = 9999
_SLACK: Final = 1e-12
_BATCH: Final = 2_000_000


def p_mcnemar(lost: int, won: int) -> float:
    """Give the exact one-sided p-value where each input has one sample an arm (McNemar 1947).

    Args:
        lost: the inputs that only the base passed.
        won: the inputs that only the candidate passed.
    """
    return tail(lost, lost + won, 0.5)


def p_sign_flip(drops: Sequence[float], rng: Generator, resamples: int = RESAMPLES) -> float:
    """Give the one-sided p-value of the drops of the inputs, under changes of their signs (Fisher 1935).

    Exact where the signs can be listed in `resamples` cases, else `(1 + cases as extreme) / (resamples + 1)`.

    Raises:
        ValueError: a drop is not finite.
    """
    sizes = np.asarray(drops, dtype=float)
    if not np.isfinite(sizes).all():
        raise ValueError("a drop of a rate is a finite number")
    least = sizes.sum() - _SLACK
    sizes = np.abs(sizes[sizes != 0])
    if 2 ** min(len(sizes), 64) <= resamples:
        return float((_every_sign(len(sizes)) @ sizes >= least).mean())
    return (1 + _flipped(sizes, least, rng, resamples)) / (resamples + 1)


def p_within(base: Sequence[Ratio], candidate: Sequence[Ratio]) -> float:
    """Give the exact one-sided p-value of both arms' passes, one of each an input (Mantel & Haenszel 1959).

    Within each input the samples change places between the arms; the base's passes are summed over the
    inputs. With one input it is Fisher's test, with one sample an arm McNemar's.

    Raises:
        ValueError: the arms have not the same number of inputs.
    """
    chances, observed = np.ones(1), 0
    for b, c in zip(base, candidate, strict=True):
        passed = b.k + c.k
        fewest = max(0, passed - c.n)
        chances = np.convolve(chances, _hypergeometric(b.n, c.n, passed))
        observed += b.k - fewest
    return float(min(1.0, chances[observed:].sum()))


def _every_sign(number: int) -> Floats:
    rows = itertools.product((-1.0, 1.0), repeat=number)
    return np.array(list(rows)).reshape(2**number, number)


def _flipped(sizes: Floats, least: float, rng: Generator, resamples: int) -> int:
    extreme, rows = 0, max(1, _BATCH // len(sizes))
    for start in range(0, resamples, rows):
        signs = rng.choice([-1.0, 1.0], size=(min(rows, resamples - start), len(sizes)))
        extreme += int((signs @ sizes >= least).sum())
    return extreme


def _hypergeometric(n_base: int, n_candidate: int, passed: int) -> Floats:
    """Give the probabilities of the base's passes, from the fewest, when `passed` are dealt to both arms."""
    counts = np.arange(max(0, passed - n_candidate), min(n_base, passed) + 1)
    ways = _log_ways(n_base, counts) + _log_ways(n_candidate, passed - counts)
    chances = np.exp(ways - ways.max())
    return chances / chances.sum()


def _log_ways(n: int, counts: Integers) -> Floats:
    return special.gammaln(n + 1) - special.gammaln(counts + 1) - special.gammaln(n - counts + 1)
