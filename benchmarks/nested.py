"""Workers that call workers, against plain pydantic-ai agents that call agents in tools, at depths 1 to 5.

Both sides ask the same `FunctionModel`; CPU time of one process, pairs in turn.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_ai import Agent, RunContext
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from llm_do.linking.entry import LinkedEntry
from llm_do.linking.pythonload import PythonLoader
from llm_do.linking.registry import link
from llm_do.runtime import AgentSpec, Runtime

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

PAIRS = 60
RUNS = 4
"""Runs in a row that one time is taken of, so that a run is longer than the clock's step."""


def delegate(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Call the one tool there is, then answer; without a tool, answer."""
    if info.function_tools and not isinstance(messages[-1].parts[-1], ToolReturnPart):
        return ModelResponse(parts=[ToolCallPart(info.function_tools[0].name, {"input": "x"})])
    return ModelResponse(parts=[TextPart("done")])


MODEL = FunctionModel(delegate)


def workers(depth: int) -> Callable[[], Awaitable[Any]]:
    """Link a chain of workers, each with the next one as its tool."""
    specs = [
        AgentSpec(name=f"w{i}", instructions="go", toolsets=(f"w{i + 1}",) if i < depth else ())
        for i in range(depth + 1)
    ]
    registry = link(specs, [])
    target = registry.callable("w0")
    assert target is not None
    entry = LinkedEntry(target, registry, PythonLoader(Path.cwd()))

    async def run() -> Any:
        return (await Runtime(model=MODEL).run_entry(entry, "hi")).output

    return run


def agents(depth: int) -> Callable[[], Awaitable[Any]]:
    """Make a chain of agents, each with a tool that runs the next one."""
    chain: list[Agent[None, str]] = [Agent(MODEL, name=f"a{i}", instructions="go") for i in range(depth + 1)]

    def offer(caller: Agent[None, str], callee: Agent[None, str], name: str) -> None:
        @caller.tool(name=name)
        async def call(ctx: RunContext[None], input: str) -> str:  # noqa: A002
            return (await callee.run(input, usage=ctx.usage)).output

    for i in range(depth):
        offer(chain[i], chain[i + 1], f"a{i + 1}")

    async def run() -> Any:
        return (await chain[0].run("hi")).output

    return run


async def cpu_s(run: Callable[[], Awaitable[Any]]) -> float:
    """Time some runs in a row."""
    started = time.process_time()
    for _ in range(RUNS):
        await run()
    return time.process_time() - started


async def ratio(depth: int) -> float:
    """Give the median ratio ours / theirs of alternating pairs at one depth."""
    ours, theirs = workers(depth), agents(depth)
    await cpu_s(ours)
    await cpu_s(theirs)
    ratios: list[float] = []
    for index in range(PAIRS):
        if index % 2:
            first = await cpu_s(ours)
            ratios.append(first / await cpu_s(theirs))
        else:
            second = await cpu_s(theirs)
            ratios.append(await cpu_s(ours) / second)
    return statistics.median(ratios)


if __name__ == "__main__":
    for depth in [int(each) for each in sys.argv[1:]] or range(1, 6):
        median = asyncio.run(ratio(depth))
        print(f"nested workers / agents in tools, depth {depth}: {median:.3f} (CPU, {PAIRS} pairs)")
