"""A cassette in; what one of its samples took on average, when it was recorded, out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from llm_do.state.exchange import Exchange, Exchanges
from llm_do_eval.cassette.file.provenance import described
from llm_do_eval.cassette.file.recording import read_recording

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from llm_do_eval.cassette.file.recording import Recording
    from llm_do_eval.cassette.interaction import Interaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumption:
    """What a sample takes: the means over `samples` recorded ones.

    `latency_s` is None where a request has no times, `cost_usd` where a price is unknown.
    """

    samples: int
    requests: float
    latency_s: float | None = None
    cost_usd: float | None = None
    model: str | None = None


def consumption(path: Path) -> Consumption | None:
    """Read what a recorded sample took; None where nothing is recorded.

    Raises:
        FormatError: the cassette cannot be read.
    """
    if not path.exists():
        return None
    recording = _read(path)
    each = [list(found) for _, found in groupby(recording.interactions, lambda each: each.sample)]
    if not each:
        return None
    latencies = [latency for sample in each if (latency := _latency_s(sample)) is not None]
    cost_usd = _cost_usd(recording)
    return Consumption(
        samples=len(each),
        requests=len(recording.interactions) / len(each),
        latency_s=sum(latencies) / len(each) if len(latencies) == len(each) else None,
        cost_usd=None if cost_usd is None else cost_usd / len(each),
        model=recording.meta.get("model"),
    )


def _read(path: Path) -> Recording:
    from llm_do_eval.cassette.session import STOCK_SUFFIXES

    if path.suffix not in STOCK_SUFFIXES:
        return read_recording(path)
    from llm_do_eval.cassette.file.stock import read_stock

    return read_stock(path)


def _latency_s(sample: Iterable[Interaction]) -> float | None:
    """Give the seconds from the first request of a sample to its last answer."""
    return Exchanges(own=[_exchange(each) for each in sample]).replayed_s


def _exchange(interaction: Interaction) -> Exchange:
    try:
        began_s = datetime.fromisoformat(interaction.at or "").timestamp()
    except ValueError:  # not measured, or written by hand
        began_s = None
    return Exchange(began_s, interaction.latency_s, replayed=True)


def _cost_usd(recording: Recording) -> float | None:
    """Give what the recording cost; a price that was unknown then may be known now."""
    told: float | None = recording.meta.get("cost_usd")
    return described(recording.interactions)["cost_usd"] if told is None else told
