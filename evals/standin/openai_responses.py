"""OpenAI responses: a body of `POST /v1/responses` in, JSON or named events of the same wire out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from evals.standin.conversation import (
    Attachment,
    Json,
    Request,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    attachment_from_url,
    within,
)
from evals.standin.openai_error import openai_error
from evals.standin.sse import deltas, sse
from evals.standin.wire import Exchange, Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

# the same for every answer, so that one seed gives the same bytes on any day
_CREATED = 1_760_000_000
_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
_KNOWN_FIELDS = {"model", "input", "instructions", "tools", "stream", "text"}


def parse(body: Json) -> Request:
    """Read a request body; system messages in the input come before `instructions`.

    Raises:
        KeyError, TypeError, ValueError: the body is not of this wire.
    """
    asked: Any = body["input"]
    items: list[Json] = [{"role": "user", "content": asked}] if isinstance(asked, str) else asked
    system = [_text(item["content"]) for item in items if item.get("role") in ("system", "developer")]
    calls: dict[str, ToolCall] = {}
    return Request(
        model=body["model"],
        instructions="\n\n".join(filter(None, [*system, body.get("instructions")])),
        messages=tuple(_turns(items, calls)),
        tools=tuple(_tool(tool) for tool in body.get("tools") or () if tool["type"] == "function"),
        output_schema=within(body, "text", "format").get("schema"),
        stream=bool(body.get("stream")),
        settings={name: value for name, value in body.items() if name not in _KNOWN_FIELDS},
    )


def answer(exchange: Exchange) -> Json:
    """Write the whole answer as one JSON object."""
    return _response(exchange, exchange.make_id("resp_"), output=_items(exchange), done=True)


def events(exchange: Exchange) -> Iterator[bytes]:
    """Write the answer as a stream of named, numbered events."""
    for number, (name, payload) in enumerate(_named_events(exchange)):
        yield sse({"type": name, "sequence_number": number} | payload, event=name)


def error(status: int, request_id: str, message: str | None = None) -> Json:
    """Write an error body; OpenAI names the request in a header only."""
    del request_id
    return openai_error(status, message)


def _turns(items: list[Json], calls: dict[str, ToolCall]) -> Iterator[Turn]:
    for item in items:
        match item.get("type", "message"):
            case "message":
                if item["role"] not in ("system", "developer"):
                    yield Turn(item["role"], _text(item["content"]), tuple(_attachments(item["content"])))
            case "function_call":
                call = ToolCall(item["name"], json.loads(item["arguments"]))
                calls[item["call_id"]] = call
                yield Turn("assistant", tool_calls=(call,))
            case "function_call_output":
                yield Turn("tool", results=(ToolResult(calls[item["call_id"]], _text(item["output"])),))
            case _:  # reasoning and the like say nothing to a brain
                pass


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if "text" in part)


def _attachments(content: Any) -> Iterator[Attachment]:
    for part in () if isinstance(content, str) else content:
        if part["type"] == "input_image":
            yield attachment_from_url(part["image_url"])
        elif part["type"] == "input_file":
            yield attachment_from_url(part.get("file_data") or part["file_url"], part.get("filename", ""))


def _tool(tool: Json) -> Tool:
    return Tool(tool["name"], tool.get("description") or "", tool.get("parameters") or {})


def _response(exchange: Exchange, identifier: str, *, output: list[Json], done: bool) -> Json:
    reason = _INCOMPLETE.get(exchange.reply.finish) if done else None
    status = "in_progress" if not done else "incomplete" if reason else "completed"
    return {
        "id": identifier,
        "object": "response",
        "created_at": _CREATED,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": None,
        "metadata": {},
        "model": exchange.request.model,
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": _usage(exchange) if done else None,
    }


def _items(exchange: Exchange) -> list[Json]:
    reply = exchange.reply
    items: list[Json] = []
    if reply.text or not reply.tool_calls:
        items.append(
            {
                "id": exchange.make_id("msg_"),
                "type": "message",
                "role": "assistant",
                "status": "incomplete" if reply.finish in _INCOMPLETE else "completed",
                "content": [_content(exchange)] if reply.text else [],
            }
        )
    items += [
        {
            "id": exchange.make_id("fc_"),
            "type": "function_call",
            "status": "completed",
            "call_id": exchange.make_id("call_"),
            "name": call.name,
            "arguments": json.dumps(dict(call.args)),
        }
        for call in reply.tool_calls
    ]
    return items


def _content(exchange: Exchange) -> Json:
    if exchange.reply.finish == "refusal":
        return {"type": "refusal", "refusal": exchange.reply.text}
    return {"type": "output_text", "text": exchange.reply.text, "annotations": [], "logprobs": []}


def _named_events(exchange: Exchange) -> Iterator[tuple[str, Json]]:
    identifier = exchange.make_id("resp_")
    begun = _response(exchange, identifier, output=[], done=False)
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    items = _items(exchange)
    for index, item in enumerate(items):
        blank: Json = {"content": []} if item["type"] == "message" else {"arguments": ""}
        opening = item | {"status": "in_progress"} | blank
        yield "response.output_item.added", {"output_index": index, "item": opening}
        place: Json = {"item_id": item["id"], "output_index": index}
        yield from _call_events(item, place) if "arguments" in item else _message_events(item, place)
        yield "response.output_item.done", {"output_index": index, "item": item}
    ended = _response(exchange, identifier, output=items, done=True)
    yield f"response.{ended['status']}", {"response": ended}


def _call_events(item: Json, place: Json) -> Iterator[tuple[str, Json]]:
    for piece in deltas(item["arguments"]):
        yield "response.function_call_arguments.delta", place | {"delta": piece}
    whole: Json = {"arguments": item["arguments"], "name": item["name"]}
    yield "response.function_call_arguments.done", place | whole


def _message_events(item: Json, place: Json) -> Iterator[tuple[str, Json]]:
    for position, part in enumerate(item["content"]):
        here = place | {"content_index": position}
        field = "refusal" if part["type"] == "refusal" else "text"
        event = f"response.{part['type']}"
        logprobs: Json = {} if field == "refusal" else {"logprobs": []}
        yield "response.content_part.added", here | {"part": part | {field: ""}}
        for piece in deltas(part[field]):
            yield f"{event}.delta", here | {"delta": piece} | logprobs
        yield f"{event}.done", here | {field: part[field]} | logprobs
        yield "response.content_part.done", here | {"part": part}


def _usage(exchange: Exchange) -> Json:
    usage = exchange.usage
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": sum(usage),
    }


OPENAI_RESPONSES = Wire(parse, answer, events, error)
