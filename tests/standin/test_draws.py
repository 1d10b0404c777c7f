"""What a seed promises: the k-th identical request gets the k-th draw, in any order of arrival."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from pydantic_ai import Agent

from evals.standin import Reply, Request, StandIn, by_worker

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from pydantic_ai.models import Model


def die(request: Request, rng: random.Random) -> Reply:
    return Reply(f"{request.prompt} {rng.randint(1, 6)}")


def asked(prompt: str) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": prompt}]}


async def ask(client: httpx2.AsyncClient, provider: StandIn, prompt: str) -> dict[str, Any]:
    answer = await client.post(f"{provider.openai_base_url}/chat/completions", json=asked(prompt))
    return answer.json()


def draws(seed: int, prompts: list[str]) -> list[str]:
    texts: list[str] = []
    with StandIn(die, seed=seed) as provider:
        connection = http.client.HTTPConnection(provider.url.removeprefix("http://"))
        for prompt in prompts:
            connection.request("POST", "/v1/chat/completions", json.dumps(asked(prompt)))
            texts.append(json.load(connection.getresponse())["choices"][0]["message"]["content"])
        connection.close()
    return texts


def test_200_repeats_are_a_distribution_that_the_seed_decides() -> None:
    first = draws(7, ["roll"] * 200)
    assert len(Counter(first)) == 6
    assert draws(7, ["roll"] * 200) == first
    assert draws(8, ["roll"] * 200) != first


def test_the_order_of_other_requests_changes_nothing() -> None:
    one, other = (draws(7, order) for order in (["a"] * 10 + ["b"] * 10, ["b", "a"] * 10))
    assert sorted(one) == sorted(other)
    assert [text for text in one if text[0] == "a"] == [text for text in other if text[0] == "a"]


@pytest.mark.asyncio
async def test_concurrent_requests_get_the_same_multiset(client: httpx2.AsyncClient) -> None:
    with StandIn(die, seed=7) as provider:
        answers = await asyncio.gather(*(ask(client, provider, "roll") for _ in range(40)))
        assert [received.index for received in provider.requests] == list(range(40))
    texts = [answer["choices"][0]["message"]["content"] for answer in answers]
    assert Counter(texts) == Counter(draws(7, ["roll"] * 40))
    assert len({answer["id"] for answer in answers}) == 40


@pytest.mark.asyncio
async def test_concurrent_conversations_do_not_mix(connect: Callable[[StandIn], Model[Any]]) -> None:
    def multiply(a: int, b: int) -> int:
        return a * b

    def add(a: int, b: int) -> int:
        return a + b

    with StandIn(by_worker, seed=7) as provider:
        agent = Agent(connect(provider), instructions="You are a calculator.", tools=[multiply, add])
        runs = await asyncio.gather(*(agent.run(f"12 * {n} + 3") for n in range(2, 8)))
    assert [str(12 * n + 3) in run.output for n, run in zip(range(2, 8), runs, strict=True)] == [True] * 6
    assert len(provider.requests) == 18


@pytest.mark.asyncio
async def test_a_stopped_provider_answers_nothing_on_connections_kept_alive(
    client: httpx2.AsyncClient,
) -> None:
    with StandIn(die) as provider:
        await ask(client, provider, "roll")
    provider.stop()
    with pytest.raises(httpx2.TransportError):
        await ask(client, provider, "roll")


@pytest.mark.asyncio
async def test_stopping_ends_a_request_that_waits(client: httpx2.AsyncClient) -> None:
    arrived = asyncio.Event()
    loop = asyncio.get_running_loop()

    def announce(_index: int, _request: Request) -> None:
        loop.call_soon_threadsafe(arrived.set)

    with StandIn(die, latency_s=60, faults=announce) as provider:
        waiting = asyncio.create_task(ask(client, provider, "roll"))
        await arrived.wait()
    with contextlib.suppress(httpx2.TransportError):
        await waiting


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/models", {}, 404),
        ("/v1/chat/completions", {"model": "m"}, 400),
        ("/v1/responses", [], 400),
        ("/v1/messages", {"model": "m", "messages": [{"role": "user"}]}, 400),
    ],
)
@pytest.mark.asyncio
async def test_a_request_that_is_not_understood_is_refused_in_json(
    client: httpx2.AsyncClient, path: str, body: Any, status: int
) -> None:
    with StandIn(die) as provider:
        answer = await client.post(provider.url + path, json=body)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]
    assert provider.requests == []


@pytest.mark.asyncio
async def test_answers_carry_what_a_recording_has_to_leave_out(client: httpx2.AsyncClient) -> None:
    with StandIn(die) as provider:
        first = await client.post(f"{provider.openai_base_url}/chat/completions", json=asked("roll"))
        await ask(client, provider, "roll")
    assert first.headers["x-request-id"].startswith("req_")
    assert provider.requests[1].headers["cookie"].startswith("__cf_bm=")
