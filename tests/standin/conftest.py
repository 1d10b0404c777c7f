"""A stand-in in, a pydantic-ai model that talks to it out: once for each of the three wires."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import httpx2
import pytest
import pytest_asyncio
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from pydantic_ai.models import Model

    from evals.standin import StandIn

Connect: TypeAlias = "Callable[[StandIn], Model[Any]]"


def _chat(provider: StandIn, client: httpx2.AsyncClient) -> Model[Any]:
    openai = OpenAIProvider(base_url=provider.openai_base_url, api_key="canary", http_client=client)
    return OpenAIChatModel("gpt-4o-mini", provider=openai)


def _responses(provider: StandIn, client: httpx2.AsyncClient) -> Model[Any]:
    openai = OpenAIProvider(base_url=provider.openai_base_url, api_key="canary", http_client=client)
    return OpenAIResponsesModel("gpt-4o-mini", provider=openai)


def _anthropic(provider: StandIn, client: httpx2.AsyncClient) -> Model[Any]:
    anthropic = AnthropicProvider(base_url=provider.anthropic_base_url, api_key="canary", http_client=client)
    return AnthropicModel("claude-haiku-4-5", provider=anthropic)


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(trust_env=False) as opened:
        yield opened


@pytest.fixture(params=[_chat, _responses, _anthropic], ids=["chat", "responses", "anthropic"])
def connect(request: pytest.FixtureRequest, client: httpx2.AsyncClient) -> Connect:
    make: Callable[[StandIn, httpx2.AsyncClient], Model[Any]] = request.param
    return lambda provider: make(provider, client)
