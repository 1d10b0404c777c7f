from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from llm_do.errors import Terminated
from llm_do.state.eventloop import run, run_unheld

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """What blocked threads wait for; set when the test is over."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture(autouse=True)
def _signals_stay_as_they_were() -> Iterator[None]:
    watched = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    before = [signal.getsignal(each) for each in watched]
    yield
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert [signal.getsignal(each) for each in watched] == before


async def interrupted() -> None:
    signal.raise_signal(signal.SIGINT)
    await asyncio.sleep(60)


def test_a_result_and_an_error_pass_through() -> None:
    async def answer() -> int:
        return 42

    async def fail() -> None:
        raise ValueError("x")

    assert run(answer()) == 42
    with pytest.raises(ValueError, match="x"):
        run(fail())


@pytest.mark.parametrize(
    ("signals", "raised"),
    [
        ([signal.SIGINT], KeyboardInterrupt),
        ([signal.SIGTERM], Terminated),
        ([signal.SIGINT, signal.SIGTERM], KeyboardInterrupt),
        ([signal.SIGTERM, signal.SIGINT], Terminated),
    ],
    ids=["interrupt", "end", "interrupt, then end", "end, then interrupt"],
)
def test_a_signal_cancels_what_runs_and_the_first_says_why(
    signals: list[signal.Signals], raised: type[BaseException]
) -> None:
    ended: list[str] = []

    async def call() -> None:
        try:
            for each in signals:
                signal.raise_signal(each)
            await asyncio.sleep(60)
        except (asyncio.CancelledError, KeyboardInterrupt):
            ended.append("cancelled")
            raise

    with pytest.raises(KeyboardInterrupt) as caught:
        run(call())
    assert caught.type is raised
    assert ended == ["cancelled"]


@pytest.mark.parametrize("ignored", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_the_shell_ignores_is_ignored(ignored: signal.Signals) -> None:
    async def goes_on() -> int:
        signal.raise_signal(ignored)
        await asyncio.sleep(0)
        return 42

    before = signal.signal(ignored, signal.SIG_IGN)
    try:
        assert run(goes_on()) == 42
    finally:
        signal.signal(ignored, before)


def test_what_swallows_the_cancellation_is_broken_off() -> None:
    async def stubborn() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await interrupted()
        await asyncio.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        run(stubborn())


def test_what_blocks_the_loop_is_broken_off(released: threading.Event) -> None:
    async def blocks() -> None:
        signal.raise_signal(signal.SIGINT)
        released.wait(60)

    with pytest.raises(KeyboardInterrupt):
        run(blocks())


def test_no_thread_is_waited_for(released: threading.Event) -> None:
    async def limited() -> None:
        async with asyncio.timeout(0.01):
            await asyncio.to_thread(released.wait, 60)

    with pytest.raises(TimeoutError):
        run(limited())
    assert not released.is_set()


def test_no_sync_tool_is_waited_for(released: threading.Event) -> None:
    def model(_messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        return ModelResponse([ToolCallPart("wait", {}) if info.function_tools else TextPart("")])

    agent = Agent(FunctionModel(model))

    @agent.tool_plain
    def wait() -> str:  # pyright: ignore[reportUnusedFunction]
        released.wait(60)
        return "done"

    async def limited() -> None:
        async with asyncio.timeout(0.05):
            await agent.run("hi")

    with pytest.raises(TimeoutError):
        run(limited())
    assert not released.is_set()


def test_a_loop_in_any_thread_waits_for_no_tool(released: threading.Event) -> None:
    async def limited() -> None:
        async with asyncio.timeout(0.01):
            await asyncio.to_thread(released.wait, 60)

    with ThreadPoolExecutor(1) as elsewhere:
        error = elsewhere.submit(run_unheld, limited()).exception(timeout=30)
    assert isinstance(error, TimeoutError)
    assert not released.is_set()
