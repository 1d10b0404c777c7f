"""Samples recorded concurrently, replayed with the provider dead: each has its own conversation back."""

from __future__ import annotations

import asyncio
import random
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2
import pytest
from audited import NETWORK, Audit
from clients import APIS
from talks import DEAD, agent, converse, run
from vcr.cassette import Cassette
from vcr.record_mode import RecordMode

from evals.standin import StandIn, echo
from llm_do.errors import UsageError
from llm_do_eval.cassette import OutsideSample, RecordingStopped, StaleCassette, sample, use

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from audited import Event
    from clients import Api


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("api", APIS)
def test_twenty_samples_get_their_own_conversations_back(
    provider: StandIn,
    recorded: Callable[..., dict[int, str]],
    audit: Audit,
    tmp_path: Path,
    api: Api,
    *,
    stream: bool,
) -> None:
    answers = recorded(api, 20, stream=stream)
    assert len(set(answers.values())) == 20
    rng = random.Random(3)
    orders = [list(range(20)), rng.sample(range(20), 20), [7, 3, 16, 0, 11], [13]]
    with audit.listening(NETWORK) as events:
        for order in orders:
            with use(tmp_path / "x.jsonl", mode="none") as tape:
                found = run(api, DEAD, order, stream=stream, delays=rng)
            assert found == {index: answers[index] for index in order}
            assert {each.sample for each in tape.unplayed()} == set(range(20)) - set(order)
    assert events == []
    with use(tmp_path / "x.jsonl", mode="none") as tape:
        assert len(tape.unplayed()) == len(provider.requests) >= 40
    assert {received.request.stream for received in provider.requests} == {stream}


@pytest.mark.parametrize("stream", [False, True])
def test_stock_vcrpy_loses_answers_that_clients_in_threads_were_paid_for(
    audit: Audit, tmp_path: Path, *, stream: bool
) -> None:
    """The control of the test above: if this one has nothing to show, vcrpy no longer needs mending."""
    stock: Any = Cassette.use(path=str(tmp_path / "x.yaml"), record_mode=RecordMode.ALL)
    connecting, another = threading.Event(), threading.Event()

    def connect(event: Event) -> None:
        """Let the first one connect when there is a second: vcrpy has put back the real classes for it."""
        if event.arguments[1] != ("127.0.0.1", port):
            return
        if connecting.is_set():
            another.set()
        connecting.set()
        assert another.wait(30), "nobody connected while the first one did"

    async def talk(url: str) -> None:
        async with agent("bedrock", url) as asked, asyncio.TaskGroup() as group:
            group.create_task(converse(asked, 0, stream=stream))
            assert await asyncio.to_thread(connecting.wait, 30)
            for index in range(1, 20):
                group.create_task(converse(asked, index, stream=stream))

    with StandIn(echo) as provider, stock as kept:
        port = urlsplit(provider.url).port
        with audit.calling(("socket.connect",), connect):
            asyncio.run(talk(provider.url))
    assert len(kept) < len(provider.requests) == 20


def test_samples_of_several_providers_share_a_cassette(provider: StandIn, tmp_path: Path) -> None:
    async def everyone(url: str) -> list[str]:
        async with asyncio.TaskGroup() as group:
            talks = [group.create_task(talk(api, url, index)) for index, api in enumerate(APIS * 4)]
        return [talk.result() for talk in talks]

    async def talk(api: Api, url: str, index: int) -> str:
        async with agent(api, url) as asked:
            return await converse(asked, index, stream=index % 2 == 0)

    with use(tmp_path / "x.jsonl", mode="once"):
        answers = asyncio.run(everyone(provider.url))
    provider.stop()
    with use(tmp_path / "x.jsonl", mode="none") as tape:
        assert len(tape.unplayed()) == len(provider.requests)
        assert asyncio.run(everyone(DEAD)) == answers
    assert tape.unplayed() == ()


