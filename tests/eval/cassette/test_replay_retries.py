"""Retries within a sample: they replay as they were recorded, and nobody waits for them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from audited import sleeping
from clients import APIS
from pydantic_ai.exceptions import ModelConnectionError, ModelHTTPError
from talks import DEAD, WatchedLoop, agent, converse, run

from evals.standin import Cut, StandIn, Status, echo
from llm_do_eval.cassette import use
from llm_do_eval.cassette.file.recording import Recording, read_recording, write_recording
from llm_do_eval.cassette.interaction import Body, Response

if TYPE_CHECKING:
    from pathlib import Path

    from clients import Api, RetryMode

TRIES: list[tuple[Api, RetryMode]] = [
    *((api, "legacy") for api in APIS),
    ("bedrock", "standard"),
    ("bedrock", "adaptive"),
]


def replay_unwaited(path: Path, api: Api, mode: RetryMode) -> str:
    """Replay sample 0 and hold against it every wait, of the event loop or of a thread."""
    loop = WatchedLoop()

    async def replay() -> str:
        async with agent(api, DEAD, mode=mode, backoff_s=3600) as asked:
            return await converse(asked, 0)

    with (
        use(path, mode="none") as tape,
        sleeping() as sleeps,
        asyncio.Runner(loop_factory=lambda: loop) as runner,
    ):
        answer = runner.run(replay())
    assert tape.unplayed() == ()
    assert [wait for wait in loop.waits if wait > 0.1] == []
    assert sleeps == []
    return answer


@pytest.mark.parametrize(("api", "mode"), TRIES)
def test_a_retry_is_waited_for_when_it_is_recorded_and_not_when_it_is_replayed(
    tmp_path: Path, api: Api, mode: RetryMode
) -> None:
    path = tmp_path / "x.jsonl"
    faults = {0: Status(429, retry_after_s=0.005)}
    with (
        StandIn(echo, faults=faults) as provider,
        sleeping() as sleeps,
        use(path, mode="once"),
    ):
        answers = run(api, provider.url, [0], mode=mode)
    assert len(provider.requests) == 2
    assert len(sleeps) == (api == "bedrock")
    path.write_text(path.read_text().replace('"retry-after-ms":"5"', '"retry-after-ms":"50000"'))
    assert replay_unwaited(path, api, mode) == answers[0]


@pytest.mark.parametrize(("api", "mode"), TRIES)
def test_errors_that_asked_for_an_hour_are_retried_at_once(tmp_path: Path, api: Api, mode: RetryMode) -> None:
    path = tmp_path / "x.jsonl"
    with StandIn(echo) as provider, use(path, mode="once"):
        answers = run(api, provider.url, [0], mode=mode)
    [final] = read_recording(path).interactions
    headers = {"content-type": "application/json", "retry-after": "3600", "retry-after-ms": "3600000"}
    errors = [
        replace(final, seq=seq, response=Response(status, headers, Body("text", "{}")))
        for seq, status in enumerate((429, 500))
    ]
    write_recording(path, Recording.of([*errors, replace(final, seq=2)], {}))
    assert replay_unwaited(path, api, mode) == answers[0]


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_an_error_that_was_not_retried_is_final(tmp_path: Path, api: Api) -> None:
    # a client of OpenAI gives up at once where it would have to wait that long
    with StandIn(echo, faults={0: Status(429, retry_after_s=500)}) as provider:
        with pytest.raises(ModelHTTPError), use(tmp_path / "x.jsonl", mode="once"):
            run(api, provider.url, [0])
        assert len(provider.requests) == 1
    with pytest.raises(ModelHTTPError) as failed, use(tmp_path / "x.jsonl", mode="none") as tape:
        run(api, DEAD, [0])
    assert failed.value.status_code == 429
    assert tape.miss is None


@pytest.mark.parametrize("api", ["bedrock", "google"])
def test_what_is_added_to_a_cassette_is_waited_for(tmp_path: Path, api: Api) -> None:
    path = tmp_path / "x.jsonl"
    with StandIn(echo, faults={0: Status(429)}) as provider, use(path, mode="once"):
        run(api, provider.url, [0])
    loop = WatchedLoop()

    async def replay_and_add() -> None:
        async with agent(api, provider.url, backoff_s=0.2) as asked:
            for index in range(2):
                await converse(asked, index)

    with (
        StandIn(echo, faults={0: Status(429)}) as provider,
        sleeping() as sleeps,
        use(path, mode="new_episodes"),
        asyncio.Runner(loop_factory=lambda: loop) as runner,
    ):
        runner.run(replay_and_add())
    assert len(provider.requests) == 2
    assert len(sleeps) + len([wait for wait in loop.waits if wait > 0.1]) == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("api", APIS)
def test_an_answer_that_breaks_off_is_no_recording(tmp_path: Path, api: Api, *, stream: bool) -> None:
    async def ask() -> str:
        async with agent(api, provider.url, attempts=1) as asked:
            return await converse(asked, 0, stream=stream)

    with (
        StandIn(echo, faults={0: Cut()}) as provider,
        pytest.raises(ModelConnectionError),
        use(tmp_path / "x.jsonl", mode="once"),
    ):
        asyncio.run(ask())
    assert len(provider.requests) == 1
    assert list(tmp_path.iterdir()) == []
