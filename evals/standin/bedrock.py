"""Bedrock Converse: a body of `POST /model/NAME/converse` in, JSON or frames of an event stream out."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from evals.standin.conversation import (
    Attachment,
    Json,
    Request,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    within,
)
from evals.standin.sse import deltas
from evals.standin.wire import Exchange, Wire
from llm_do_eval.cassette.wires.eventstream import MEDIA_TYPE, Frame, joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ERRORS = {
    400: ("ValidationException", "The request could not be understood."),
    401: ("UnrecognizedClientException", "The security token or API key included in the request is invalid."),
    403: ("AccessDeniedException", "You don't have access to the model with the specified model ID."),
    404: ("ResourceNotFoundException", "Could not resolve the foundation model."),
    429: ("ThrottlingException", "Too many requests: rate limit reached, please wait before trying again."),
    500: ("InternalServerException", "Internal server error"),
    503: ("ServiceUnavailableException", "The model is overloaded. Please try again."),
}
_INTERNAL = _ERRORS[500]
_STOP_REASONS = {
    "length": "max_tokens",
    "content_filter": "guardrail_intervened",
    "refusal": "content_filtered",
}
_FORMATS = {"pdf": "application/pdf", "txt": "text/plain", "md": "text/markdown", "html": "text/html"}
_KNOWN_FIELDS = {"model", "stream", "messages", "system", "toolConfig", "outputConfig"}


def parse(body: Json) -> Request:
    """Read a request body, to which `model` and `stream` of the path were added.

    Raises:
        KeyError, TypeError, ValueError: the body is not of this wire.
    """
    calls: dict[str, ToolCall] = {}
    schema = within(body, "outputConfig", "textFormat", "structure", "jsonSchema").get("schema")
    specs = [tool["toolSpec"] for tool in within(body, "toolConfig").get("tools") or () if "toolSpec" in tool]
    return Request(
        model=body["model"],
        instructions="\n\n".join(_texts(body.get("system") or [])),
        messages=tuple(turn for message in body["messages"] for turn in _turns(message, calls)),
        tools=tuple(
            Tool(spec["name"], spec.get("description", ""), spec["inputSchema"]["json"]) for spec in specs
        ),
        output_schema=None if schema is None else json.loads(schema),
        stream=bool(body["stream"]),
        settings={name: value for name, value in body.items() if name not in _KNOWN_FIELDS},
    )


def answer(exchange: Exchange) -> Json:
    """Write the whole answer as one JSON object."""
    return {
        "output": {"message": {"role": "assistant", "content": _content(exchange)}},
        "stopReason": _stop_reason(exchange),
        **_metadata(exchange),
    }


def events(exchange: Exchange) -> Iterator[bytes]:
    """Write the answer as the frames of an event stream."""
    for name, payload in _named_events(exchange):
        headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
        yield joined([Frame(headers, json.dumps(payload).encode())])


def error(status: int, request_id: str, message: str | None = None) -> Json:
    """Write an error body; its kind and the request are named in headers only."""
    del request_id
    return {"message": message or _ERRORS.get(status, _INTERNAL)[1]}


def error_headers(status: int) -> Mapping[str, str]:
    """Name the kind of an error."""
    return {"x-amzn-errortype": f"{_ERRORS.get(status, _INTERNAL)[0]}:http://internal.amazon.com/coral/"}


def _texts(blocks: list[Json]) -> list[str]:
    return [block["text"] for block in blocks if "text" in block]


def _turns(message: Json, calls: dict[str, ToolCall]) -> Iterator[Turn]:
    blocks: list[Json] = message["content"]
    text = "\n".join(_texts(blocks))
    if message["role"] == "assistant":
        made = {
            use["toolUseId"]: ToolCall(use["name"], use["input"])
            for use in (block["toolUse"] for block in blocks if "toolUse" in block)
        }
        calls.update(made)
        yield Turn("assistant", text, tool_calls=tuple(made.values()))
        return
    answered = [block["toolResult"] for block in blocks if "toolResult" in block]
    if answered:
        results = (ToolResult(calls[each["toolUseId"]], _result_text(each)) for each in answered)
        yield Turn("tool", results=tuple(results))
    attachments = tuple(_attachments(blocks))
    if text or attachments or not answered:
        yield Turn("user", text, attachments)


def _result_text(answered: Json) -> str:
    parts = (part.get("text", json.dumps(part.get("json"))) for part in answered["content"])
    return "\n".join(parts)


def _attachments(blocks: list[Json]) -> Iterator[Attachment]:
    for block in blocks:
        for kind in ("image", "document"):
            if kind not in block:
                continue
            source = block[kind]["source"]
            if "s3Location" in source:
                yield Attachment("", b"", source["s3Location"]["uri"])
                continue
            name = block[kind]["format"]
            media_type = f"image/{name}" if kind == "image" else _FORMATS.get(name, f"application/{name}")
            content = source["text"].encode() if "text" in source else base64.b64decode(source["bytes"])
            yield Attachment(media_type, content, block[kind].get("name", ""))


def _content(exchange: Exchange) -> list[Json]:
    reply = exchange.reply
    blocks: list[Json] = [{"text": reply.text}] if reply.text else []
    return blocks + [
        {"toolUse": {"toolUseId": exchange.make_id("tooluse_"), "name": call.name, "input": dict(call.args)}}
        for call in reply.tool_calls
    ]


def _stop_reason(exchange: Exchange) -> str:
    usual = "tool_use" if exchange.reply.tool_calls else "end_turn"
    return _STOP_REASONS.get(exchange.reply.finish, usual)


def _metadata(exchange: Exchange) -> Json:
    usage = exchange.usage
    return {
        "usage": {
            "inputTokens": usage.input_tokens,
            "outputTokens": usage.output_tokens,
            "totalTokens": sum(usage),
        },
        "metrics": {"latencyMs": 1},
    }


def _named_events(exchange: Exchange) -> Iterator[tuple[str, Json]]:
    yield "messageStart", {"role": "assistant"}
    for index, block in enumerate(_content(exchange)):
        place: Json = {"contentBlockIndex": index}
        if "toolUse" in block:
            use = block["toolUse"]
            start = {"toolUseId": use["toolUseId"], "name": use["name"]}
            yield "contentBlockStart", place | {"start": {"toolUse": start}}
            for piece in deltas(json.dumps(use["input"])):
                yield "contentBlockDelta", place | {"delta": {"toolUse": {"input": piece}}}
        else:
            for piece in deltas(block["text"]):
                yield "contentBlockDelta", place | {"delta": {"text": piece}}
        yield "contentBlockStop", place
    yield "messageStop", {"stopReason": _stop_reason(exchange)}
    yield "metadata", _metadata(exchange)


BEDROCK = Wire(parse, answer, events, error, error_headers=error_headers, stream_type=MEDIA_TYPE)