def test_samples_replay_one_after_the_other(recorded: Callable[..., dict[int, str]], tmp_path: Path) -> None:
    answers = recorded("chat", 5)

    async def serial() -> dict[int, str]:
        async with agent("chat", DEAD) as asked:
            return {index: await converse(asked, index) for index in (4, 0, 2, 1, 3)}

    with use(tmp_path / "x.jsonl", mode="none") as tape:
        assert asyncio.run(serial()) == answers
    assert tape.unplayed() == ()
    assert tape.miss is None
    assert tape.recorded_samples == frozenset(range(5))
    assert tape.model == "openai-chat:gpt-4o-mini"


def test_more_requests_than_recorded_are_a_miss(
    provider: StandIn, ask: Callable[..., str], tmp_path: Path
) -> None:
    with use(tmp_path / "x.jsonl", mode="once"):
        first, second = ask(), ask()
    provider.stop()
    with use(tmp_path / "x.jsonl", mode="none"):
        assert (ask(), ask()) == (first, second)
        with pytest.raises(StaleCassette) as missed:
            ask()
    assert "All recordings of this sample have been played" in str(missed.value)


def test_samples_follow_threads_that_keep_the_context(
    provider: StandIn, ask: Callable[..., str], tmp_path: Path
) -> None:
    async def one(index: int) -> str:
        with sample(index):
            return await asyncio.to_thread(ask)

    async def everyone() -> list[str]:
        return await asyncio.gather(*(one(index) for index in range(8)))

    with use(tmp_path / "x.jsonl", mode="once"):
        answers = asyncio.run(everyone())
    provider.stop()
    with use(tmp_path / "x.jsonl", mode="none"):
        assert asyncio.run(everyone()) == answers


def test_a_thread_that_lost_its_sample_is_refused(ask: Callable[..., str], tmp_path: Path) -> None:
    async def outside() -> str:
        with sample(1):
            return await asyncio.get_running_loop().run_in_executor(None, ask)

    with pytest.raises(OutsideSample, match=r"copy_context\(\)\.run"), use(tmp_path / "x.jsonl", mode="once"):
        asyncio.run(outside())


def test_requests_of_code_without_samples_belong_to_sample_0(ask: Callable[..., str], tmp_path: Path) -> None:
    with use(tmp_path / "x.jsonl", mode="once"):
        ask()
    with use(tmp_path / "x.jsonl", mode="none") as tape:
        pass
    assert tape.recorded_samples == {0}


def test_an_answer_after_the_end_is_not_lost_silently(tmp_path: Path) -> None:
    entered = threading.Event()
    stops: list[BaseException] = []

    def late(_: httpx2.Request) -> httpx2.Response:
        entered.set()
        closed.wait(5)
        return httpx2.Response(200)

    def talk() -> None:
        with httpx2.Client(transport=httpx2.MockTransport(late)) as client:
            try:
                client.post("http://h/late")
            except RecordingStopped as stop:
                stops.append(stop)

    closed = threading.Event()
    with use(tmp_path / "x.jsonl", mode="once"):
        thread = threading.Thread(target=talk)
        thread.start()
        assert entered.wait(5)
    closed.set()
    thread.join()
    assert "after the cassette was closed" in str(stops[0])
    assert list(tmp_path.iterdir()) == []


def test_cassettes_open_one_after_the_other_and_never_within_each_other(
    ask: Callable[..., str], tmp_path: Path
) -> None:
    for number in range(5):
        with use(tmp_path / f"{number}.jsonl", mode="once"):
            answer = ask()
        with use(tmp_path / f"{number}.jsonl", mode="none"):
            assert ask() == answer
    with (
        use(tmp_path / "0.jsonl", mode="none"),
        pytest.raises(UsageError, match="another cassette is open"),
        use(tmp_path / "1.jsonl", mode="none"),
    ):
        pass
    with use(tmp_path / "1.jsonl", mode="none"):
        pass
