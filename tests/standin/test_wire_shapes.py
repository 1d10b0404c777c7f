"""Bodies and events validated by the types of the official SDKs, which the SDKs themselves do not do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from anthropic.types import Message, RawMessageStreamEvent
from botocore.eventstream import EventStreamBuffer  # pyright: ignore[reportMissingTypeStubs]
from botocore.validate import ParamValidator  # pyright: ignore[reportMissingTypeStubs]
from clients import bedrock_client
from google.genai.types import GenerateContentResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from evals.standin import (
    Hit,
    Reply,
    Request,
    Search,
    ToolCall,
    Turn,
    Usage,
    anthropic,
    bedrock,
    google,
    openai_chat,
    openai_responses,
)
from evals.standin.wire import Exchange

if TYPE_CHECKING:
    from collections.abc import Iterable

TEXT = "A text of more than one delta."
REPLIES = [
    Reply(TEXT),
    Reply(TEXT, (ToolCall("add", {"a": 1}), ToolCall("add", {}))),
    Reply("", (ToolCall("add", {"a": "ü"}),)),
    Reply(TEXT, finish="length"),
    Reply("", finish="content_filter"),
    Reply(TEXT, finish="refusal"),
    Reply(""),
]


HIT = Hit("https://example.org/a", "A page", "Words of the page.")
SEARCHED = Reply(TEXT, searches=(Search("a question", (HIT,)), Search("nothing")), cited=(HIT,))


def exchange(reply: Reply) -> Exchange:
    request = Request("m", "", (Turn("user", "x"),), settings={"stream_options": {"include_usage": True}})
    numbers = iter(range(100))
    return Exchange(request, reply, Usage(3, 4), lambda prefix: f"{prefix}{next(numbers)}")


def payloads(events: Iterable[bytes]) -> list[Any]:
    """Read a stream; where events are named, the name is the type in the payload."""
    read: list[Any] = []
    for event in events:
        *name, line = event.decode().removesuffix("\n\n").split("\n")
        payload: Any = json.loads(line.removeprefix("data: ")) if line != "data: [DONE]" else None
        assert name in ([], [f"event: {payload and payload.get('type')}"])
        read.append(payload)
    return read


@pytest.mark.parametrize("reply", REPLIES)
def test_chat_completions(reply: Reply) -> None:
    ChatCompletion.model_validate(openai_chat.answer(exchange(reply)))
    *chunks, done = payloads(openai_chat.events(exchange(reply)))
    assert done is None
    read = [ChatCompletionChunk.model_validate(chunk) for chunk in chunks]
    assert len({chunk.id for chunk in read}) == 1
    assert read[-1].usage
    assert read[-1].usage.total_tokens == 7


@pytest.mark.parametrize("reply", REPLIES)
def test_responses(reply: Reply) -> None:
    whole = Response.model_validate(openai_responses.answer(exchange(reply)))
    adapter: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
    events = [
        adapter.validate_python(payload) for payload in payloads(openai_responses.events(exchange(reply)))
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].response.output == whole.output


@pytest.mark.parametrize("reply", [*REPLIES, SEARCHED])
def test_messages(reply: Reply) -> None:
    whole = Message.model_validate(anthropic.answer(exchange(reply)))
    adapter: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
    events = [payload for payload in payloads(anthropic.events(exchange(reply))) if payload["type"] != "ping"]
    read = [adapter.validate_python(event) for event in events]
    assert read[-2].delta.stop_reason == whole.stop_reason
    assert read[-2].usage.output_tokens == whole.usage.output_tokens == 4
    assert read[-2].usage.server_tool_use == whole.usage.server_tool_use
    started = [event.content_block.type for event in read if event.type == "content_block_start"]
    assert started == [block.type for block in whole.content]


def test_a_search_is_written_as_the_call_the_pages_and_the_citation() -> None:
    whole = Message.model_validate(anthropic.answer(exchange(SEARCHED)))
    blocks: list[Any] = whole.content
    call, pages, _, nothing, text = blocks
    assert (call.type, pages.type, text.type) == ("server_tool_use", "web_search_tool_result", "text")
    assert (call.input, pages.tool_use_id) == ({"query": "a question"}, call.id)
    assert ([page.url for page in pages.content], nothing.content) == ([HIT.url], [])
    assert [citation.cited_text for citation in text.citations] == [HIT.quote]
    assert whole.usage.server_tool_use
    assert whole.usage.server_tool_use.web_search_requests == 2


@pytest.mark.parametrize("reply", REPLIES)
def test_generate_content(reply: Reply) -> None:
    whole = GenerateContentResponse.model_validate(google.answer(exchange(reply)))
    read = [GenerateContentResponse.model_validate(each) for each in payloads(google.events(exchange(reply)))]
    assert len({each.response_id for each in read}) == 1
    assert read[-1].candidates
    assert whole.candidates
    assert read[-1].candidates[0].finish_reason == whole.candidates[0].finish_reason
    assert read[-1].usage_metadata == whole.usage_metadata
    assert "".join(each.text or "" for each in read if not each.function_calls) == reply.text
    calls = [(call.name, call.args) for each in read for call in each.function_calls or ()]
    assert calls == [(call.name, call.args) for call in reply.tool_calls]


class Described:
    """What botocore's own description of the service says of the answers of Converse."""

    def __init__(self) -> None:
        client = bedrock_client("http://127.0.0.1:9")
        model = client.meta.service_model
        client.close()
        self.answer: Any = model.operation_model("Converse").output_shape
        self.events: Any = model.operation_model("ConverseStream").output_shape.members["stream"].members

    @staticmethod
    def check(value: Any, shape: Any) -> None:
        report: Any = ParamValidator().validate(value, shape)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        assert not report.has_errors(), report.generate_report()


@pytest.fixture(scope="module")
def described() -> Described:
    return Described()


@pytest.mark.parametrize("reply", REPLIES)
def test_converse(reply: Reply, described: Described) -> None:
    whole = bedrock.answer(exchange(reply))
    described.check(whole, described.answer)
    buffer: Any = EventStreamBuffer()
    for piece in bedrock.events(exchange(reply)):
        buffer.add_data(piece)
    read = [event.to_response_dict() for event in buffer]
    named = [(event["headers"][":event-type"], json.loads(event["body"])) for event in read]
    for name, payload in named:
        described.check(payload, described.events[name])
    assert {event["headers"][":message-type"] for event in read} == {"event"}
    (last, told), (before, stopped) = named[-1], named[-2]
    assert (last, told["usage"]) == ("metadata", whole["usage"])
    assert (before, stopped["stopReason"]) == ("messageStop", whole["stopReason"])
    deltas = [payload["delta"] for name, payload in named if name == "contentBlockDelta"]
    assert "".join(delta.get("text", "") for delta in deltas) == reply.text


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_errors(status: int) -> None:
    assert set(openai_chat.error(status, "req_1")["error"]) == {"message", "type", "param", "code"}
    assert openai_responses.error(status, "req_1") == openai_chat.error(status, "req_1")
    assert google.error(status, "req_1", "Because.")["error"]["code"] == status
    assert bedrock.error(status, "req_1", "Because.") == {"message": "Because."}
    assert bedrock.error_headers(status)["x-amzn-errortype"].partition("Exception")[1]
    told = anthropic.error(status, "req_1", "Because.")
    assert (told["type"], told["error"]["message"], told["request_id"]) == ("error", "Because.", "req_1")
