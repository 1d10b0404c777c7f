"""A score over two counts of passes in, the tables that score as high and how probable they are at most out.

Such a region is what an exact unconditional test rejects: its p-value is the region's largest probability
over all pairs of rates at the border of the hypothesis (Barnard, Biometrika 34, 1947).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from scipy import special  # pyright: ignore[reportMissingTypeStubs]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

_GRID: Final = 256
_PEAKS: Final = 5
_ZOOM: Final = 17
_ROUNDS: Final = 5
_NEGLIGIBLE: Final = 1e-18


class Score(Protocol):
    """Orders tables: larger where more passes in one arm, and fewer in the other, speak against a hypothesis.

    It must not fall when `high` rises, nor when `low` falls.
    """

    def __call__(self, high: Integers, low: Integers) -> Floats:
        """Give the scores of tables with these passes in the arm that is said to be better, and the other."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """The tables with `starts[low]` passes or more in an arm of `n_high`, by the passes of the other arm."""

    starts: Integers
    n_high: int

    @property
    def n_low(self) -> int:
        """The size of the other arm."""
        return len(self.starts) - 1

    def probability(self, high: Floats, low: Floats) -> Floats:
        """Give the probability of the region at each pair of rates."""
        counts = np.arange(self.n_low + 1)
        mass = _mass(counts, self.n_low, low)
        # most counts are all but impossible at any one rate, and need no tail
        rows, columns = np.nonzero(mass > _NEGLIGIBLE)
        tails = _tail(self.starts[columns], self.n_high, high[rows])
        return np.bincount(rows, mass[rows, columns] * tails, minlength=len(low)).astype(float)

    def largest_probability(self, gap: float = 0.0) -> float:
        """Give the largest probability of the region over all rates with `high = low - gap`, `gap >= 0`.

        Searched on a grid that is even in the arc sine of the rate, then around its highest peaks.
        """
        number = max(_GRID, int(8 * np.sqrt(self.n_low + self.n_high)))
        grid = np.linspace(0.0, np.pi / 2, number + 1)
        found = self._on_border(grid, gap)
        peaks = np.argsort(-_peaks(found))[:_PEAKS]
        best = float(found.max())
        low, high = grid[np.maximum(peaks - 1, 0)], grid[np.minimum(peaks + 1, number)]
        for _ in range(_ROUNDS):
            nearer = np.linspace(low, high, _ZOOM, axis=1)
            around = self._on_border(nearer.ravel(), gap).reshape(nearer.shape)
            best = max(best, float(around.max()))
            rows, at = np.arange(len(peaks)), around.argmax(axis=1)
            low, high = nearer[rows, np.maximum(at - 1, 0)], nearer[rows, np.minimum(at + 1, _ZOOM - 1)]
        return min(best, 1.0)

    def _on_border(self, angles: Floats, gap: float) -> Floats:
        low = gap + (1 - gap) * np.sin(angles) ** 2
        return self.probability(np.clip(low - gap, 0.0, 1.0), np.clip(low, 0.0, 1.0))


def region(score: Score, least: float, n_high: int, n_low: int) -> Region:
    """Give the tables whose score is `least` or more."""
    low = np.arange(n_low + 1)
    below, start = np.full(n_low + 1, -1), np.full(n_low + 1, n_high + 1)
    while (open_rows := np.nonzero(start - below > 1)[0]).size:
        middle = (below[open_rows] + start[open_rows]) // 2
        inside = score(middle, low[open_rows]) >= least
        start[open_rows[inside]] = middle[inside]
        below[open_rows[~inside]] = middle[~inside]
    return Region(start, n_high)


def _peaks(values: Floats) -> Floats:
    """Keep the values that are no lower than their neighbours; the others become -1."""
    padded = np.concatenate(([-1.0], values, [-1.0]))
    return np.where((values >= padded[:-2]) & (values >= padded[2:]), values, -1.0)


def _mass(counts: Integers, n: int, rates: Floats) -> Floats:
    ways = special.gammaln(n + 1) - special.gammaln(counts + 1) - special.gammaln(n - counts + 1)
    rates = rates[:, np.newaxis]
    return np.exp(ways + special.xlogy(counts, rates) + special.xlog1py(n - counts, -rates))


def _tail(starts: Integers, n: int, rates: Floats) -> Floats:
    tails = special.bdtrc(np.clip(starts - 1, 0, n), n, rates)
    return np.where(starts <= 0, 1.0, np.where(starts > n, 0.0, tails))
