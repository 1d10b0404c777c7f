"""Google Gemini: a body of `POST .../models/NAME:generateContent` in, JSON or events of the same wire out."""

from __future__ import annotations

import base64
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
    within,
)
from evals.standin.sse import deltas, sse
from evals.standin.wire import Exchange, Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

_STATUSES = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", "API key not valid. Please pass a valid API key."),
    403: ("PERMISSION_DENIED", "The caller does not have permission"),
    404: ("NOT_FOUND", "The model is not found for API version v1beta."),
    429: ("RESOURCE_EXHAUSTED", "Rate limit: you exceeded your current quota. Please retry later."),
    500: ("INTERNAL", "An internal error has occurred."),
    503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
}
_UNKNOWN = ("UNKNOWN", "An unknown error has occurred.")
_FINISH_REASONS = {"length": "MAX_TOKENS", "content_filter": "SAFETY", "refusal": "PROHIBITED_CONTENT"}
_KNOWN_FIELDS = {"model", "stream", "contents", "systemInstruction", "tools"}


def parse(body: Json) -> Request:
    """Read a request body, to which `model` and `stream` of the path were added.

    Raises:
        KeyError, TypeError, ValueError: the body is not of this wire.
    """
    calls: dict[str, ToolCall] = {}
    config = within(body, "generationConfig")
    return Request(
        model=body["model"],
        instructions="\n\n".join(_texts(within(body, "systemInstruction").get("parts") or [])),
        messages=tuple(turn for content in body["contents"] for turn in _turns(content, calls)),
        tools=tuple(
            Tool(each["name"], each.get("description", ""), _schema(each))
            for tool in body.get("tools") or ()
            for each in tool.get("functionDeclarations") or ()
        ),
        output_schema=config.get("responseJsonSchema") or config.get("responseSchema"),
        stream=bool(body["stream"]),
        settings={name: value for name, value in body.items() if name not in _KNOWN_FIELDS},
    )


def answer(exchange: Exchange) -> Json:
    """Write the whole answer as one JSON object."""
    return _head(exchange) | {"candidates": [_candidate(_parts(exchange), _finish(exchange))]}


def events(exchange: Exchange) -> Iterator[bytes]:
    """Write the answer as a stream; each event is an answer with the next part, and calls come whole."""
    head = _head(exchange)
    for part in _parts(exchange):
        pieces = [{"text": piece} for piece in deltas(part["text"])] if "text" in part else [part]
        for piece in pieces:
            yield sse(head | {"candidates": [_candidate([piece], None)]})
    yield sse(head | {"candidates": [_candidate([{"text": ""}], _finish(exchange))]})


def error(status: int, request_id: str, message: str | None = None) -> Json:
    """Write an error body; Google does not name the request."""
    del request_id
    kind, usual = _STATUSES.get(status, _UNKNOWN)
    return {"error": {"code": status, "message": message or usual, "status": kind}}


def _schema(declaration: Json) -> Json:
    names = ("parametersJsonSchema", "parameters_json_schema", "parameters")
    return _either(declaration, *names) if declaration.keys() & {*names} else {}


def _either(body: Json, *names: str) -> Any:
    # google-genai sends some fields under their Python names, which the provider takes too
    return next(body[name] for name in names if name in body)


def _texts(parts: list[Json]) -> list[str]:
    return [part["text"] for part in parts if "text" in part]


def _turns(content: Json, calls: dict[str, ToolCall]) -> Iterator[Turn]:
    parts: list[Json] = content["parts"]
    text = "\n".join(_texts(parts))
    if content.get("role") == "model":
        made: list[ToolCall] = []
        for call in (part["functionCall"] for part in parts if "functionCall" in part):
            made.append(ToolCall(call["name"], call.get("args") or {}))
            calls[call.get("id") or call["name"]] = made[-1]
        yield Turn("assistant", text, tool_calls=tuple(made))
        return
    answered = [part["functionResponse"] for part in parts if "functionResponse" in part]
    if answered:
        results = (ToolResult(calls[each.get("id") or each["name"]], _result_text(each)) for each in answered)
        yield Turn("tool", results=tuple(results))
    attachments = tuple(_attachments(parts))
    if text or attachments or not answered:
        yield Turn("user", text, attachments)


def _result_text(answered: Json) -> str:
    """Read a result; what is no object is wrapped in one by pydantic-ai."""
    response: Json = answered.get("response") or {}
    value = response["return_value"] if [*response] == ["return_value"] else response
    return value if isinstance(value, str) else json.dumps(value)


def _attachments(parts: list[Json]) -> Iterator[Attachment]:
    for part in parts:
        if "inlineData" in part:
            blob = part["inlineData"]
            # bytes are in the alphabet of URLs here
            yield Attachment(_either(blob, "mimeType", "mime_type"), base64.urlsafe_b64decode(blob["data"]))
        elif "fileData" in part:
            yield Attachment("", b"", _either(part["fileData"], "fileUri", "file_uri"))


def _head(exchange: Exchange) -> Json:
    usage = exchange.usage
    return {
        "usageMetadata": {
            "promptTokenCount": usage.input_tokens,
            "candidatesTokenCount": usage.output_tokens,
            "totalTokenCount": sum(usage),
        },
        "modelVersion": exchange.request.model,
        "responseId": exchange.make_id(""),
    }


def _parts(exchange: Exchange) -> list[Json]:
    reply = exchange.reply
    parts: list[Json] = [{"text": reply.text}] if reply.text else []
    # most models give calls no id, so that clients make ids up
    return parts + [
        {"functionCall": {"name": call.name, "args": dict(call.args)}} for call in reply.tool_calls
    ]


def _candidate(parts: list[Json], finish: str | None) -> Json:
    content: Json = {"role": "model", "parts": parts} if parts else {"role": "model"}
    return {"content": content, "index": 0} | ({"finishReason": finish} if finish else {})


def _finish(exchange: Exchange) -> str:
    return _FINISH_REASONS.get(exchange.reply.finish, "STOP")


GOOGLE = Wire(parse, answer, events, error)
