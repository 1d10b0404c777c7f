from __future__ import annotations

import asyncio
from typing import Any

import pytest
from delegating import delegating, error
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from scripted import Bench, call, contents

from llm_do.errors import LimitReached, RunFailed
from llm_do.runtime import AgentSpec, RunApprovalPolicy

# -- each call stands alone


def test_nothing_of_the_caller_reaches_the_called(bench: Bench) -> None:
    bench.worker("main", "Secret plan.", toolsets=["worker_tools", "filesystem_project_ro"],
                 workers={"allow": ["helper"]}, model_settings={"max_tokens": 7})  # fmt: skip
    bench.worker("helper", "Help.")
    bench.write("a.txt", "kept")
    task = call("worker_call", worker="helper", input="task")
    bench.script("main", call("read_file", path="a.txt"), task, task, "done")
    helper = bench.script("helper", "one", "two")
    bench.run("Secret prompt.")
    for request, info in zip(helper.requests, helper.infos, strict=True):
        assert contents(request) == ["task"]
        assert info.instructions == "Help."
        assert info.function_tools == []
        assert not info.model_settings


def test_siblings_of_one_response_run_at_the_same_time(bench: Bench) -> None:
    both = [call("worker_call", worker=name, input="x") for name in ("a", "b")]
    main = delegating(bench, both, allow=["?"])
    bench.worker("a")
    bench.worker("b")
    meet: list[asyncio.Barrier] = []

    async def play(_: list[ModelMessage], __: AgentInfo) -> ModelResponse:
        if not meet:
            meet.append(asyncio.Barrier(2))
        async with asyncio.timeout(20):
            await meet[0].wait()  # one after the other, the first would wait for ever
        return ModelResponse(parts=[TextPart("met")])

    models = {"main": main.model, "a": FunctionModel(play), "b": FunctionModel(play)}
    bench.run(models=models)
    assert main.tool_results == ["met", "met"]


def test_the_tree_spends_one_budget(bench: Bench) -> None:
    task = call("worker_call", worker="helper", input="x")
    delegating(bench, task, task, task, allow=["helper"])
    bench.worker("helper")
    bench.script("helper", "helped")
    with pytest.raises(LimitReached, match="limit of 3 requests"):
        bench.run(usage_limits={"requests": 3})
    delegating(bench, task, task, task, allow=["helper"])
    runtime = bench.runtime()
    runtime.run(bench.build().entry, "x")
    assert (runtime.usage.requests, runtime.usage.calls) == (7, 3)


TOOLS = """
    import asyncio
    from pydantic_ai.toolsets import FunctionToolset
    from llm_do.toolsets.approval import set_toolset_approval_config
    tools, ENDED, STARTED = FunctionToolset(), [], []

    @tools.tool_plain
    async def wait() -> str:
        STARTED.append(True)
        for each in HOOKS:
            each()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ENDED.append("cancelled")
            raise

    HOOKS = []
    set_toolset_approval_config(tools, {"wait": {"pre_approved": True}})
"""


@pytest.mark.parametrize("how", ["worker", "run", "cancel", "task"])
def test_the_end_of_a_caller_reaches_every_call_below_it(bench: Bench, how: str) -> None:
    bench.tools(TOOLS)
    workers: dict[str, Any] = {"allow": ["middle"]}
    limit: dict[str, Any] = {"timeout_s": 0.5} if how == "worker" else {}
    bench.worker("main", toolsets=["worker_tools"], workers=workers, **limit)
    bench.worker("middle", toolsets=["worker_tools"], workers={"allow": ["low"]})
    bench.worker("low", toolsets=["tools"])
    task = call("worker_call", worker="middle", input="x")
    bench.script("main", [task, task], "done")
    bench.script("middle", call("worker_call", worker="low", input="x"))
    bench.script("low", call("wait"))
    runtime = bench.runtime(**({"timeout_s": 0.5} if how == "run" else {}))
    entry = bench.build().entry
    tools: Any = entry.registry.names["tools"]
    space: dict[str, Any] = tools.make.factory().tools["wait"].function.__globals__

    async def scene() -> None:
        running = asyncio.ensure_future(runtime.run_entry(entry, "hi"))
        end: Any = {"cancel": runtime.cancel, "task": running.cancel}.get(how)
        if end is not None:
            space["HOOKS"].append(lambda: len(space["STARTED"]) == 2 and end())
        await running

    ends = {"worker": RunFailed, "run": LimitReached}
    with pytest.raises(ends.get(how, asyncio.CancelledError)):
        asyncio.run(scene())
    assert space["ENDED"] == ["cancelled", "cancelled"]
    classes = {each["name"]: set[str]() for each in bench.calls()}
    for each in bench.calls():
        classes[each["name"]].add(each["error"]["class"])
    top = {"worker": "timeout", "run": "limit"}.get(how, "interrupted")
    assert classes == {
        "wait": {"interrupted"}, "low": {"interrupted"}, "middle": {"interrupted"}, "main": {top}
    }  # fmt: skip
    assert len(bench.calls()) == 7


# -- Python calls the tool


PYTHON = """
    from pydantic_ai import RunContext
    from pydantic_ai.toolsets import FunctionToolset
    from llm_do.runtime import WorkerRuntime
    tools = FunctionToolset()

    @tools.tool
    async def relay(ctx: RunContext[WorkerRuntime], worker: str) -> str:
        return await ctx.deps.call("worker_call", {"worker": worker, "input": "x"})
"""


def test_python_may_call_the_tool_by_its_name(bench: Bench) -> None:
    bench.tools(PYTHON)
    bench.worker("main", toolsets=["tools", "worker_tools"], workers={"allow": ["helper"]})
    bench.worker("helper")
    bench.script("helper", "helped")
    main = bench.script("main", call("relay", worker="helper"), call("relay", worker="main"), "done")
    bench.run("hi", RunApprovalPolicy("approve_all"))
    assert main.tool_results[0] == "helped"
    assert error(main)["code"] == "denied"
    assert [(each["caller"], each["depth"]) for each in bench.calls("helper")] == [("worker_call", 3)]
    assert {(each["name"], each["by"]) for each in bench.of("approval")} == {
        ("relay", "mode"), ("worker_call", "none"), ("helper", "none")
    }  # fmt: skip


def test_python_obeys_rules_about_the_tool(bench: Bench) -> None:
    bench.tools(PYTHON)
    bench.worker("main", toolsets=["tools", "worker_tools"], workers={"allow": ["helper"]})
    bench.worker("helper")
    main = bench.script("main", call("relay", worker="helper"), "done")
    rules = [{"tool": "worker_call", "decision": "reject"}]
    bench.run("hi", RunApprovalPolicy("approve_all", rules=rules))
    assert error(main)["code"] == "denied"


def test_a_worker_registered_while_the_run_goes_on_can_be_called(bench: Bench) -> None:
    def register(*_: Any) -> Any:
        runtime.register_agents({"late": AgentSpec("late", "Answer.")})
        return call("worker_call", worker="late", input="x")

    main = delegating(bench, register, allow=["late"])
    bench.script("late", "better than never")
    runtime = bench.runtime()
    runtime.run(bench.build().entry, "hi")
    assert main.tool_results == ["better than never"]
