"""An API and an address in, a pydantic-ai model over the real client of that API out."""

from __future__ import annotations

import functools
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import boto3  # pyright: ignore[reportMissingTypeStubs]
import httpx2
from botocore.config import Config  # pyright: ignore[reportMissingTypeStubs]
from google.genai.types import HttpRetryOptions
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.bedrock import BedrockConverseModel
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.bedrock import BedrockProvider
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.openai import OpenAIProvider

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from pydantic_ai.models import Model

Api = Literal["chat", "responses", "anthropic", "google", "bedrock"]
APIS: tuple[Api, ...] = get_args(Api)
RetryMode = Literal["legacy", "standard", "adaptive"]

NAMES: dict[Api, str] = {
    "chat": "gpt-4o-mini",
    "responses": "gpt-4o-mini",
    "anthropic": "claude-haiku-4-5",
    "google": "gemini-2.5-flash",
    "bedrock": "us.anthropic.claude-haiku-4-5-20251001-v1:0",
}
_KEY = "canary"


@asynccontextmanager
async def connected(
    api: Api, url: str, *, attempts: int = 3, mode: RetryMode = "legacy", backoff_s: float = 0.01
) -> AsyncGenerator[Model[Any]]:
    """A model whose client tries `attempts` times; it is closed with the context.

    `mode` is for the client of Bedrock, `backoff_s` for that of Google; the others take neither.
    """
    async with http_client() as opened:
        model = make_model(api, url, opened, attempts=attempts, mode=mode, backoff_s=backoff_s)
        try:
            yield model
        finally:
            close(model)


def http_client() -> httpx2.AsyncClient:
    """The client below all APIs but Bedrock; no certificates, which take long to load."""
    return httpx2.AsyncClient(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), trust_env=False, timeout=30)


def make_model(
    api: Api,
    url: str,
    http: httpx2.AsyncClient,
    *,
    attempts: int = 3,
    mode: RetryMode = "legacy",
    backoff_s: float = 0.01,
) -> Model[Any]:
    """A model over `http`, which the caller closes; see `connected` and `close`."""
    name = NAMES[api]
    match api:
        case "chat" | "responses":
            openai = OpenAIProvider(base_url=f"{url}/v1", api_key=_KEY, http_client=http)
            openai.client.max_retries = attempts - 1
            return (OpenAIChatModel if api == "chat" else OpenAIResponsesModel)(name, provider=openai)
        case "anthropic":
            anthropic = AnthropicProvider(base_url=url, api_key=_KEY, http_client=http)
            anthropic.client.max_retries = attempts - 1
            return AnthropicModel(name, provider=anthropic)
        case "google":
            retries = HttpRetryOptions(
                attempts=attempts, initial_delay=backoff_s, max_delay=backoff_s, jitter=0
            )
            google = GoogleProvider(base_url=url, api_key=_KEY, http_client=http, retry_options=retries)
            return GoogleModel(name, provider=google)
        case "bedrock":
            client = bedrock_client(url, attempts=attempts, mode=mode)
            return BedrockConverseModel(name, provider=BedrockProvider(bedrock_client=client))


def close(model: object) -> None:
    """Close what a model of Bedrock has open."""
    if isinstance(model, BedrockConverseModel):
        cast("Any", model).client.close()


def bedrock_client(url: str, *, attempts: int = 3, mode: RetryMode = "legacy") -> Any:
    """A client of boto3 that tries `attempts` times."""
    config = Config(retries={"total_max_attempts": attempts, "mode": mode}, max_pool_connections=50)
    return _session().client("bedrock-runtime", endpoint_url=url, config=config)


@functools.cache
def _session() -> Any:
    # loading the description of the service is slow, and the session remembers it
    keys = {"aws_access_key_id": "AKIACANARY", "aws_secret_access_key": _KEY}
    return boto3.Session(**keys, region_name="us-east-1")
