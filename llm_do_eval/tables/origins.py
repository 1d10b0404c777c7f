"""Runs in, where their answers come from out: which runs are live, recorded or replayed, of when, of what."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from llm_do_eval.observation import Run
    from llm_do_eval.tables.trace import Trace

Kind = Literal["live", "recorded", "replayed", "unasked", "unknown"]

REPLAY: Final = "A replay checks code and invariants again; it is no new evidence about the model."

_LOCAL: Final = ("function:", "test:")
"""Models of pydantic-ai that run in the process."""


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model, `provider:name`, and the runs in which it was asked."""

    model: str
    runs: int


@dataclass(frozen=True, slots=True)
class Origin:
    """How many runs a provider answered live, while it was recorded, or from a recording.

    `unasked` runs asked no provider; of `unknown` ones, imports, nobody knows. `first` and `last` are the
    days (ISO 8601) between which providers answered; a replay counts with the day of its recording.
    """

    live: int
    recorded: int
    replayed: int
    unasked: int
    unknown: int
    first: str | None
    last: str | None
    models: list[ModelRow]


class Origins:
    """Counts runs by their origin."""

    def __init__(self) -> None:
        self._kinds = Counter[Kind]()
        self._models = Counter[str]()
        self._days = set[str]()

    def add(self, each: Trace) -> None:
        """Count one run."""
        models = _models(each.run)
        kind = _kind(each.run, models)
        self._kinds[kind] += 1
        self._models.update(models)
        if day := _day(each.run, kind):
            self._days.add(day)

    def row(self) -> Origin:
        """Give what was counted; the model with the most runs first."""
        kinds, models = self._kinds, sorted(self._models.items(), key=lambda pair: (-pair[1], pair[0]))
        return Origin(
            live=kinds["live"],
            recorded=kinds["recorded"],
            replayed=kinds["replayed"],
            unasked=kinds["unasked"],
            unknown=kinds["unknown"],
            first=min(self._days, default=None),
            last=max(self._days, default=None),
            models=[ModelRow(model, runs) for model, runs in models],
        )


def _models(run: Run) -> set[str]:
    """Name the models of providers that answered in a run."""
    asked = {call.model for call in (run.root, *run.calls) if call.model and call.requests}
    return {model for model in asked if not model.startswith(_LOCAL)}


def _kind(run: Run, models: set[str]) -> Kind:
    if "llm-do" not in run.versions:
        return "unknown"
    if not models:
        return "unasked"
    meta = run.root.meta
    if run.root.replayed or ("recorded_at" in meta and not meta.get("records")):
        return "replayed"
    return "recorded" if "cassette" in meta else "live"


def _day(run: Run, kind: Kind) -> str | None:
    match kind:
        case "live" | "recorded":
            at = run.root.at
        case "replayed":
            at = run.root.meta.get("recorded_at")
        case _:
            return None
    return str(at)[:10] if at else None
