"""What the gate and the journal cost per tool call: a worker that calls a tool 20 times in one answer.

Against the same agent in plain pydantic-ai; CPU time of one process, runs in turn.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.toolsets import FunctionToolset

from llm_do.linking.entry import LinkedEntry
from llm_do.linking.pythonload import PythonLoader
from llm_do.linking.registry import link
from llm_do.links import Toolset, ToolsetSpec
from llm_do.runtime import AgentSpec, Runtime
from llm_do.toolsets.approval import set_toolset_approval_config

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ROUNDS = 40
CALLS = 20


def calling(messages: list[ModelMessage], _info: AgentInfo) -> ModelResponse:
    """Call the tool many times at once, then answer."""
    if isinstance(messages[-1].parts[-1], ToolReturnPart):
        return ModelResponse(parts=[TextPart("done")])
    return ModelResponse(parts=[ToolCallPart("add", {"a": each, "b": 1}) for each in range(CALLS)])


MODEL = FunctionModel(calling)


def adding() -> FunctionToolset[Any]:
    """Make a toolset with one tool that needs no question."""
    tools: FunctionToolset[Any] = FunctionToolset()

    @tools.tool_plain
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    set_toolset_approval_config(tools, {"add": {"pre_approved": True}})
    return tools


def ours(journal: str | None) -> Callable[[], Awaitable[Any]]:
    """Link the worker and its tool."""
    registry = link([], [])
    registry.add_toolset(Toolset("adding", "this file", ("add",), ToolsetSpec(adding)))
    registry.add_workers([AgentSpec(name="main", instructions="go", toolsets=("adding",))])
    target = registry.callable("main")
    assert target is not None
    entry = LinkedEntry(target, registry, PythonLoader(Path.cwd()))

    async def run() -> Any:
        return (await Runtime(model=MODEL, journal=journal).run_entry(entry, "hi")).output

    return run


def plain() -> Callable[[], Awaitable[Any]]:
    """Make the agent; its toolset is made anew for every run, as a worker's is."""
    agent = Agent(MODEL, instructions="go")

    async def run() -> Any:
        return (await agent.run("hi", toolsets=[adding()])).output

    return run


async def cpu_ms(run: Callable[[], Awaitable[Any]]) -> float:
    """Time one run."""
    started = time.process_time()
    await run()
    return 1e3 * (time.process_time() - started)


async def main() -> None:
    """Time the three in turn and print the medians per call."""
    with tempfile.TemporaryDirectory() as folder:
        sides = {"plain pydantic-ai": plain(), "gate": ours(None), "gate and journal": ours(folder)}
        times: dict[str, list[float]] = {name: [] for name in sides}
        for turn in range(ROUNDS + 2):
            names = list(sides) if turn % 2 else list(reversed(sides))
            for name in names:
                spent = await cpu_ms(sides[name])
                if turn >= 2:
                    times[name].append(spent)
    base = statistics.median(times["plain pydantic-ai"])
    print(f"a run with {CALLS} tool calls ({ROUNDS} runs each, CPU)")
    for name, spent in times.items():
        median = statistics.median(spent)
        more = (median - base) / CALLS * 1e3
        print(f"  {name}: {median:.2f} ms, ratio {median / base:.2f}, {more:.0f} us more per call")


if __name__ == "__main__":
    asyncio.run(main())
