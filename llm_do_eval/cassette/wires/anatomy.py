"""A request in, its parts out: which of its fields are prompt, tools, settings or model, and their texts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from llm_do_eval.cassette.wires.apis import asked_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_do_eval.cassette.interaction import Request

Part = Literal["prompt", "tools", "settings", "model", "request", "body"]
PARTS: Final[tuple[Part, ...]] = ("prompt", "tools", "settings", "model", "request", "body")
"""In the order in which they are told; `request` is method, path and query, `body` that of an unknown API."""

_STEP: Final = re.compile(r"\.([^.\[]+)")
_PROMPT: Final = frozenset(
    {
        "contents", "input", "instructions", "messages", "prompt", "system", "systemInstruction",
        "system_instruction",
    }
)  # fmt: skip
_TOOLS: Final = frozenset(
    {
        "function_call", "functions", "parallel_tool_calls", "toolConfig", "tool_choice", "tool_config",
        "tools",
    }
)  # fmt: skip
_NOT_TEXT: Final = frozenset(
    {"cache_control", "call_id", "id", "media_type", "mimeType", "role", "toolUseId", "tool_call_id", "type"}
)
"""Keys whose values say how a text is carried, and are none of it."""


def part_of(request: Request, path: str) -> Part:
    """Tell to which part of a request a field belongs, given its path as in `body.messages[0].content`."""
    model = asked_model(request)
    if not path.startswith("body"):
        in_path = model is not None and "model" not in _fields(request)
        return "model" if path == "path" and in_path else "request"
    step = _STEP.match(path.removeprefix("body"))
    name = step[1] if step else ""
    if model is None:
        return "body"
    if name in _PROMPT:
        return "prompt"
    if name in _TOOLS:
        return "tools"
    return "model" if name == "model" else "settings"


def texts(request: Request) -> list[str]:
    """List the texts of a prompt as they come, whatever form the API gives them."""
    return [text for name, value in _fields(request).items() if name in _PROMPT for text in _texts(value)]


def _fields(request: Request) -> dict[str, Any]:
    return _mapping(request.body.value)


def _mapping(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for name, each in cast("dict[str, Any]", value).items():
                if name not in _NOT_TEXT:
                    yield from _texts(each)
        case list():
            for each in cast("list[Any]", value):
                yield from _texts(each)
        case _:
            return
