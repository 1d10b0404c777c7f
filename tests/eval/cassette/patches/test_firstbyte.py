"""When the body of an answer begins is kept with it, where the client lets it be seen."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import requests

from llm_do.state.exchange import Exchanges, listening
from llm_do_eval.cassette import use

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from evals.standin import StandIn

WAIT_S = 0.05
URL = "https://example.test/"


def slow() -> Iterator[bytes]:
    """A body that waits before its first byte and before its last."""
    time.sleep(WAIT_S)
    yield b""
    yield b"a"
    time.sleep(WAIT_S)
    yield b"b"


async def async_slow() -> AsyncIterator[bytes]:
    for part in slow():
        yield part


def get() -> str:
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, content=slow()))
    with httpx2.Client(transport=transport) as client:
        return client.get(URL).text


def get_async() -> str:
    async def _get() -> str:
        transport = httpx2.MockTransport(lambda _: httpx2.Response(200, content=async_slow()))
        async with httpx2.AsyncClient(transport=transport) as client:
            return (await client.get(URL)).text

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(_get())


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[1:]]


@pytest.mark.parametrize("ask", [get, get_async])
def test_the_first_byte_and_the_last_are_told_when_recorded_and_when_replayed(
    ask: Callable[[], str], tmp_path: Path
) -> None:
    path, live, replayed = tmp_path / "slow.jsonl", Exchanges(), Exchanges()
    with use(path, mode="rewrite"), listening(live):
        assert ask() == "ab"
    (line,) = lines(path)
    assert WAIT_S <= line["first_byte_s"] <= line["latency_s"] - WAIT_S
    assert (live.first_byte_s, live.replayed_s) == (line["first_byte_s"], None)
    with use(path, mode="none"), listening(replayed):
        assert ask() == "ab"
    assert replayed.first_byte_s == line["first_byte_s"]
    # seconds since the epoch have 1e-7 of them in a float
    assert replayed.replayed_s == pytest.approx(line["latency_s"], abs=1e-6)


def test_an_earlier_answer_is_not_taken_for_that_of_a_client_that_cannot_be_watched(
    provider: StandIn, ask: Callable[..., str], tmp_path: Path
) -> None:
    path, heard = tmp_path / "both.jsonl", Exchanges()
    body = {"model": "m", "messages": [{"role": "user", "content": "?"}]}
    with use(path, mode="rewrite"), listening(heard):
        ask()
        requests.post(f"{provider.openai_base_url}/chat/completions", json=body, timeout=10)
    watched, unwatched = lines(path)
    assert 0 < watched["first_byte_s"] <= watched["latency_s"]
    assert (unwatched["first_byte_s"], heard.first_byte_s) == (None, None)
    assert unwatched["latency_s"] > 0


def test_a_cassette_without_times_has_none(
    tmp_path: Path, provider: StandIn, ask: Callable[..., str]
) -> None:
    path, heard = tmp_path / "old.jsonl", Exchanges()
    with use(path, mode="rewrite"):
        answer = ask()
    provider.stop()
    first, line = path.read_text(encoding="utf-8").splitlines()
    old = {name: value for name, value in json.loads(line).items() if name not in ("at", "first_byte_s")}
    path.write_text(f"{first}\n{json.dumps(old)}\n", encoding="utf-8")
    with use(path, mode="none"), listening(heard):
        assert ask() == answer
    (exchange,) = heard.own
    assert (exchange.began_s, exchange.first_byte_s, exchange.took_s) == (None, None, old["latency_s"])
    assert heard.replayed_s is None
