"""Counts and bounds of a session in, the places where an interval plot draws them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from llm_do_eval.plugin.row import asked_of, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

WIDTH: Final = 236
_MARGIN: Final = 18
_BEGINNINGS: Final = (0.99, 0.95, 0.9, 0.8, 0.5, 0.0)
_NOTHING: Final = ("VOID", "INCOMPLETE")


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of the axis and what stands below it."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """Shares from `low` to 1, laid out over a plot of `WIDTH` units."""

    low: float = 0.0

    def at(self, share: float) -> float:
        """Give the place of a share, to a hundredth of a unit."""
        room = WIDTH - 2 * _MARGIN
        return round(_MARGIN + room * (share - self.low) / (1 - self.low), 2)

    @property
    def ticks(self) -> tuple[Tick, ...]:
        """Mark both ends and the middle."""
        shares = (self.low, (self.low + 1) / 2, 1.0)
        return tuple(Tick(self.at(share), f"{percent(share)} %") for share in shares)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Places on an axis: None is not drawn.

    The range is from `lower` to `upper`; an end that is no bound (`lower` of 0 passes, `upper` of all) has no
    mark, which `bounded_below` and `bounded_above` tell.
    """

    lower: float | None = None
    upper: float | None = None
    bounded_below: bool = False
    bounded_above: bool = False
    observed: float | None = None
    required: float | None = None
    target: float | None = None


def axis_of(tests: Iterable[Mapping[str, Any]]) -> Axis:
    """Choose one axis for all tests, so that they compare: it begins higher where nothing lies below."""
    lowest = min((share for test in tests for share in _shares(test)), default=0.0)
    return Axis(next(low for low in _BEGINNINGS if low <= lowest))


def plot_of(entry: Mapping[str, Any], test: Mapping[str, Any], axis: Axis) -> Plot:
    """Lay out a test or one of its invariants; what is asked of it is said by the test."""
    required, target = (_placed(axis, share) for share in asked_of(entry, test))
    lower, upper = _interval(entry)
    return Plot(
        lower=_placed(axis, lower),
        upper=_placed(axis, upper),
        bounded_below=lower is not None and entry["k"] > 0,
        bounded_above=upper is not None and entry["k"] < entry["n"],
        observed=_placed(axis, _observed(entry)),
        required=required,
        target=target,
    )


def _placed(axis: Axis, share: float | None) -> float | None:
    return None if share is None else axis.at(share)


def _interval(entry: Mapping[str, Any]) -> tuple[float | None, float | None]:
    lower = entry.get("bound")
    if entry["verdict"] in _NOTHING or not entry["n"] or lower is None:
        return None, None
    upper = entry.get("upper_bound")
    return lower, 1.0 if upper is None else upper


def _observed(entry: Mapping[str, Any]) -> float | None:
    return None if entry["verdict"] in _NOTHING or not entry["n"] else entry["k"] / entry["n"]


def _shares(test: Mapping[str, Any]) -> Iterator[float]:
    """Give every share that is drawn for a test."""
    for entry in (test, *(test.get("invariants") or ())):
        drawn = (*_interval(entry), _observed(entry), *asked_of(entry, test))
        yield from (share for share in drawn if share is not None)
