"""Real pydantic-ai models against each wire: text, streams, tools, structured output, usage, files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent, ImageUrl, NativeOutput, StructuredDict
from pydantic_ai.capabilities import NativeTool
from pydantic_ai.messages import NativeToolCallPart, NativeToolReturnPart, TextPart
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.native_tools import WebSearchTool
from pydantic_ai.providers.anthropic import AnthropicProvider

from evals.standin import (
    Hit,
    Reply,
    Request,
    Search,
    ServerTool,
    StandIn,
    ToolCall,
    Usage,
    reply_with,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    import httpx2
    from clients import Api
    from pydantic_ai import AgentRunResult, ModelSettings
    from pydantic_ai.models import Model

pytestmark = pytest.mark.asyncio

SENTENCE = "This is an answer of more than one delta, so that a stream has something to carry."
PLAIN: ModelSettings = {"max_tokens": 100}


class Label(BaseModel):
    label: Literal["billing", "bug"]
    sure: bool


def sentence(_request: Request, _rng: random.Random) -> Reply:
    return Reply(SENTENCE)


def label(request: Request, _rng: random.Random) -> Reply:
    return reply_with(request, {"label": "bug", "sure": True}, text="bug")


def adder(request: Request, _rng: random.Random) -> Reply:
    if not request.results:
        return Reply("One moment.", (ToolCall("add", {"a": 1, "b": 2}), ToolCall("add", {"a": 30, "b": 4})))
    return Reply(" and ".join(f"{dict(result.call.args)} {result.text}" for result in request.results))


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def response_ids(run: AgentRunResult[Any]) -> list[str | None]:
    return [m.provider_response_id for m in run.all_messages() if m.kind == "response"]


async def test_a_text_answer_and_what_the_brain_saw(
    api: Api, connect: Callable[[StandIn], Model[Any]]
) -> None:
    with StandIn(sentence) as provider:
        agent = Agent(connect(provider), system_prompt="You are brief.", instructions="Be kind.\nAlways.")
        run = await agent.run("Hello", model_settings=PLAIN)
    assert run.output == SENTENCE
    [received] = provider.requests
    assert received.request.instructions == "You are brief.\n\nBe kind.\nAlways."
    assert received.request.prompt == "Hello"
    assert not received.request.stream
    key = {"google": ("x-goog-api-key", "canary"), "bedrock": ("authorization", "Credential=AKIACANARY/")}
    name, value = key.get(api, ("authorization", "Bearer canary"))
    assert value in received.headers[name]


async def test_a_stream_carries_the_answer_in_deltas(connect: Callable[[StandIn], Model[Any]]) -> None:
    with StandIn(sentence) as provider:
        async with Agent(connect(provider)).run_stream("Hello") as stream:
            pieces = [piece async for piece in stream.stream_text(delta=True, debounce_by=None)]
            usage, finish = stream.usage, stream.response.finish_reason
    assert len(pieces) > 1
    assert "".join(pieces) == SENTENCE
    assert (usage.output_tokens, finish) == (len(SENTENCE) // 4, "stop")
    assert provider.requests[0].request.stream


@pytest.mark.parametrize("streamed", [False, True])
async def test_tool_calls_and_their_results_keep_together(
    connect: Callable[[StandIn], Model[Any]], *, streamed: bool
) -> None:
    with StandIn(adder) as provider:
        agent = Agent(connect(provider), tools=[add])
        if streamed:
            async with agent.run_stream_events("1 + 2, 30 + 4") as events:
                seen = [type(event).__name__ async for event in events]
            assert seen.count("FunctionToolCallEvent") == 2
        else:
            run = await agent.run("1 + 2, 30 + 4", model_settings=PLAIN)
            assert run.output == "{'a': 1, 'b': 2} 3 and {'a': 30, 'b': 4} 34"
    first, second = (received.request for received in provider.requests)
    assert [(tool.name, tool.description, tool.fields) for tool in first.tools] == [
        ("add", "Add two numbers.", ("a", "b"))
    ]
    assert [result.text for result in second.results] == ["3", "34"]
    assert second.messages[1].text == "One moment."
    assert second.prompt == "1 + 2, 30 + 4"


async def test_structured_output_through_the_output_tool(connect: Callable[[StandIn], Model[Any]]) -> None:
    with StandIn(label) as provider:
        agent = Agent(connect(provider), output_type=Label, tools=[add])
        assert (await agent.run("It crashes")).output == Label(label="bug", sure=True)
    assert provider.requests[0].request.output_tools == ("final_result",)


async def test_structured_output_by_a_json_schema(connect: Callable[[StandIn], Model[Any]]) -> None:
    schema = {"type": "object", "properties": {"label": {"type": "string"}}, "required": ["label"]}
    with StandIn(label) as provider:
        run = await Agent(connect(provider), output_type=StructuredDict(schema)).run("It crashes")
    assert run.output == {"label": "bug", "sure": True}


async def test_structured_output_in_the_native_format(connect: Callable[[StandIn], Model[Any]]) -> None:
    with StandIn(label) as provider:
        run = await Agent(connect(provider), output_type=NativeOutput(Label)).run("It crashes")
    assert run.output == Label(label="bug", sure=True)
    [received] = provider.requests
    assert received.request.output_tools == ()
    assert received.request.output_schema is not None
    assert set(received.request.output_schema["properties"]) == {"label", "sure"}


@pytest.mark.parametrize("settings", [PLAIN, {}])
async def test_usage_arrives(connect: Callable[[StandIn], Model[Any]], settings: ModelSettings) -> None:
    def brain(_request: Request, _rng: random.Random) -> Reply:
        return Reply("Ten words.", usage=Usage(123, 45))

    with StandIn(brain) as provider:
        usage = (await Agent(connect(provider)).run("Hello", model_settings=settings)).usage
    assert (usage.input_tokens, usage.output_tokens, usage.requests) == (123, 45, 1)


async def test_files_arrive_in_the_form_they_were_sent(
    api: Api, connect: Callable[[StandIn], Model[Any]]
) -> None:
    # these two take the addresses of their own stores only; of others the file is sent
    stores = {"google": "https://generativelanguage.googleapis.com/v1beta/files", "bedrock": "s3://bucket"}
    url = f"{stores.get(api, 'https://example.org')}/a.png"
    files = [
        BinaryContent(data=b"%PDF-1.4 (Aurora) Tj", media_type="application/pdf"),
        BinaryContent(data=b"\x89PNG", media_type="image/png"),
        BinaryContent(data=b"line one\nline two", media_type="text/plain"),
    ]
    with StandIn(sentence) as provider:
        await Agent(connect(provider)).run(["Look at these.", ImageUrl(url), *files])
    [received] = provider.requests
    assert received.request.prompt == "Look at these."
    image, *attachments = received.request.attachments
    assert (image.name, image.content, image.text) == (url, b"", "")
    assert [(file.media_type, file.content) for file in attachments] == [
        (f.media_type, f.data) for f in files
    ]
    assert [file.text for file in attachments] == ["Aurora", "", "line one\nline two"]


async def test_identifiers_differ_between_draws_of_the_same_request(
    connect: Callable[[StandIn], Model[Any]],
) -> None:
    with StandIn(adder) as provider:
        agent = Agent(connect(provider), tools=[add])
        runs = [await agent.run("Add") for _ in range(3)]
    ids = [identifier for run in runs for identifier in response_ids(run)]
    assert len(set(ids)) == len(ids) == 6
    calls = [
        part.tool_call_id
        for run in runs
        for message in run.all_messages()
        for part in message.parts
        if part.part_kind == "tool-call"
    ]
    assert len(set(calls)) == len(calls) == 6


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_search_at_the_provider_arrives_with_its_pages_and_citation(
    client: httpx2.AsyncClient, *, streamed: bool
) -> None:
    hit = Hit("https://example.org/a", "A page", "Words of the page.")

    def brain(_request: Request, _rng: random.Random) -> Reply:
        return Reply(SENTENCE, searches=(Search("a question", (hit,)),), cited=(hit,))

    limits = WebSearchTool(max_uses=3, allowed_domains=["example.org"])
    with StandIn(brain) as provider:
        at = AnthropicProvider(base_url=provider.anthropic_base_url, api_key="canary", http_client=client)
        model = AnthropicModel("claude-haiku-4-5", provider=at)
        agent = Agent(model, capabilities=[NativeTool(limits)])
        if streamed:
            async with agent.run_stream("A question") as stream:
                assert await stream.get_output() == SENTENCE
                message = stream.response
        else:
            message = (await agent.run("A question")).response
    assert provider.requests[0].request.server_tools == (ServerTool("web_search", 3, ("example.org",)),)
    [call] = [part for part in message.parts if isinstance(part, NativeToolCallPart)]
    [found] = [part for part in message.parts if isinstance(part, NativeToolReturnPart)]
    pages: Any = found.content
    assert (call.tool_name, call.args_as_dict()) == ("web_search", {"query": "a question"})
    assert [page["url"] for page in pages] == [hit.url]
    [text] = [part for part in message.parts if isinstance(part, TextPart)]
    assert text.citations
