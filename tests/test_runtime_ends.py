"""A run that is over, by its limit or by `cancel`, is over: from any thread, whatever its tools do."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from pydantic_ai.toolsets import FunctionToolset
from scripted import Bench, call

from llm_do.errors import LimitReached
from llm_do.runtime import AgentSpec, RunApprovalPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from llm_do.runtime import Runtime

APPROVE_ALL = RunApprovalPolicy("approve_all")


class Stuck:
    """A tool that blocks its thread until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.let_go = threading.Event()
        self.toolset = FunctionToolset[Any]()
        self.toolset.add_function(self.wait)

    def wait(self) -> str:
        """Wait."""
        self.entered.set()
        assert self.let_go.wait(60)
        return "waited"


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    tool = Stuck()
    yield tool
    tool.let_go.set()


@pytest.fixture
def begun(bench: Bench, stuck: Stuck) -> Callable[..., Runtime]:
    """A runtime whose worker `main` calls one that calls the tool."""
    bench.worker("main", toolsets=["worker_tools"], workers={"allow": ["*"]})
    bench.script("main", call("worker_call", worker="waiter", input="x"), "done")
    bench.script("waiter", call("wait"), "done")

    def make(**options: Any) -> Runtime:
        runtime = bench.runtime(APPROVE_ALL, **options)
        runtime.register_toolset("stuck", stuck.toolset)
        runtime.register_agents({"waiter": AgentSpec("waiter", toolsets=("stuck",))})
        return runtime

    return make


def ended(bench: Bench) -> list[tuple[str, str]]:
    return [(each["name"], each["error"]["class"]) for each in bench.calls()]


def test_the_limit_of_a_run_waits_for_no_tool(
    bench: Bench, stuck: Stuck, begun: Callable[..., Runtime]
) -> None:
    with pytest.raises(LimitReached):
        begun(timeout_s=0.5).run(bench.build().entry, "x")
    assert stuck.entered.is_set()
    assert not stuck.let_go.is_set()
    assert ended(bench) == [("wait", "interrupted"), ("waiter", "interrupted"), ("main", "limit")]


def test_cancelling_waits_for_no_tool(bench: Bench, stuck: Stuck, begun: Callable[..., Runtime]) -> None:
    runtime = begun()

    def cancel_soon() -> None:
        assert stuck.entered.wait(30)
        runtime.cancel()

    with ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(cancel_soon)
        with pytest.raises(asyncio.CancelledError):
            runtime.run(bench.build().entry, "x")
    assert not stuck.let_go.is_set()
    assert ended(bench) == [(name, "interrupted") for name in ("wait", "waiter", "main")]


def test_a_run_in_another_thread_ends_as_well(
    bench: Bench, stuck: Stuck, begun: Callable[..., Runtime]
) -> None:
    runtime, entry = begun(), bench.build().entry
    with ThreadPoolExecutor(1) as elsewhere:
        run = elsewhere.submit(runtime.run, entry, "x")
        assert stuck.entered.wait(30)
        runtime.cancel()
        assert isinstance(run.exception(timeout=30), asyncio.CancelledError)
    assert not stuck.let_go.is_set()


def test_cancel_ends_every_run_and_no_later_one(
    bench: Bench, stuck: Stuck, begun: Callable[..., Runtime]
) -> None:
    runtime, built = begun(), bench.build()

    async def three() -> list[Any]:
        runs = [asyncio.create_task(runtime.run_entry(built.entry, "x")) for _ in range(3)]
        assert await asyncio.to_thread(stuck.entered.wait, 30)
        runtime.cancel()
        # in a loop of their own runs wait for the tools, which end here
        asyncio.get_running_loop().call_later(0.1, stuck.let_go.set)
        return await asyncio.gather(*runs, return_exceptions=True)

    # every script goes on where it is: three runs at a time need three calls of each
    bench.scripts["main"].replies = [call("worker_call", worker="waiter", input="x")]
    bench.scripts["waiter"].replies = [call("wait")]
    assert [type(each) for each in asyncio.run(three())] == [asyncio.CancelledError] * 3
    assert len({each["run"] for each in bench.calls("main")}) == 3
    bench.scripts["main"].replies = ["after"]
    assert runtime.run(built.entry, "x").output == "after"


LEFT_BEHIND = """
import asyncio
from pathlib import Path
from pydantic_ai import RunContext
from pydantic_ai.toolsets import FunctionToolset
from llm_do.runtime import WorkerRuntime

tools = FunctionToolset()
tasks = []

@tools.tool
async def leave(ctx: RunContext[WorkerRuntime], late: bool) -> str:
    async def act():
        if late:
            await asyncio.sleep(0.05)
        return await ctx.deps.call("touch", {"path": str(ctx.deps.project_root / "late.txt")})
    tasks.append(asyncio.create_task(act()))
    tasks[-1].add_done_callback(lambda task: task.exception())
    if not late:
        await tasks[-1]
    return "left"

@tools.tool_plain
def touch(path: str) -> str:
    Path(path).touch()
    return "touched"
"""


@pytest.mark.parametrize("late", [True, False])
def test_what_a_tool_leaves_behind_calls_nothing_after_the_end(bench: Bench, *, late: bool) -> None:
    bench.tools(LEFT_BEHIND)
    bench.worker("main", toolsets=["tools"])
    bench.script("main", call("leave", late=late), "done")
    runtime, built = bench.runtime(APPROVE_ALL), bench.build()

    async def run() -> Any:
        _, context = await runtime.run_entry(built.entry, "x")
        await asyncio.sleep(0.3)
        with pytest.raises(LimitReached, match="the run has ended"):
            await context.call("touch", str(bench.root / "later.txt"))

    asyncio.run(run())
    assert (bench.root / "late.txt").exists() is not late
    assert not (bench.root / "later.txt").exists()
    assert len(bench.calls("touch")) == (0 if late else 1)
