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
from llm_do_eval.cassette.file.journal import Journal
from llm_do_eval.cassette.file.recording import Recording, read_recording, write_recording
from llm_do_eval.cassette.interaction import Body, Response

if TYPE_CHECKING:
    from pathlib import Path

    from clients import Api, RetryMode

    from llm_do_eval.cassette import RecordMode
    from llm_do_eval.cassette.interaction import Interaction

ATTEMPT = "x-stainless-retry-count"
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


def attempted(interaction: Interaction, nth: int) -> Interaction:
    """Make an interaction the nth attempt of its call, from 0, as the clients that count say it."""
    request = interaction.request
    headers = {name: str(nth) if name == ATTEMPT else value for name, value in request.headers.items()}
    return replace(interaction, seq=nth, request=replace(request, headers=headers))


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
        replace(attempted(final, seq), response=Response(status, headers, Body("text", "{}")))
        for seq, status in enumerate((429, 500))
    ]
    write_recording(path, Recording.of([*errors, attempted(final, 2)], {}))
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


async def ask_until_answered(api: Api, url: str, attempts: int) -> list[object]:
    """Ask the same again after each error, as an application may; return the errors, then the answer."""
    seen: list[object] = []
    async with agent(api, url, attempts=attempts) as asked:
        while True:
            try:
                return [*seen, await converse(asked, 0)]
            except ModelHTTPError as error:
                seen.append(error.status_code)


@pytest.mark.parametrize(
    ("faults", "attempts", "errors"),
    [
        ([Status(400)], 3, [400]),
        ([Status(400), Status(429)], 3, [400]),
        ([Status(429), Status(400)], 3, [400]),
        ([Status(429)], 1, [429]),
        ([Status(503), Status(429)], 1, [503, 429]),
        ([Status(429)] * 3, 2, [429]),
        ([Status(429)] * 2, 2, [429]),
    ],
)
@pytest.mark.parametrize("api", APIS)
def test_an_application_that_asks_again_sees_the_errors_that_it_saw(
    tmp_path: Path, api: Api, faults: list[Status], attempts: int, errors: list[int]
) -> None:
    path = tmp_path / "x.jsonl"
    soon = {index: replace(fault, retry_after_s=0.001) for index, fault in enumerate(faults)}
    with StandIn(echo, faults=soon) as provider, use(path, mode="once"):
        recorded = asyncio.run(ask_until_answered(api, provider.url, attempts))
    assert recorded[:-1] == errors
    with use(path, mode="none") as tape:
        assert asyncio.run(ask_until_answered(api, DEAD, attempts)) == recorded
    assert tape.unplayed() == ()


def test_an_application_sees_the_error_that_its_client_would_not_wait_for(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    with StandIn(echo, faults={0: Status(429, retry_after_s=500)}) as provider, use(path, mode="once"):
        recorded = asyncio.run(ask_until_answered("chat", provider.url, 3))
    assert recorded[0] == 429
    with use(path, mode="none"):
        assert asyncio.run(ask_until_answered("chat", DEAD, 3)) == recorded


@pytest.mark.parametrize(("status", "errors"), [(400, 1), (429, 0)])
def test_without_the_count_of_attempts_the_status_says_whether_it_was_a_retry(
    tmp_path: Path, status: int, errors: int
) -> None:
    path = tmp_path / "x.jsonl"
    with StandIn(echo, faults={0: Status(status)}) as provider, use(path, mode="once"):
        answer = asyncio.run(ask_until_answered("chat", provider.url, 1))[-1]
    path.write_text(path.read_text().replace(ATTEMPT, "x-unknown"))
    with use(path, mode="none"):
        assert asyncio.run(ask_until_answered("chat", DEAD, 3)) == [status] * errors + [answer]


def test_equal_questions_at_once_are_each_retried(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"

    async def ask(url: str) -> list[str]:
        async with agent("chat", url) as asked:
            return sorted(await asyncio.gather(*(converse(asked, 0) for _ in range(3))))

    faults = {index: Status(429, retry_after_s=0.001) for index in (0, 2)}
    with StandIn(echo, faults=faults) as provider, use(path, mode="once"):
        recorded = asyncio.run(ask(provider.url))
    assert len(provider.requests) == 5
    with use(path, mode="none") as tape:
        assert asyncio.run(ask(DEAD)) == recorded
    assert tape.unplayed() == ()


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


def leave_off_after(path: Path, source: Path, count: int) -> None:
    """Leave what a recording leaves that was killed after `count` answers."""
    journal = Journal(path)
    journal.start("once", {})
    for each in read_recording(source).interactions[:count]:
        journal.append(each)
    journal.close()


@pytest.mark.parametrize("mode", ["once", "new_episodes"])
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("api", APIS)
def test_a_recording_that_was_killed_before_a_retry_goes_on_with_it(
    tmp_path: Path, api: Api, count: int, mode: RecordMode
) -> None:
    path, whole = tmp_path / "x.jsonl", tmp_path / "whole.jsonl"
    faults = {index: Status(429, retry_after_s=0.001) for index in range(2)}
    with StandIn(echo, faults=faults) as provider, use(whole, mode="once"):
        answers = run(api, provider.url, [0])
    leave_off_after(path, whole, count)
    with StandIn(echo) as provider, use(path, mode=mode):
        assert run(api, provider.url, [0]) == answers
    assert len(provider.requests) == 1
    statuses = [each.response.status for each in read_recording(path).interactions]
    assert statuses == [*[429] * count, 200]
    assert replay_unwaited(path, api, "legacy") == answers[0]


@pytest.mark.parametrize("api", ["chat", "responses", "anthropic"])
def test_a_recorded_error_that_clients_do_not_try_again_after_stays_final(tmp_path: Path, api: Api) -> None:
    path = tmp_path / "x.jsonl"
    refusing = StandIn(echo, faults={0: Status(400)})
    with refusing as provider, pytest.raises(ModelHTTPError), use(path, mode="once"):
        run(api, provider.url, [0])
    with StandIn(echo) as provider, pytest.raises(ModelHTTPError) as failed, use(path, mode="new_episodes"):
        run(api, provider.url, [0])
    assert failed.value.status_code == 400
    assert provider.requests == []


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
