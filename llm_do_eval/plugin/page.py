"""The JSON of a session in, one self-contained HTML page out: verdicts with their intervals drawn."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from itertools import count
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined

from llm_do_eval.evidence import evidence_line
from llm_do_eval.family import family_lines
from llm_do_eval.plugin.plot import WIDTH, Axis, Plot, axis_of, plot_of
from llm_do_eval.plugin.row import Row, asked_of, notes_of, rows_of
from llm_do_eval.tables.origins import REPLAY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Drawn:
    """A row of the page: its texts, its plot and what the plot says; for a test, its notes and evidence."""

    number: int
    row: Row
    plot: Plot
    said: str
    notes: tuple[str, ...] = ()


def page(session: Mapping[str, Any]) -> str:
    """Render a session; it needs no network and runs no script."""
    folder = files("llm_do_eval") / "templates"
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string((folder / "session.html.jinja").read_text(encoding="utf-8"))
    style = "".join((folder / name).read_text(encoding="utf-8") for name in ("report.css", "session.css"))
    tests = session["tests"]
    axis, numbers = axis_of(tests), count()
    return template.render(
        tests=[list(_drawn(test, axis, numbers)) for test in tests],
        families=[list(family_lines(family)) for family in session.get("families") or ()],
        axis=axis,
        width=WIDTH,
        replay=REPLAY if any(each["evidence"]["replayed"] for each in tests) else "",
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )


def _drawn(test: Mapping[str, Any], axis: Axis, numbers: Iterator[int]) -> Iterator[Drawn]:
    rows = rows_of(test)
    said, notes = f"{_seen(rows.test)}{_asked(test, test)}", (*notes_of(test), evidence_line(test))
    yield Drawn(next(numbers), rows.test, plot_of(test, test, axis), said, notes)
    for row, entry in zip(rows.invariants, test.get("invariants") or (), strict=True):
        said = f"{_seen(row)}{_asked(entry, test)}"
        yield Drawn(next(numbers), row, plot_of(entry, test, axis), said)


def _seen(row: Row) -> str:
    if not row.bounds:
        return f"{row.passed} passed, and nothing is shown by it."
    return f"{row.passed} passed. The true rate is {row.bounds}, each bound one-sided."


def _asked(entry: Mapping[str, Any], test: Mapping[str, Any]) -> str:
    rate, target = asked_of(entry, test)
    asked = "" if rate is None else f" Asked for: at least {rate:g}."
    return asked if target is None else f"{asked} Target: {target:g}."
