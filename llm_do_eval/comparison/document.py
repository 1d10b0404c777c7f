"""A comparison in, its JSON (`llm-do-eval/comparison/v1`) and its lines for a terminal out."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from llm_do_eval.comparison.compare import is_refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_do_eval.comparison.compare import Comparison, Wishes
    from llm_do_eval.comparison.row import Row

SCHEMA: Final = "llm-do-eval/comparison/v1"


class Line(NamedTuple):
    """One line, and the row that it tells, if it tells one."""

    text: str
    row: Row | None = None


def document(comparison: Comparison, base: str, candidate: str, wishes: Wishes) -> dict[str, Any]:
    """Give a comparison as a JSON object."""
    return {
        "schema": SCHEMA,
        "base": base,
        "candidate": candidate,
        "confidence": wishes.confidence,
        "margin": wishes.margin,
        "refused": len(comparison.refused),
        "rows": [row_json(row) for row in comparison.rows],
        "only_base": list(comparison.only_base),
        "only_candidate": list(comparison.only_candidate),
    }


def row_json(row: Row) -> dict[str, Any]:
    """Give one row as a JSON object."""
    power, asked = row.power, row.noninferiority
    return {
        **asdict(row),
        "notes": list(row.notes),
        "power": None if power is None else power._asdict(),
        "noninferiority": None if asked is None else asked._asdict(),
        "refused": is_refused(row),
    }


def lines(comparison: Comparison) -> Iterator[Line]:
    """Say a comparison in lines: what gates by its test, the rest below it, then what one side lacks."""
    for row in comparison.rows:
        yield from row_lines(row)
    for name in comparison.only_base:
        yield Line(f"{name}: only the base has it")
    for name in comparison.only_candidate:
        yield Line(f"{name}: only the candidate has it")


def row_lines(row: Row) -> Iterator[Line]:
    """Say one row in lines."""
    if row.gates:
        yield Line(f"{row.test}: {row.sentence}", row)
    else:
        what = f"invariant {row.name!r}" if row.what == "invariant" else row.what
        yield Line(f"  {what}: {row.sentence}", row)
    for note in row.notes:
        yield Line(f"  {note}")
