"""A value and its limit in, whether the one keeps to the other out, with the reason where it does not."""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass
from typing import Any, Literal, SupportsFloat

Side = Literal["at most", "at least"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """What a sample measured and compared with a limit; `value` is None where there was no finite number.

    With a `quantile` (between 0 and 1) the claim is about that quantile over all samples, and a sample beyond
    the limit is no failure by itself; without, each sample has to keep to the limit.
    """

    name: str
    value: float | None
    limit: float
    side: Side = "at most"
    quantile: float | None = None
    reason: str = ""

    @property
    def holds(self) -> bool:
        """Whether the value keeps to the limit; one that is no finite number does not."""
        return self.excess <= self._limit

    @property
    def excess(self) -> float:
        """The value, turned so that more is worse; infinite where it is no finite number."""
        return math.inf if self.value is None else self._turned(self.value)

    @property
    def required(self) -> float | None:
        """The share of values that has to keep to the limit, for the quantile to do so."""
        if self.quantile is None or self.side == "at most":
            return self.quantile
        return 1 - self.quantile

    def why(self) -> str:
        """Say how the value misses the limit."""
        return f"{self.name!r} is {self.reason or f'{self.value:g}'}, not {self.side} {self.limit:g}"

    def worse(self, other: Number) -> Number:
        """Return that of both which is further beyond."""
        return other if other.excess > self.excess else self

    @property
    def _limit(self) -> float:
        return self._turned(self.limit)

    def _turned(self, value: float) -> float:
        return value if self.side == "at most" else -value


def number(
    name: str, value: Any, limit: SupportsFloat, *, side: Side = "at most", quantile: float | None = None
) -> Number:
    """Compare a value with a limit; None, NaN and infinity are beyond every limit.

    Raises:
        TypeError: the value is something to await, or neither a number nor None; so is the limit.
        ValueError: the limit is not finite, or the quantile is not between 0 and 1.
    """
    if quantile is not None and not 0 < quantile < 1:
        raise ValueError(f"{name!r}: quantile is {quantile}, not between 0 and 1")
    bound = _float(name, limit)
    if not math.isfinite(bound):
        raise ValueError(f"{name!r}: the limit is {bound}, which no value can miss or none can keep")
    found = math.nan if value is None else _float(name, value)
    finite = math.isfinite(found)
    return Number(
        name=name,
        value=found if finite else None,
        limit=bound,
        side=side,
        quantile=quantile,
        reason="" if finite else "None" if value is None else str(found),
    )


def _float(name: str, value: Any) -> float:
    if inspect.isawaitable(value):
        if inspect.iscoroutine(value):
            value.close()
        raise TypeError(f"invariant {name!r} got something to await, not a number; await it first")
    if isinstance(value, str) or not isinstance(value, SupportsFloat):
        raise TypeError(f"invariant {name!r} got {value!r}, which is no number")
    return float(value)
