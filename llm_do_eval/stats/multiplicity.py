"""p-values of several tests in, adjusted ones out, each of which can be compared with one level."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust so that a level bounds the chance of any false finding (Holm, Scand. J. Statist. 6, 1979).

    Raises:
        ValueError: a value is not from 0 to 1.
    """
    order, adjusted, reached = _ascending(p_values), [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        reached = max(reached, (len(order) - rank) * p_values[place])
        adjusted[place] = min(1.0, reached)
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjust so that a level bounds the expected share of false findings (J. R. Statist. Soc. B 57, 1995).

    Raises:
        ValueError: a value is not from 0 to 1.
    """
    order, adjusted, reached = _ascending(p_values), [0.0] * len(p_values), 1.0
    for rank in range(len(order), 0, -1):
        place = order[rank - 1]
        reached = min(reached, p_values[place] * len(order) / rank)
        adjusted[place] = reached
    return adjusted


def _ascending(p_values: Sequence[float]) -> list[int]:
    for p in p_values:
        if math.isnan(p) or not 0 <= p <= 1:
            raise ValueError(f"a p-value is from 0 to 1, not {p}")
    return sorted(range(len(p_values)), key=lambda place: p_values[place])
