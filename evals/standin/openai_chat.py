"""OpenAI chat completions: a body of `POST /v1/chat/completions` in, JSON or chunks of the same wire out."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from evals.standin.conversation import (
    Attachment,
    Json,
    Reply,
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
    from collections.abc import Callable, Iterator

# the same for every answer, so that one seed gives the same bytes on any day
_CREATED = 1_760_000_000
# this wire has no part for text files; pydantic-ai sends them as text between these two lines
_INLINED_FILE = re.compile(
    r'-----BEGIN FILE id="(?P<id>.*?)" type="(?P<media_type>.*?)"-----\n'
    r'(?P<content>.*)\n-----END FILE id="(?P=id)"-----',
    re.DOTALL,
)
_KNOWN_FIELDS = {"model", "messages", "tools", "stream", "response_format"}


def parse(body: Json) -> Request:
    """Read a request body.

    Raises:
        KeyError, TypeError, ValueError: the body is not of this wire.
    """
    calls: dict[str, ToolCall] = {}
    messages: list[Json] = body["messages"]
    system = [_text(message) for message in messages if message["role"] in ("system", "developer")]
    return Request(
        model=body["model"],
        instructions="\n\n".join(system),
        messages=tuple(
            _turn(message, calls) for message in messages if message["role"] not in ("system", "developer")
        ),
        tools=tuple(_tool(tool["function"]) for tool in body.get("tools") or ()),
        output_schema=within(body, "response_format", "json_schema").get("schema"),
        stream=bool(body.get("stream")),
        settings={name: value for name, value in body.items() if name not in _KNOWN_FIELDS},
    )


def answer(exchange: Exchange) -> Json:
    """Write the whole answer as one JSON object."""
    reply = exchange.reply
    message: Json = {"role": "assistant", "content": reply.text or None, "refusal": None, "annotations": []}
    if reply.finish == "refusal":
        message |= {"content": None, "refusal": reply.text}
    if reply.tool_calls:
        message["tool_calls"] = _tool_calls(reply, exchange.make_id)
    choice: Json = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(reply)}
    return _head(exchange, "chat.completion") | {"choices": [choice], "usage": _usage(exchange)}


def events(exchange: Exchange) -> Iterator[bytes]:
    """Write the answer as a stream; the usage comes in a last chunk where the request asked for it."""
    reply = exchange.reply
    head = _head(exchange, "chat.completion.chunk")

    def chunk(delta: Json, finish: str | None = None) -> bytes:
        """Write one delta of the only choice."""
        choice: Json = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return sse(head | {"choices": [choice], "usage": None})

    yield chunk({"role": "assistant", "content": "", "refusal": None})
    spoken = "refusal" if reply.finish == "refusal" else "content"
    for piece in deltas(reply.text):
        yield chunk({spoken: piece})
    for index, call in enumerate(_tool_calls(reply, exchange.make_id)):
        arguments = call["function"].pop("arguments")
        opening: Json = call["function"] | {"arguments": ""}
        yield chunk({"tool_calls": [call | {"index": index, "function": opening}]})
        for piece in deltas(arguments):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield chunk({}, _finish(reply))
    if within(dict(exchange.request.settings), "stream_options").get("include_usage"):
        yield sse(head | {"choices": [], "usage": _usage(exchange)})
    yield b"data: [DONE]\n\n"


def error(status: int, request_id: str, message: str | None = None) -> Json:
    """Write an error body; OpenAI names the request in a header only."""
    del request_id
    return openai_error(status, message)


def _turn(message: Json, calls: dict[str, ToolCall]) -> Turn:
    if message["role"] == "tool":
        return Turn("tool", results=(ToolResult(calls[message["tool_call_id"]], _text(message)),))
    if message["role"] == "user":
        return Turn("user", _text(message), attachments=tuple(_attachments(message["content"])))
    made = {
        call["id"]: ToolCall(call["function"]["name"], json.loads(call["function"]["arguments"]))
        for call in message.get("tool_calls") or ()
    }
    calls.update(made)
    return Turn("assistant", _text(message), tool_calls=tuple(made.values()))


def _text(message: Json) -> str:
    return "\n".join(
        part["text"]
        for part in _parts(message.get("content") or "")
        if part["type"] == "text" and not _INLINED_FILE.fullmatch(part["text"])
    )


def _parts(content: Any) -> list[Json]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _attachments(content: Any) -> Iterator[Attachment]:
    for part in _parts(content):
        inlined = part["type"] == "text" and _INLINED_FILE.fullmatch(part["text"])
        if inlined:
            yield Attachment(inlined["media_type"], inlined["content"].encode())
        elif part["type"] == "image_url":
            yield attachment_from_url(part["image_url"]["url"])
        elif part["type"] == "file":
            yield attachment_from_url(part["file"]["file_data"], part["file"].get("filename", ""))


def _tool(function: Json) -> Tool:
    return Tool(function["name"], function.get("description", ""), function.get("parameters", {}))


def _head(exchange: Exchange, kind: str) -> Json:
    return {
        "id": exchange.make_id("chatcmpl-"),
        "object": kind,
        "created": _CREATED,
        "model": exchange.request.model,
        "service_tier": "default",
        "system_fingerprint": None,
    }


def _tool_calls(reply: Reply, make_id: Callable[[str], str]) -> list[Json]:
    return [
        {
            "id": make_id("call_"),
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(dict(call.args))},
        }
        for call in reply.tool_calls
    ]


def _finish(reply: Reply) -> str:
    if reply.finish in ("length", "content_filter"):
        return reply.finish
    return "tool_calls" if reply.tool_calls else "stop"


def _usage(exchange: Exchange) -> Json:
    usage = exchange.usage
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": sum(usage),
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


OPENAI_CHAT = Wire(parse, answer, events, error)
