"""A Python caller of `sanitize_filename`: it cannot tell whether a model, code, or both answer."""

import asyncio

from pydantic_ai.tools import RunContext
from pydantic_ai.toolsets import FunctionToolset

from llm_do.runtime import WorkerRuntime

planning = FunctionToolset()


@planning.tool
async def plan_names(ctx: RunContext[WorkerRuntime], names: list[str]) -> dict[str, str]:
    """Say what each of these files would be called."""
    clean = await asyncio.gather(*(ctx.deps.call("sanitize_filename", {"name": name}) for name in names))
    return dict(zip(names, clean, strict=True))
