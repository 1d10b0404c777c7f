"""A stand-in whose every answer differs, and a plain client of it."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING

import httpx2
import pytest
from audited import Audit
from talks import run

from evals.standin import Reply, StandIn, ToolCall
from llm_do_eval.cassette import use

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Generator
    from pathlib import Path

    from clients import Api

    from evals.standin import Request


def forecast(request: Request, rng: random.Random) -> Reply:
    """Look a city or two up where a tool is offered, and repeat what it says; answer after a random while."""
    time.sleep(rng.random() / 100)
    looked = len(request.results)
    if request.tools and (not looked or (looked == 1 and rng.random() < 1 / 2)):
        return Reply(tool_calls=(ToolCall("look_up", {"city": f"city{rng.randrange(10**9)}"}),))
    return Reply(f"{rng.randrange(10**9)}: {[result.text for result in request.results]}")


@pytest.fixture(scope="session")
def audit() -> Audit:
    return Audit()


@pytest.fixture
def provider() -> Generator[StandIn]:
    with StandIn(forecast) as running:
        yield running


@pytest.fixture
def ask(provider: StandIn) -> Generator[Callable[..., str]]:
    """Ask for one completion by a plain client; no two answers are equal."""
    with httpx2.Client(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) as client:

        def post(question: str = "?", query: str = "", **headers: str) -> str:
            body = {"model": "m", "messages": [{"role": "user", "content": question}]}
            url = f"{provider.openai_base_url}/chat/completions{query}"
            return client.post(url, json=body, headers=headers).text

        yield post


@pytest.fixture
def recorded(provider: StandIn, tmp_path: Path) -> Callable[..., dict[int, str]]:
    """Record samples into `tmp_path / 'x.jsonl'` from a provider that answers in random order, then ends."""

    def record(api: Api, count: int, *, stream: bool = False) -> dict[int, str]:
        with use(tmp_path / "x.jsonl", mode="once"):
            answers = run(api, provider.url, range(count), stream=stream)
        provider.stop()
        return answers

    return record
