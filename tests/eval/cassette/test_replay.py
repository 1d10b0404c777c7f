"""Samples recorded concurrently, replayed with the provider dead: each has its own conversation back."""

from __future__ import annotations

import asyncio
import random
import ssl
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal

import httpx2
import pytest
from pydantic_ai import Agent
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

from evals.standin import StandIn, Status, echo
from llm_do.errors import UsageError
from llm_do_eval.cassette import (
    MissingSample,
    OutsideSample,
    RecordingStopped,
    StaleCassette,
    find_stop,
    sample,
    use,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable
    from pathlib import Path

    from pydantic_ai.models import Model

Api = Literal["chat", "responses", "anthropic"]
APIS: tuple[Api, ...] = ("chat", "responses", "anthropic")
DEAD = "http://127.0.0.1:9"


@asynccontextmanager
async def agent(api: Api, url: str, instructions: str = "Be brief.") -> AsyncGenerator[Agent[None, str]]:
    """An agent with one tool, over a client that ends with the context."""
    no_certificates = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    async with httpx2.AsyncClient(verify=no_certificates) as client:
        model: Model
        if api == "anthropic":
            model = AnthropicModel(
                "m", provider=AnthropicProvider(base_url=url, api_key="k", http_client=client)
            )
        else:
            openai = OpenAIProvider(base_url=f"{url}/v1", api_key="k", http_client=client)
            model = (OpenAIChatModel if api == "chat" else OpenAIResponsesModel)("m", provider=openai)
        made = Agent(model, instructions=instructions)

        @made.tool_plain
        def look_up(city: str) -> str:  # pyright: ignore[reportUnusedFunction]
            """Look a city up."""
            return f"{city} is warm"

        yield made


class WatchedLoop(asyncio.SelectorEventLoop):
    """An event loop that remembers how long it was told to wait, in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def call_later(self, delay: float, *args: Any, **more: Any) -> asyncio.TimerHandle:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.waits.append(delay)
        return super().call_later(delay, *args, **more)


async def converse(asked: Agent[None, str], index: int, *, stream: bool = False, delay_s: float = 0) -> str:
    with sample(index):
        await asyncio.sleep(delay_s)
        if not stream:
            return (await asked.run("Where is it warm?")).output
        async with asked.run_stream("Where is it warm?") as running:
            return await running.get_output()


def run(
    api: Api,
    url: str,
    samples: Iterable[int],
    *,
    stream: bool = False,
    instructions: str = "Be brief.",
    delays: random.Random | None = None,
) -> dict[int, str]:
    async def all_at_once() -> dict[int, str]:
        async with agent(api, url, instructions) as asked:
            indexes = list(samples)
            waits = [delays.random() / 50 if delays else 0 for _ in indexes]
            talks = [
                converse(asked, index, stream=stream, delay_s=wait)
                for index, wait in zip(indexes, waits, strict=True)
            ]
            return dict(zip(indexes, await asyncio.gather(*talks), strict=True))

    return asyncio.run(all_at_once())


@pytest.fixture
def recorded(provider: StandIn, tmp_path: Path) -> Callable[[Api, int], dict[int, str]]:
    """Record samples into `tmp_path / 'x.jsonl'` from a provider that answers in random order, then ends."""

    def record(api: Api, count: int) -> dict[int, str]:
        with use(tmp_path / "x.jsonl", mode="once"):
            answers = run(api, provider.url, range(count))
        provider.stop()
        return answers

    return record


@pytest.mark.parametrize("api", APIS)
def test_twenty_samples_get_their_own_conversations_back(
    recorded: Callable[[Api, int], dict[int, str]], tmp_path: Path, api: Api
) -> None:
    answers = recorded(api, 20)
    assert len(set(answers.values())) == 20
    shuffled = random.Random(3).sample(range(20), 20)
    with use(tmp_path / "x.jsonl", mode="none") as tape:
        assert run(api, DEAD, shuffled, delays=random.Random(5)) == answers
    assert tape.unplayed() == ()


def test_any_of_the_samples_replay_in_any_order(
    recorded: Callable[[Api, int], dict[int, str]], tmp_path: Path
) -> None:
    answers = recorded("chat", 20)
    for order in [[3, 17, 5], [13], list(range(7))]:
        with use(tmp_path / "x.jsonl", mode="none") as tape:
            assert run("chat", DEAD, order) == {index: answers[index] for index in order}
        assert {each.sample for each in tape.unplayed()} == set(range(20)) - set(order)


def test_samples_replay_one_after_the_other(
    recorded: Callable[[Api, int], dict[int, str]], tmp_path: Path
) -> None:
    answers = recorded("chat", 5)

    async def serial() -> dict[int, str]:
        async with agent("chat", DEAD) as asked:
            return {index: await converse(asked, index) for index in (4, 0, 2, 1, 3)}

    with use(tmp_path / "x.jsonl", mode="none") as tape:
        assert asyncio.run(serial()) == answers
    assert tape.unplayed() == ()
    assert tape.miss is None
    assert tape.recorded_samples == frozenset(range(5))
    assert tape.model == "openai-chat:m"


@pytest.mark.parametrize("api", APIS)
def test_streamed_conversations_replay(provider: StandIn, tmp_path: Path, api: Api) -> None:
    with use(tmp_path / "x.jsonl", mode="once"):
        answers = run(api, provider.url, range(6), stream=True)
    assert all("is warm" in answer for answer in answers.values())
    provider.stop()
    with use(tmp_path / "x.jsonl", mode="none") as tape:
        assert run(api, DEAD, range(6), stream=True) == answers
    assert tape.unplayed() == ()


def test_a_sample_that_was_not_recorded_says_how_to_record_it(
    recorded: Callable[[Api, int], dict[int, str]], tmp_path: Path
) -> None:
    recorded("chat", 20)
    with (
        pytest.raises(MissingSample) as missed,
        use(tmp_path / "x.jsonl", mode="none", command="pytest --llm-record={} t.py".format) as tape,
    ):
        run("chat", DEAD, [20])
    assert str(missed.value) == (
        "Samples recorded: 0..19; sample 20 is not: record it with pytest --llm-record=new_episodes t.py"
    )
    assert tape.miss is missed.value


def test_a_cassette_that_does_not_exist_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none.jsonl"
    with use(path, mode="none", command="--llm-record={}".format) as tape:
        pass
    assert tape.miss is None
    with pytest.raises(MissingSample) as missed, use(path, mode="none", command="--llm-record={}".format):
        run("chat", DEAD, [0])
    assert str(missed.value) == f"{path} holds no recording: record it with --llm-record=rewrite"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("api", APIS)
def test_a_changed_prompt_is_one_miss_that_no_client_retries(
    recorded: Callable[[Api, int], dict[int, str]], tmp_path: Path, api: Api, *, stream: bool
) -> None:
    recorded(api, 2)
    loop = WatchedLoop()

    async def ask_changed() -> str:
        async with agent(api, DEAD, "Be long.") as asked:
            return await converse(asked, 1, stream=stream)

    with (
        pytest.raises(StaleCassette) as missed,
        use(tmp_path / "x.jsonl", mode="none") as tape,
        asyncio.Runner(loop_factory=lambda: loop) as runner,
    ):
        runner.run(ask_changed())
    assert tape.miss is missed.value
    assert "recorded 'Be brief.' -> now 'Be long.'" in str(missed.value)
    assert [wait for wait in loop.waits if wait > 0.1] == []


def test_the_first_miss_tells_all_and_the_others_point_to_it(
    recorded: Callable[[Api, int], dict[int, str]], tmp_path: Path
) -> None:
    recorded("chat", 3)

    async def gathered() -> list[str | BaseException]:
        async with agent("chat", DEAD, "Be long.") as asked:
            talks = (converse(asked, index) for index in range(3))
            return await asyncio.gather(*talks, return_exceptions=True)

    with use(tmp_path / "x.jsonl", mode="none") as tape:
        misses = asyncio.run(gathered())
    assert all(isinstance(miss, StaleCassette) for miss in misses)
    assert sum("differs in" in str(miss).partition("the first:")[0] for miss in misses) == 1
    assert tape.miss in misses


def test_a_miss_is_found_in_the_group_of_a_task_group(
    recorded: Callable[[Api, int], dict[int, str]], tmp_path: Path
) -> None:
    recorded("anthropic", 2)

    async def grouped() -> None:
        async with agent("anthropic", DEAD, "Be long.") as asked, asyncio.TaskGroup() as group:
            for index in range(2):
                group.create_task(converse(asked, index))

    with pytest.raises(BaseExceptionGroup) as raised, use(tmp_path / "x.jsonl", mode="none") as tape:
        asyncio.run(grouped())
    assert find_stop(raised.value) is tape.miss
    assert find_stop(ValueError("another")) is None


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


@pytest.mark.parametrize("api", APIS)
def test_retries_replay_without_their_waits(tmp_path: Path, api: Api) -> None:
    faults = {0: Status(429, retry_after_s=0.005), 1: Status(500, retry_after_s=0.005)}
    with StandIn(echo, faults=faults) as provider, use(tmp_path / "x.jsonl", mode="once"):
        answers = run(api, provider.url, [0])
    assert len(provider.requests) == 3
    path = tmp_path / "x.jsonl"
    path.write_text(path.read_text().replace('"retry-after-ms":"5"', '"retry-after-ms":"50000"'))
    loop = WatchedLoop()

    async def replay() -> str:
        async with agent(api, DEAD) as asked:
            return await converse(asked, 0)

    with use(path, mode="none") as tape, asyncio.Runner(loop_factory=lambda: loop) as runner:
        assert runner.run(replay()) == answers[0]
    assert tape.unplayed() == ()
    assert [wait for wait in loop.waits if wait > 0.1] == []


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
