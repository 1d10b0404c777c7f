"""One context in, its sources out: the fields that code could have read before each of its calls."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any, Final, cast

from llm_do_eval.comparable import comparable, parsed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from llm_do_eval.observation import Call
    from llm_do_eval.tables.context import Context

INPUT: Final = "the caller's input"
_FIELDS_KEPT: Final = 200


@dataclass(frozen=True, slots=True)
class Fields:
    """The scalars of one JSON value: dotted paths to comparable texts, and the paths of each text."""

    values: Mapping[str, str]
    paths: Mapping[str, tuple[str, ...]]


def sources(context: Context) -> Iterator[Mapping[str, Fields]]:
    """Give, for each of the context's calls, the fields of the last successful result of each tool.

    The caller's own input stands under `INPUT`. Paths lead through objects only, lists are left out; a
    result that is itself a scalar has the path "".
    """
    caller = context.steps[0].caller
    latest: dict[str, Fields] = {INPUT: _fields(caller.input)}
    ordered = zip(context.turns, context.steps, strict=True)
    for _, turn in groupby(ordered, key=lambda each: each[0]):
        steps = [step for _, step in turn]
        for _ in steps:
            yield latest
        found = {step.call.name: _result(step.call) for step in steps if step.call.ok}
        latest = {**latest, **found} if found else latest


def _result(call: Call) -> Fields:
    return _fields(parsed(call.output))


def _fields(value: Any) -> Fields:
    values = {path: comparable(scalar) for path, scalar in islice(_scalars("", value), _FIELDS_KEPT)}
    paths: dict[str, tuple[str, ...]] = {}
    for path, text in values.items():
        paths[text] = (*paths.get(text, ()), path)
    return Fields(values, paths)


def _scalars(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in cast("dict[str, Any]", value).items():
            yield from _scalars(f"{path}.{key}" if path else key, item)
    elif not isinstance(value, list) and value is not None:
        yield path, value
