"""What pydantic-ai raises for each fault, on each wire; SDK retries are off unless a test is about them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from pydantic_ai import Agent, ModelHTTPError, ModelResponse, capture_run_messages
from pydantic_ai.exceptions import (
    ContentFilterError,
    ModelAPIError,
    ModelConnectionError,
    ModelRequestTimeout,
    ModelTimeoutError,
    UnexpectedModelBehavior,
)

from evals.standin import Cut, Ends, Fault, Hang, Html, Reply, Request, StandIn, Status

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from clients import Api
    from pydantic_ai import ModelSettings
    from pydantic_ai.models import Model

pytestmark = pytest.mark.asyncio

TEXT = "An answer that is long enough to be cut in the middle."
PLAIN: ModelSettings = {"max_tokens": 100}


def text(_request: Request, rng: random.Random) -> Reply:
    return Reply(f"{TEXT} {rng.random()}")


async def answered(model: Model[Any], settings: ModelSettings = PLAIN) -> str:
    return (await Agent(model, retries=0).run("Hello", model_settings=settings)).output


async def streamed(model: Model[Any]) -> str:
    async with Agent(model, retries=0).run_stream("Hello") as stream:
        return await stream.get_output()


@pytest.mark.parametrize(
    ("code", "words"),
    [(401, r"API key|x-api-key"), (429, r"[Rr]ate limit"), (500, r"[Ee]rror"), (503, r"[Oo]verloaded")],
)
async def test_a_status_with_the_providers_words(
    connect: Callable[[StandIn], Model[Any]], code: int, words: str
) -> None:
    with StandIn(text, faults={0: Status(code)}) as provider:
        with pytest.raises(ModelHTTPError, match=words) as raised:
            await answered(connect(provider))
        assert raised.value.status_code == code
        assert TEXT in await answered(connect(provider))


async def test_the_sdk_retries_after_429_and_gets_the_draw_that_was_due(
    api: Api, connect: Callable[..., Model[Any]]
) -> None:
    with StandIn(text, seed=3) as provider:
        undisturbed = await answered(connect(provider))
    with StandIn(text, seed=3, faults={0: Status(429, retry_after_s=0.01)}) as provider:
        assert await answered(connect(provider, attempts=2)) == undisturbed
    first, second = provider.requests
    assert first.body == second.body
    # the client of Google does not count
    counted = {"google": ("x-goog-api-client", ""), "bedrock": ("amz-sdk-request", "attempt=2;")}
    name, count = counted.get(api, ("x-stainless-retry-count", "1"))
    assert count in second.headers[name]


async def test_a_page_of_a_proxy(connect: Callable[[StandIn], Model[Any]]) -> None:
    with StandIn(text, faults={0: Html()}) as provider:
        # the client of Bedrock keeps the reason only
        with pytest.raises(ModelHTTPError, match=r"<html>|Bad Gateway") as raised:
            await answered(connect(provider))
        assert raised.value.status_code == 502


async def test_a_provider_that_hangs(api: Api, connect: Callable[[StandIn], Model[Any]]) -> None:
    settings: ModelSettings = {"timeout": 0.05}
    raised: type[ModelAPIError] = ModelTimeoutError
    if api == "bedrock":
        # its client takes no time limit for one request
        settings, raised = {"request_timeout": 0.05}, ModelRequestTimeout
    with StandIn(text, faults={0: Hang()}) as provider, pytest.raises(raised):
        await answered(connect(provider), settings)


async def test_a_stream_that_breaks(connect: Callable[[StandIn], Model[Any]]) -> None:
    with StandIn(text, faults={0: Cut()}) as provider, pytest.raises(ModelConnectionError):
        await streamed(connect(provider))


async def test_a_body_that_breaks(api: Api, connect: Callable[[StandIn], Model[Any]]) -> None:
    # the client of Bedrock does not hold the length against the header
    raised = ModelAPIError if api == "bedrock" else ModelConnectionError
    with StandIn(text, faults={0: Cut()}) as provider, pytest.raises(raised):
        await answered(connect(provider))


async def test_a_body_that_is_half_an_object(connect: Callable[[StandIn], Model[Any]]) -> None:
    torn = pytest.raises(ModelAPIError, match=r"JSON|no 'output' field")
    with StandIn(text, faults={0: Cut(clean=True)}) as provider, torn:
        await answered(connect(provider))


async def test_a_stream_that_ends_early_in_good_order_looks_like_an_answer(
    connect: Callable[[StandIn], Model[Any]],
) -> None:
    with StandIn(text, faults={0: Cut(clean=True)}) as provider:
        async with Agent(connect(provider)).run_stream("Hello") as stream:
            output = await stream.get_output()
    assert 0 < len(output) < len(TEXT) + 10
    assert "finish_reason" not in (stream.response.provider_details or {})


async def test_an_answer_cut_off_by_its_length(connect: Callable[[StandIn], Model[Any]]) -> None:
    with StandIn(text, faults={0: Ends("length")}) as provider:
        run = await Agent(connect(provider)).run("Hello", model_settings=PLAIN)
    assert TEXT.startswith(run.output)
    assert run.response.finish_reason == "length"


@pytest.mark.parametrize("run", [answered, streamed])
async def test_an_answer_held_back_by_a_filter(connect: Callable[[StandIn], Model[Any]], run: Any) -> None:
    filtered = {0: Ends("content_filter", keep=0)}
    with StandIn(text, faults=filtered) as provider, pytest.raises(ContentFilterError):
        await run(connect(provider))


async def test_a_refusal(connect: Callable[[StandIn], Model[Any]]) -> None:
    def refuse(_request: Request, _rng: random.Random) -> Reply:
        return Reply("I will not do that.", finish="refusal")

    # OpenAI tells a refusal from an answer, Anthropic sends it as the text of one
    told_apart = contextlib.suppress(ContentFilterError)
    with StandIn(refuse) as provider, capture_run_messages() as messages, told_apart:
        assert await answered(connect(provider)) == "I will not do that."
    assert isinstance(messages[-1], ModelResponse)
    assert messages[-1].finish_reason == "content_filter"


async def test_an_empty_answer(connect: Callable[[StandIn], Model[Any]]) -> None:
    empty = {0: Ends("stop", keep=0)}
    with StandIn(text, faults=empty) as provider, pytest.raises(UnexpectedModelBehavior):
        await answered(connect(provider))


async def test_faults_by_a_predicate_see_the_request(connect: Callable[[StandIn], Model[Any]]) -> None:
    def on_hello(index: int, request: Request) -> Fault | None:
        return Status(500) if request.prompt == "Hello" and index == 1 else None

    with StandIn(text, faults=on_hello) as provider:
        assert TEXT in await answered(connect(provider))
        with pytest.raises(ModelHTTPError):
            await answered(connect(provider))
