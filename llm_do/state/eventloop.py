"""A coroutine in, its result out, by an event loop that ends within a second of being asked to."""

from __future__ import annotations

import asyncio
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic_ai import Agent

from llm_do.errors import Terminated

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")

GRACE_S: Final = 0.4
"""How long interrupted calls may take to end by themselves before they are broken off."""
_MOST_THREADS: Final = 40
_ENDING: Final = (signal.SIGINT, signal.SIGTERM)


class Threads(ThreadPoolExecutor):
    """Threads that nobody waits for: a tool stuck in one keeps no interrupted or overdue run alive."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:  # noqa: FBT001, FBT002  the base's
        """Let go of the threads, whatever was asked for."""
        del wait
        super().shutdown(wait=False, cancel_futures=cancel_futures)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a new event loop of the main thread, which ends soon after a signal asks it to.

    Raises:
        KeyboardInterrupt: an interrupt came; every call in progress has been cancelled.
        Terminated: likewise, after SIGTERM.
    """
    before = {number: signal.getsignal(number) for number in (*_ENDING, signal.SIGALRM)}
    came: list[int] = []
    try:
        return run_unheld(_ended_by_signals(work, came))
    except (asyncio.CancelledError, KeyboardInterrupt):
        raise (Terminated if signal.SIGTERM in came[:1] else KeyboardInterrupt) from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def run_unheld(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a new event loop of this thread; no thread of a tool keeps it from ending."""
    threads = Threads(_MOST_THREADS)
    with Agent.using_thread_executor(threads), asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(threads)
        return runner.run(work)


async def _ended_by_signals(work: Coroutine[Any, Any, T], came: list[int]) -> T:
    """Let the first signal cancel this task, and an alarm break what does not end by that."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def _end(number: int, _frame: object) -> None:
        came.append(number)
        for each in _ENDING:  # a second one would break off what ends the programs of the run
            signal.signal(each, _nothing)
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, GRACE_S, GRACE_S)
        if task is not None:
            loop.call_soon_threadsafe(task.cancel)

    for number in _ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:  # as shells start what runs in the background
            signal.signal(number, _end)
    return await work


def _nothing(_number: int, _frame: object) -> None:
    """Handle a signal that changes nothing any more."""
