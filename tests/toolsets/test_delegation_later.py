from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from delegating import ASK, FILE, POET, create, error, maker
from gated import Answers
from scripted import Bench, call

from llm_do.errors import SpecError
from llm_do.runtime import AgentSpec, RunApprovalPolicy

# -- Python, and later runs


def test_python_makes_workers_without_rights_too(bench: Bench) -> None:
    bench.tools(f"""
        from pydantic_ai import RunContext
        from pydantic_ai.toolsets import FunctionToolset
        from llm_do.runtime import WorkerRuntime
        tools = FunctionToolset()

        @tools.tool
        async def make(ctx: RunContext[WorkerRuntime], more: dict) -> str:
            return await ctx.deps.call("create_worker", {{**{POET!r}, **more}})

        @tools.tool
        async def ask(ctx: RunContext[WorkerRuntime]) -> str:
            return await ctx.deps.call("poet", "rain")
    """)
    turns = [call("make", more={"definition": FILE}), call("make", more={"toolsets": ["tools"]}), call("ask")]
    main = maker(
        bench, *turns, toolsets=["tools", "worker_tools"], workers={"create": True, "allow": ["nothing"]}
    )
    bench.run("hi", RunApprovalPolicy("approve_all"))
    assert error(main, 0)["code"] == "bad_input"
    assert main.tool_results[1]["toolsets"] == []
    assert main.tool_results[2] == "drip"
    decided = [(each["name"], each["by"]) for each in bench.of("approval")]
    assert decided[-3:] == [("create_worker", "none"), ("ask", "mode"), ("poet", "none")]


@pytest.mark.parametrize(
    ("workers", "code"), [({"create": True}, "denied"), ({"allow": ["poet"]}, None), ({"allow": ["*"]}, None)]
)
def test_a_later_run_calls_it_where_it_is_allowed(
    bench: Bench, workers: dict[str, Any], code: str | None
) -> None:
    maker(bench, create())
    bench.run("hi", Answers("approve").policy)
    main = maker(bench, ASK, workers=workers)
    bench.run()
    assert main.tool_results[0] == "drip" if code is None else error(main, 0)["code"] == code


def test_a_broken_file_is_named_in_a_later_run(bench: Bench) -> None:
    maker(bench)
    bench.write("workers/generated/poet.worker", FILE.replace("name: poet", "nmae: poet"))
    with pytest.raises(SpecError, match=r"workers/generated/poet\.worker:3: unknown key 'nmae'"):
        bench.build()
    bench.worker("main")  # without worker_tools nobody needs the folder
    bench.script("main", "done")
    assert bench.run() == "done"


def test_runs_side_by_side_share_the_new_worker_but_not_the_right_to_call_it(bench: Bench) -> None:
    maker(bench, create(), ASK)
    runtime, entry = bench.runtime(Answers("approve").policy), bench.build().entry
    asyncio.run(runtime.run_entry(entry, "hi"))
    main = bench.script("main", ASK, "done")
    again = bench.runtime(Answers("approve").policy)
    asyncio.run(again.run_entry(entry, "hi"))
    assert error(main, 0)["code"] == "denied"


def test_a_registered_worker_keeps_its_name(bench: Bench) -> None:
    main = maker(bench, create())
    runtime = bench.runtime(Answers("approve").policy)
    runtime.register_agents({"poet": AgentSpec("poet", "Mine.")})
    runtime.run(bench.build().entry, "hi")
    assert "is taken by 'poet' (worker 'poet' (registered by Python))" in error(main, 0)["message"]
    assert not Path(bench.root / "workers").exists()
