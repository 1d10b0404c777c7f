"""The launch of a test's samples and its body in; the body run for each sample that it gives, out."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from llm_do_eval.sample import StopSampling, sampling

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from llm_do_eval.sample import Outcome, Sample
    from llm_do_eval.sampling.launch import Launch

    Sort = Callable[[BaseException], Outcome]
    Wait = Callable[[int], float]

_YOUNG: Final = 20_000
"""How many more objects than before may live until Python looks for cycles."""


def backoff_s(attempt: int) -> float:
    """Give how many seconds to wait before an attempt of a sample: 0, 1, 2, 4 and so on."""
    return 0.0 if attempt == 1 else 2.0 ** (attempt - 2)


def at_once(attempt: int) -> float:
    """Give 0: an attempt that is replayed waits for nobody."""
    del attempt
    return 0.0


async def run_concurrently(
    launch: Launch,
    body: Callable[[], Awaitable[object]],
    *,
    concurrency: int,
    sort: Sort,
    wait_s: Wait = at_once,
) -> None:
    """Run the body for each sample in the running loop, started in order, `concurrency` at a time.

    Raises:
        BaseException: what `StopSampling` was raised for; the other samples are cancelled first.
    """
    ended = asyncio.Event()

    async def _one(sample: Sample) -> None:
        await asyncio.sleep(wait_s(sample.attempt))
        with sampling(sample, sort=sort, alone=launch.alone):
            await body()
        launch.end(sample)
        ended.set()

    try:
        with _rare_collections():
            async with asyncio.TaskGroup() as group:
                while True:
                    while launch.in_flight < concurrency and (sample := launch.take()) is not None:
                        group.create_task(_one(sample))
                    if not launch.in_flight:
                        return
                    ended.clear()
                    await ended.wait()
    except BaseExceptionGroup as stopped:
        raise _cause(stopped) from None


def run_in_turn(launch: Launch, body: Callable[[], object], *, sort: Sort, wait_s: Wait = at_once) -> None:
    """Run a body that is not async for each sample, one after the other.

    Raises:
        BaseException: what `StopSampling` was raised for.
    """

    def _one(sample: Sample) -> None:
        with sampling(sample, sort=sort, alone=launch.alone):
            body()

    while (sample := launch.take()) is not None:
        time.sleep(wait_s(sample.attempt))
        try:
            contextvars.copy_context().run(_one, sample)
        except StopSampling as stopped:
            raise stopped.cause from None
        launch.end(sample)


@contextmanager
def _rare_collections() -> Generator[None]:
    """Let what samples hold stay young: by default it is moved on, and soon all objects are looked at."""
    young, *older = gc.get_threshold()
    gc.set_threshold(max(young, _YOUNG) if young else 0, *older)
    try:
        yield
    finally:
        gc.set_threshold(young, *older)


def _cause(error: BaseException) -> BaseException:
    if isinstance(error, BaseExceptionGroup):
        return _cause(error.exceptions[0])  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
    return error.cause if isinstance(error, StopSampling) else error
