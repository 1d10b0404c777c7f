"""Numbers of samples in, what they show about a quantile out, whatever their distribution.

A quantile is at most a limit exactly where the share of values up to the limit is at least its level, so a
claim about it is one about a rate. Its bounds are values of samples: order statistics.
Source: Conover, Practical Nonparametric Statistics (3rd edition 1999), section 3.2.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from llm_do_eval.stats.bounds import lower_bound, upper_bound

if TYPE_CHECKING:
    from collections.abc import Sequence

_SLACK = 1e-12


def upper_limit(values: Sequence[float], level: float, alpha: float = 0.05) -> float | None:
    """Give the least value that the quantile is shown not to exceed; None where too few show any.

    NaN counts as larger than every number, and the limit may be infinite.

    Raises:
        ValueError: `level` or `alpha` is not between 0 and 1.
    """
    n = len(values)
    enough = next((k for k in range(n + 1) if lower_bound(k, n, alpha) >= _level(level) - _SLACK), None)
    return None if enough is None else _ordered(values)[enough - 1]


def lower_limit(values: Sequence[float], level: float, alpha: float = 0.05) -> float | None:
    """Give the largest value that the quantile is shown to reach; None where too few show any.

    NaN counts as larger than every number.

    Raises:
        ValueError: `level` or `alpha` is not between 0 and 1.
    """
    n = len(values)
    # k values lie below the limit: so few that less than the level is shown to lie there
    below = [k for k in range(n) if upper_bound(k, n, alpha) <= _level(level) + _SLACK]
    return _ordered(values)[below[-1]] if below else None


def observed(values: Sequence[float], level: float) -> float:
    """Give the value that at least the share `level` of the values does not exceed: no bound, what was seen.

    NaN counts as larger than every number.

    Raises:
        ValueError: there is no value, or `level` is not between 0 and 1.
    """
    if not values:
        raise ValueError("no value, no quantile")
    place = math.ceil(len(values) * _level(level) - _SLACK)
    return _ordered(values)[max(1, place) - 1]


def _ordered(values: Sequence[float]) -> list[float]:
    return sorted(math.inf if math.isnan(value) else value for value in values)


def _level(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, not {level}")
    return level
