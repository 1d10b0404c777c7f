"""A recorded exchange in, what was said in it out: messages of its request, and the answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from llm_do_eval.cassette.wires.apis import payloads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_do_eval.cassette.interaction import Interaction, Request

_SYSTEM = ("system", "instructions", "systemInstruction", "system_instruction")
_MESSAGES = ("messages", "contents", "input", "prompt")


class Message(NamedTuple):
    """Who said what; calls of tools and their results are written as JSON."""

    role: str
    text: str


def messages(request: Request) -> list[Message]:
    """List what a request says, system texts first; empty for an unknown API."""
    fields = _mapping(request.body.value)
    found = [Message("system", _said(fields[name])) for name in _SYSTEM if name in fields]
    for name in _MESSAGES:
        value = fields.get(name)
        if isinstance(value, str):
            found.append(Message("user", value))
        found += [
            Message(str(_mapping(each).get("role", _mapping(each).get("type", "user"))), _said(each))
            for each in _list(value)
        ]
    return found


def first_prompt(request: Request) -> str:
    """Return the first thing a user says in a request."""
    return next((each.text for each in messages(request) if each.role == "user"), "")


def answer(interaction: Interaction) -> str:
    """Return the text that was answered, whole also where it was streamed, and the calls of tools."""
    if interaction.response.status >= 400:  # noqa: PLR2004  the first status of an error
        return f"HTTP {interaction.response.status}"
    texts = [text for each in payloads(interaction.response) for text in _answered(each)]
    return "".join(texts).strip()


def _answered(payload: dict[str, Any]) -> Iterator[str]:
    """Read one JSON object of an answer: all of it, or one event of a stream."""
    for choice in _list(payload.get("choices")):
        said = _mapping(_mapping(choice).get("message") or _mapping(choice).get("delta"))
        yield str(said.get("content") or "")
        yield from (_call(_mapping(each).get("function")) for each in _list(said.get("tool_calls")))
    for candidate in _list(payload.get("candidates")):
        yield from _blocks(_mapping(_mapping(candidate).get("content")).get("parts"))
    yield from _blocks(payload.get("content"))
    yield from _blocks(_mapping(_mapping(payload.get("output")).get("message")).get("content"))
    for item in _list(payload.get("output")):
        yield from _blocks(_mapping(item).get("content"))
        yield from [_call(item)] if _mapping(item).get("type") == "function_call" else []
    yield from _streamed(payload)


def _streamed(payload: dict[str, Any]) -> Iterator[str]:
    delta = payload.get("delta")
    if payload.get("type") == "response.output_text.delta":
        yield str(delta)
    elif payload.get("type") == "response.output_item.done":
        item = _mapping(payload.get("item"))
        yield from [_call(item)] if item.get("type") == "function_call" else []
    elif payload.get("type") == "content_block_start":
        yield from _blocks([payload.get("content_block")])
    for part in (delta, _mapping(payload.get("contentBlockDelta")).get("delta")):
        yield str(_mapping(part).get("text") or _mapping(part).get("partial_json") or "")
    start = _mapping(_mapping(payload.get("contentBlockStart")).get("start"))
    yield from [_call(start["toolUse"])] if "toolUse" in start else []


def _blocks(value: Any) -> Iterator[str]:
    for each in map(_mapping, _list(value)):
        yield str(each.get("text") or "")
        call = each.get("functionCall") or each.get("toolUse")
        call = each if each.get("type") == "tool_use" else call
        yield from [_call(call)] if call else []


def _call(value: Any) -> str:
    call = _mapping(value)
    arguments = next((call[key] for key in ("arguments", "args", "input") if call.get(key)), "")
    written = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return f" {call['name']}({written})" if call.get("name") else written


def _said(value: Any) -> str:
    """Write a message: its text where it has one, else what is in it as JSON."""
    match value:
        case str():
            return value
        case list():
            return " ".join(filter(None, (_said(each) for each in cast("list[Any]", value))))
        case dict():
            fields = cast("dict[str, Any]", value)
            for key in ("text", "content", "parts"):
                if fields.get(key):
                    return _said(fields[key])
            rest = {name: each for name, each in fields.items() if name not in ("role", "type", "content")}
            return json.dumps(rest, ensure_ascii=False) if rest else ""
        case _:
            return ""


def _mapping(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []
