"""Anthropic messages: a body of `POST /v1/messages` in, JSON or named events of the same wire out."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from evals.standin.conversation import (
    Attachment,
    Json,
    Request,
    Search,
    ServerTool,
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

    from evals.standin.conversation import Hit

_ERRORS = {
    400: ("invalid_request_error", "The request could not be understood."),
    401: ("authentication_error", "invalid x-api-key"),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "The requested resource could not be found."),
    429: (
        "rate_limit_error",
        "This request would exceed your organization's rate limit. Please try again later.",
    ),
    503: ("overloaded_error", "Overloaded"),
    529: ("overloaded_error", "Overloaded"),
}
_INTERNAL = ("api_error", "Internal server error")
_STOP_REASONS = {"length": "max_tokens", "content_filter": "refusal", "refusal": "refusal"}
_KNOWN_FIELDS = {"model", "system", "messages", "tools", "stream", "output_config"}


def parse(body: Json) -> Request:
    """Read a request body.

    Raises:
        KeyError, TypeError, ValueError: the body is not of this wire.
    """
    calls: dict[str, ToolCall] = {}
    return Request(
        model=body["model"],
        instructions="\n\n".join(block["text"] for block in _blocks(body.get("system") or [])),
        messages=tuple(turn for message in body["messages"] for turn in _turns(message, calls)),
        tools=tuple(
            Tool(tool["name"], tool.get("description", ""), tool["input_schema"])
            for tool in body.get("tools") or ()
            if "input_schema" in tool
        ),
        output_schema=within(body, "output_config", "format").get("schema"),
        stream=bool(body.get("stream")),
        settings={name: value for name, value in body.items() if name not in _KNOWN_FIELDS},
        server_tools=tuple(_server_tool(tool) for tool in body.get("tools") or () if _is_search(tool)),
    )


def answer(exchange: Exchange) -> Json:
    """Write the whole answer as one JSON object."""
    return _message(exchange) | {"content": _content(exchange), "stop_reason": _stop_reason(exchange)}


def events(exchange: Exchange) -> Iterator[bytes]:
    """Write the answer as a stream of named events."""
    for payload in _payloads(exchange):
        yield sse(payload, event=payload["type"])


def error(status: int, request_id: str, message: str | None = None) -> Json:
    """Write an error body; `message` replaces the provider's usual sentence."""
    kind, usual = _ERRORS.get(status, _INTERNAL)
    return {"type": "error", "error": {"type": kind, "message": message or usual}, "request_id": request_id}


def _is_search(tool: Json) -> bool:
    return str(tool.get("type")).startswith("web_search_")


def _server_tool(tool: Json) -> ServerTool:
    allowed = tool.get("allowed_domains")
    return ServerTool(
        tool["name"],
        tool.get("max_uses"),
        None if allowed is None else tuple(allowed),
        tuple(tool.get("blocked_domains") or ()),
    )


def _blocks(content: Any) -> list[Json]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _turns(message: Json, calls: dict[str, ToolCall]) -> Iterator[Turn]:
    blocks = _blocks(message["content"])
    text = "\n".join(block["text"] for block in blocks if block["type"] == "text")
    if message["role"] == "assistant":
        made = {
            block["id"]: ToolCall(block["name"], block["input"])
            for block in blocks
            if block["type"] == "tool_use"
        }
        calls.update(made)
        yield Turn("assistant", text, tool_calls=tuple(made.values()))
        return
    results = tuple(
        ToolResult(calls[block["tool_use_id"]], _result_text(block))
        for block in blocks
        if block["type"] == "tool_result"
    )
    if results:
        yield Turn("tool", results=results)
    attachments = tuple(_attachment(block["source"]) for block in blocks if "source" in block)
    if text or attachments or not results:
        yield Turn("user", text, attachments)


def _result_text(block: Json) -> str:
    return "\n".join(part["text"] for part in _blocks(block.get("content") or []) if part["type"] == "text")


