"""A run of 10,000 calls, of a worker and a tool in turn: resident memory after every 2,000."""

from __future__ import annotations

import os
import resource
import tempfile
from pathlib import Path
from typing import Any

from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.toolsets import FunctionToolset

from llm_do.linking.entry import LinkedEntry
from llm_do.linking.pythonload import PythonLoader
from llm_do.linking.registry import link
from llm_do.links import Entry, EntrySpec, Toolset, ToolsetSpec
from llm_do.runtime import AgentSpec, CallContext, Runtime

CALLS = 10_000
STEP = 2_000


def answer(_messages: list[ModelMessage], _info: AgentInfo) -> ModelResponse:
    """Answer at once."""
    return ModelResponse(parts=[TextPart("done")])


def adding() -> FunctionToolset[Any]:
    """Make a toolset with one tool."""
    tools: FunctionToolset[Any] = FunctionToolset()

    @tools.tool_plain
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    return tools


def resident_mb() -> float:
    """Read what the process holds in memory now, in megabytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def many(_parts: Any, ctx: CallContext) -> str:
    """Make the calls and print the memory on the way."""
    for count in range(0, CALLS, 2):
        if count % STEP == 0:
            print(f"  {count:6} calls: {resident_mb():.1f} MB")
        await ctx.call("worker", f"input {count}")
        await ctx.call("add", {"a": count, "b": 1})
    return "done"


def main() -> None:
    """Run and print."""
    registry = link([AgentSpec(name="worker", instructions="go")], [])
    registry.add_toolset(Toolset("adding", "this file", ("add",), ToolsetSpec(adding)))
    registry.add_entry(Entry("many", "this file", EntrySpec("many", many)))
    target = registry.callable("many")
    assert target is not None
    with tempfile.TemporaryDirectory() as folder:
        runtime = Runtime(model=FunctionModel(answer), journal=folder)
        print(f"one run of {CALLS} calls, half of a worker and half of a tool, with a journal")
        runtime.run(LinkedEntry(target, registry, PythonLoader(Path.cwd())), "go")
        journal = sum(file.stat().st_size for file in Path(folder).iterdir()) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(f"  {CALLS:6} calls: {resident_mb():.1f} MB, peak {peak:.1f} MB, journal {journal:.1f} MB")
    print(f"  requests {runtime.usage.requests}, calls {runtime.usage.calls}")


if __name__ == "__main__":
    main()
