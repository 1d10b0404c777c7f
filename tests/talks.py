"""An API, an address and samples in, what an agent with one tool answers to each of them out; all at once."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from clients import connected
from pydantic_ai import Agent

from llm_do_eval.cassette import sample

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncGenerator, Iterable

    from clients import Api, RetryMode
    from pydantic_ai import ModelSettings

DEAD = "http://127.0.0.1:9"
# with a limit of its own, no client streams where it was not asked to
PLAIN: ModelSettings = {"max_tokens": 100}


@asynccontextmanager
async def agent(
    api: Api,
    url: str,
    instructions: str = "Be brief.",
    *,
    attempts: int = 3,
    mode: RetryMode = "legacy",
    backoff_s: float = 0.01,
) -> AsyncGenerator[Agent[None, str]]:
    """An agent with one tool, over a client that ends with the context."""
    async with connected(api, url, attempts=attempts, mode=mode, backoff_s=backoff_s) as model:
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
    """Ask for one sample, after a while."""
    with sample(index):
        await asyncio.sleep(delay_s)
        if not stream:
            return (await asked.run("Where is it warm?", model_settings=PLAIN)).output
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
    mode: RetryMode = "legacy",
) -> dict[int, str]:
    """Ask for samples at once; with `delays`, each after a random while."""

    async def all_at_once() -> dict[int, str]:
        async with agent(api, url, instructions, mode=mode) as asked:
            indexes = list(samples)
            waits = [delays.random() / 50 if delays else 0 for _ in indexes]
            talks = [
                converse(asked, index, stream=stream, delay_s=wait)
                for index, wait in zip(indexes, waits, strict=True)
            ]
            return dict(zip(indexes, await asyncio.gather(*talks), strict=True))

    return asyncio.run(all_at_once())