def _attachment(source: Json) -> Attachment:
    match source["type"]:
        case "base64":
            return Attachment(source["media_type"], base64.b64decode(source["data"]))
        case "text":
            return Attachment(source["media_type"], source["data"].encode())
        case _:
            return Attachment("", b"", source.get("url") or source.get("file_id", ""))


def _message(exchange: Exchange) -> Json:
    return {
        "id": exchange.make_id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": exchange.request.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": exchange.usage.input_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": exchange.usage.output_tokens,
            **_searched(exchange),
        },
    }


def _searched(exchange: Exchange) -> Json:
    searches = len(exchange.reply.searches)
    return {"server_tool_use": {"web_search_requests": searches, "web_fetch_requests": 0}} if searches else {}


def _content(exchange: Exchange) -> list[Json]:
    reply = exchange.reply
    blocks = [block for search in reply.searches for block in _search_blocks(search, exchange)]
    if reply.text:
        cited: Json = {"citations": [_citation(hit, exchange) for hit in reply.cited]} if reply.cited else {}
        blocks.append({"type": "text", "text": reply.text, **cited})
    blocks += [
        {"type": "tool_use", "id": exchange.make_id("toolu_"), "name": call.name, "input": dict(call.args)}
        for call in reply.tool_calls
    ]
    return blocks


def _search_blocks(search: Search, exchange: Exchange) -> Iterator[Json]:
    """Write one search as the provider reports it: the call, then the pages, whose text only it can read."""
    identifier = exchange.make_id("srvtoolu_")
    yield {
        "type": "server_tool_use",
        "id": identifier,
        "name": "web_search",
        "input": {"query": search.query},
    }
    yield {
        "type": "web_search_tool_result",
        "tool_use_id": identifier,
        "content": [
            {
                "type": "web_search_result",
                "url": hit.url,
                "title": hit.title,
                "encrypted_content": exchange.make_id("Eq"),
                "page_age": None,
            }
            for hit in search.hits
        ],
    }


def _citation(hit: Hit, exchange: Exchange) -> Json:
    return {
        "type": "web_search_result_location",
        "url": hit.url,
        "title": hit.title,
        "encrypted_index": exchange.make_id("Eo"),
        "cited_text": hit.quote,
    }


def _stop_reason(exchange: Exchange) -> str:
    usual = "tool_use" if exchange.reply.tool_calls else "end_turn"
    return _STOP_REASONS.get(exchange.reply.finish, usual)


def _payloads(exchange: Exchange) -> Iterator[Json]:
    opening = _message(exchange)
    # the counts grow while the answer is written; the last ones stand in message_delta
    opening["usage"]["output_tokens"] = 1
    opening["usage"].pop("server_tool_use", None)
    yield {"type": "message_start", "message": opening}
    yield {"type": "ping"}
    for index, block in enumerate(_content(exchange)):
        yield {"type": "content_block_start", "index": index, "content_block": block | _blank(block)}
        for delta in _deltas(block):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": _stop_reason(exchange), "stop_sequence": None},
        "usage": {"output_tokens": exchange.usage.output_tokens, **_searched(exchange)},
    }
    yield {"type": "message_stop"}


def _blank(block: Json) -> Json:
    """Give what a block holds before its deltas; the result of a search comes as a whole."""
    match block["type"]:
        case "text":
            return {"text": ""} | ({"citations": []} if "citations" in block else {})
        case "web_search_tool_result":
            return {}
        case _:
            return {"input": {}}


def _deltas(block: Json) -> Iterator[Json]:
    if block["type"] == "text":
        for citation in block.get("citations", ()):
            yield {"type": "citations_delta", "citation": citation}
        for piece in deltas(block["text"]):
            yield {"type": "text_delta", "text": piece}
    elif "input" in block:
        for piece in deltas(json.dumps(block["input"])):
            yield {"type": "input_json_delta", "partial_json": piece}


ANTHROPIC = Wire(parse, answer, events, error)
