"""Two cassettes in, the fields in which they differ out: meta lines, then by sample and seq."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from llm_do.ui.escape import visible
from llm_do_eval.cassette.miss import ABSENT, Difference, differences, value_differences

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llm_do_eval.cassette.file.recording import Recording
    from llm_do_eval.cassette.interaction import Body, Interaction

SCHEMA: Final = "llm-do-eval/cassette-diff/v1"


@dataclass(frozen=True, slots=True)
class Place:
    """Differences at one place: `meta`, or `sample 3 seq 0`; `only_in` is 1 or 2 where one side lacks it."""

    where: str
    differences: tuple[Difference, ...] = ()
    only_in: int | None = None


def diff(first: Recording, second: Recording) -> list[Place]:
    """Compare two recordings; an empty list says that they hold the same."""
    meta = tuple(value_differences("", dict(first.meta), dict(second.meta)))
    found = [Place("meta", meta)] if meta else []
    sides = [{(each.sample, each.seq): each for each in side.interactions} for side in (first, second)]
    for sample, seq in sorted(sides[0].keys() | sides[1].keys()):
        one, other = (side.get((sample, seq)) for side in sides)
        where = f"sample {sample} seq {seq}"
        if one is None or other is None:
            found.append(Place(where, only_in=1 if other is None else 2))
        elif fields := tuple(_fields(one, other)):
            found.append(Place(where, fields))
    return found


def diff_text(places: Sequence[Place], names: Sequence[str]) -> Iterator[str]:
    """Write differences for a terminal; `recorded` is the first file, `now` the second."""
    for each in places:
        yield f"{each.where}:" + (f" only in {visible(names[each.only_in - 1])}\n" if each.only_in else "\n")
        for field in each.differences:
            yield f"  {visible(str(field)).replace(': recorded ', ': ', 1)}\n"
    yield "" if places else "no differences\n"


def diff_json(places: Sequence[Place], names: Sequence[str]) -> dict[str, Any]:
    """Write differences as one JSON object; null stands for a field that one side lacks."""
    return {
        "schema": SCHEMA,
        "files": list(names),
        "places": [
            {
                "where": each.where,
                "only_in": names[each.only_in - 1] if each.only_in else None,
                "fields": [
                    {"path": field.path, "first": _json(field.recorded), "second": _json(field.now)}
                    for field in each.differences
                ],
            }
            for each in places
        ],
    }


def _fields(one: Interaction, other: Interaction) -> Iterator[Difference]:
    for each in differences(one.request, other.request):
        yield each._replace(path=f"request.{each.path}")
    yield from value_differences("response.status", one.response.status, other.response.status)
    if one.response.body != other.response.body:
        yield from value_differences("response.body", _value(one.response.body), _value(other.response.body))


def _value(body: Body) -> Any:
    """Read a body as JSON, where it is JSON."""
    try:
        return json.loads(body.raw)
    except (ValueError, RecursionError):
        return body.value


def _json(value: Any) -> Any:
    return None if value is ABSENT else value
