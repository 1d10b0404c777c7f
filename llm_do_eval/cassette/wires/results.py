"""A request and the path of a field in it in, the tool whose result the field belongs to out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_do_eval.cassette.interaction import Request

_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
# how a result names its call, by API: chat completions, responses, messages, Converse
_CALL_IDS: Final = ("tool_call_id", "call_id", "tool_use_id", "toolUseId")
_RESULT_TYPES: Final = frozenset({"function_call_output", "tool_result"})
_OWN_IDS: Final = ("id", "call_id", "toolUseId")


def tool_of(request: Request, path: str) -> str | None:
    """Name the tool whose result a field is, or is part of, given its path as in `body.messages[3].content`.

    None of any other field, and where the call of a result is not in the request.
    """
    if not path.startswith("body"):
        return None
    for value in _along(request.body.value, path.removeprefix("body")):
        result = _result(value)
        if "name" in result:  # generateContent says it right there
            return str(result["name"])
        called = next((result[name] for name in _CALL_IDS if name in result), None)
        if called is not None:
            return next(_names(request.body.value, called), None)
    return None


def _along(value: Any, path: str) -> Iterator[dict[str, Any]]:
    """Give the objects on the way to a field, the outermost first."""
    for step in _STEP.finditer(path):
        if isinstance(value, dict) and step[1] is not None:
            value = cast("dict[str, Any]", value).get(step[1])
        elif isinstance(value, list) and step[2] is not None and int(step[2]) < len(cast("list[Any]", value)):
            value = cast("list[Any]", value)[int(step[2])]
        else:
            return
        if isinstance(value, dict):
            yield cast("dict[str, Any]", value)


def _result(fields: dict[str, Any]) -> dict[str, Any]:
    """Return what of an object says which call it is the result of; empty for any other object."""
    if fields.get("role") == "tool" or fields.get("type") in _RESULT_TYPES:
        return {name: fields[name] for name in _CALL_IDS if name in fields}
    inner = fields.get("functionResponse") or fields.get("toolResult")
    return cast("dict[str, Any]", inner) if isinstance(inner, dict) else {}


def _names(value: Any, called: Any) -> Iterator[str]:
    """Find the calls of an id, and give the names of what they call."""
    if isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from _names(each, called)
    elif isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        function = fields.get("function")
        source = cast("dict[str, Any]", function) if isinstance(function, dict) else fields
        if isinstance(source.get("name"), str) and any(fields.get(name) == called for name in _OWN_IDS):
            yield source["name"]
        for each in fields.values():
            yield from _names(each, called)
