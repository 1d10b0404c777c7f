"""The outlook of a sampled test and what its samples take in; requests, minutes and dollars out, and sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_do_eval.planning.consumption import Consumption
    from llm_do_eval.planning.outlook import Outlook

What = Literal["requests", "minutes", "cost_usd"]

WHATS: Final[tuple[What, ...]] = ("requests", "minutes", "cost_usd")

_MINUTE_S: Final = 60


class Quantity(NamedTuple):
    """What something takes if the true rate is the target, and if all samples are needed."""

    expected: float
    worst: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a test will take; a quantity is None where it is unknown, never 0 for that.

    `refused` says that it would not be run at all. `concurrency` is how many of its samples run at a time.
    """

    test: str
    outlook: Outlook
    concurrency: int
    consumption: Consumption | None = None
    cassette: str | None = None
    refused: bool = False
    note: str | None = None

    def quantity(self, what: What) -> Quantity | None:
        """Give what all its samples take together, by the mean of the recorded ones."""
        if self.refused:
            return Quantity(0, 0)
        each, samples = self.consumption, self.outlook.samples
        if each is None:
            return None
        match what:
            case "requests":
                one = each.requests
            case "minutes":
                return self._minutes(each.latency_s)
            case "cost_usd":
                one = each.cost_usd
        return None if one is None else Quantity(samples.at_target * one, samples.most * one)

    def to_json(self) -> dict[str, Any]:
        """Write it as an entry of the plan's JSON."""
        return {
            "test": self.test,
            **self.outlook.to_json(),
            **{what: _object(self.quantity(what)) for what in WHATS},
            "runs": not self.refused,
            "recorded": self._recorded(),
            "note": self.note,
        }

    def _minutes(self, latency_s: float | None) -> Quantity | None:
        if latency_s is None:
            return None
        samples = self.outlook.samples
        # samples run side by side, and none ends before it has taken its time
        rounds = (max(1.0, number / self.concurrency) for number in (samples.at_target, samples.most))
        return Quantity(*(latency_s * each / _MINUTE_S for each in rounds))

    def _recorded(self) -> dict[str, Any] | None:
        each = self.consumption
        if each is None:
            return None
        return {"cassette": self.cassette, "samples": each.samples, "model": each.model}


class Total(NamedTuple):
    """A quantity over the tests of which it is known, None where of none, and how many others there are."""

    known: Quantity | None
    unknown: int

    def to_json(self) -> dict[str, Any]:
        """Write it as part of the plan's JSON."""
        expected, worst = self.known or (None, None)
        return {"expected": expected, "worst": worst, "unknown": self.unknown}


def total(forecasts: Sequence[Forecast], what: What) -> Total:
    """Add up a quantity; tests run one after the other, so minutes do too."""
    found = [forecast.quantity(what) for forecast in forecasts]
    known = [each for each in found if each is not None]
    if not known and found:
        return Total(None, len(found))
    summed = Quantity(sum(each.expected for each in known), sum(each.worst for each in known))
    return Total(summed, len(found) - len(known))


def _object(quantity: Quantity | None) -> dict[str, float] | None:
    return None if quantity is None else quantity._asdict()
