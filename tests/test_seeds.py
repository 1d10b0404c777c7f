"""The snippets of the project's first descriptions run as they were written, but for `tool_plain`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from pydantic_ai.messages import ModelResponse, TextPart
from pydantic_ai.models.function import FunctionModel
from scripted import Bench, call, contents

from llm_do.errors import SpecError
from llm_do.runtime import RunApprovalPolicy, Runtime, build_entry

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_ai.messages import ModelMessage
    from pydantic_ai.models.function import AgentInfo

APPROVE_ALL = RunApprovalPolicy(mode="approve_all")

MAIN_WORKER = """---
name: main
entry: true
model: anthropic:claude-haiku-4-5
---
You are a friendly greeter. Respond to the user with a warm, personalized greeting.
Keep your responses brief and cheerful.
"""

MANIFEST = """{
  "version": 1,
  "runtime": {
    "approval_mode": "prompt",
    "max_depth": 5
  },
  "entry": {
    "input": { "input": "Hello!" }
  },
  "worker_files": ["main.worker"],
  "python_files": ["tools.py"]
}
"""

FACTORY = """# tools.py
from pydantic_ai.toolsets import FunctionToolset
from llm_do.runtime import ToolsetSpec

def build_tools(_ctx):
    tools = FunctionToolset()

    @tools.tool
    def sanitize_filename(name: str) -> str:
        \"\"\"Remove special characters from filename.\"\"\"
        return "".join(c if c.isalnum() or c in ".-_" else "_" for c in name)

    return tools

tools = ToolsetSpec(factory=build_tools)
"""

FACTORY_WITH_CONTEXT = """# tools.py
from pydantic_ai.tools import RunContext
from pydantic_ai.toolsets import FunctionToolset
from llm_do.runtime import ToolsetSpec, WorkerRuntime

def build_tools(_ctx):
    tools = FunctionToolset()

    @tools.tool
    async def analyze_config(ctx: RunContext[WorkerRuntime], raw: str) -> str:
        \"\"\"Delegate parsing to another agent.\"\"\"
        return await ctx.deps.call_agent("config_parser", {"input": raw})

    return tools

tools = ToolsetSpec(factory=build_tools)
"""

BARE = """# tools.py
from pydantic_ai.toolsets import FunctionToolset

tools = FunctionToolset()

@tools.tool
def sanitize_filename(name: str) -> str:
    \"\"\"Remove special characters from filename.\"\"\"
    return "".join(c if c.isalnum() or c in ".-_" else "_" for c in name)
"""

BARE_WITH_CONTEXT = """# tools.py
from pydantic_ai.tools import RunContext
from pydantic_ai.toolsets import FunctionToolset
from llm_do.runtime import WorkerRuntime

tools = FunctionToolset()

@tools.tool
async def analyze_config(ctx: RunContext[WorkerRuntime], raw: str) -> str:
    \"\"\"Delegate parsing to a worker.\"\"\"
    return await ctx.deps.call("config_parser", {"input": raw})
"""


def test_the_greeter_and_its_manifest(bench: Bench) -> None:
    from llm_do.linking.entry import build_project
    from llm_do.project.discover import read_project

    bench.write("main.worker", MAIN_WORKER)
    bench.write("tools.py", BARE.replace("@tools.tool", "@tools.tool_plain"))
    manifest = bench.write("project.json", MANIFEST)
    project = read_project([manifest])
    assert project.manifest.entry_input == {"input": "Hello!"}
    assert (project.manifest.runtime.approval_mode, project.manifest.runtime.max_depth) == ("prompt", 5)
    script = bench.script("main", "Hello, you!")
    runtime = bench.runtime()
    assert runtime.run(build_project(project).entry, project.manifest.entry_input).output == "Hello, you!"
    assert (script.infos[0].instructions or "").startswith("You are a friendly greeter.")


@pytest.mark.parametrize("source", [FACTORY, BARE])
def test_a_tool_without_a_context(bench: Bench, source: str) -> None:
    bench.tools(source.replace("@tools.tool", "@tools.tool_plain"))
    bench.worker("main", toolsets=["tools"])
    script = bench.script("main", call("sanitize_filename", name="a b/c.txt"), "done")
    bench.run("hi", APPROVE_ALL)
    assert script.tool_results == ["a_b_c.txt"]
    assert script.infos[0].function_tools[0].description == "Remove special characters from filename."


@pytest.mark.parametrize(("source", "line"), [(FACTORY, 8), (BARE, 6)])
def test_the_old_spelling_says_what_to_write(bench: Bench, source: str, line: int) -> None:
    bench.tools(source)
    bench.worker("main", toolsets=["tools"])
    with pytest.raises(SpecError) as caught:
        bench.build()
    assert str(caught.value) == (
        f"{bench.root / 'tools.py'}:{line}: tool 'sanitize_filename' takes no RunContext: pydantic-ai 2 "
        f"wants @tools.tool_plain here, or RunContext as the first parameter under @tools.tool"
    )


@pytest.mark.parametrize("source", [FACTORY_WITH_CONTEXT, BARE_WITH_CONTEXT])
def test_a_tool_that_delegates(bench: Bench, source: str) -> None:
    bench.tools(source)
    bench.worker("main", toolsets=["tools"])
    script = bench.script("main", call("analyze_config", raw="[a]\nb=1"), "done")
    bench.worker("config_parser")
    parser = bench.script("config_parser", "a.b is 1")
    bench.run("hi", APPROVE_ALL)
    assert script.tool_results == ["a.b is 1"]
    assert contents(parser.requests[0]) == ["[a]\nb=1"]
    assert [each["name"] for each in bench.calls()] == ["config_parser", "analyze_config", "main"]


def test_an_entry_built_and_run_from_python(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "main.worker").write_text("---\nname: main\n---\nAnalyze.\n")
    (tmp_path / "tools.py").write_text(BARE.replace("@tools.tool", "@tools.tool_plain"))

    def analyze(messages: list[ModelMessage], _: AgentInfo) -> ModelResponse:
        return ModelResponse(parts=[TextPart(f"Looked at {len(messages)} message")])

    project_root = tmp_path.resolve()
    entry, registry = build_entry(["main.worker"], ["tools.py"], project_root=project_root)
    runtime = Runtime(
        run_approval_policy=RunApprovalPolicy(mode="approve_all"),
        project_root=project_root,
        model=FunctionModel(analyze),
    )
    runtime.register_agents(registry.agents)

    async def main() -> None:
        result, _ctx = await runtime.run_entry(
            entry,
            {"input": "Analyze this data"},
        )
        print(result)

    asyncio.run(main())
    assert capsys.readouterr().out == "Looked at 1 message\n"


def test_an_entry_toolset_is_invoked_by_its_tool_main(bench: Bench) -> None:
    bench.tools("""
    from pydantic_ai import RunContext
    from pydantic_ai.toolsets import FunctionToolset
    from llm_do.runtime import ToolsetSpec, WorkerContext

    def build(_ctx):
        tools = FunctionToolset()

        @tools.tool
        async def main(ctx: RunContext[WorkerContext], input: str) -> str:
            return await ctx.deps.call_tool("shout", input) + await ctx.deps.call_agent("poet", input)

        @tools.tool_plain
        def shout(text: str) -> str:
            return text.upper()

        return tools

    tools = ToolsetSpec(factory=build)
    """)
    bench.worker("poet")
    bench.script("poet", "!")
    assert bench.run("hi") == "HI!"


def test_workers_and_tools_are_one_name_space(bench: Bench) -> None:
    """A worker becomes a function of its name and no caller changes."""
    caller: dict[str, Any] = {"toolsets": ["classify"]}
    bench.worker("main", **caller)
    bench.worker("classify", output_schema={"enum": ["billing", "other"]})
    main = bench.script("main", call("classify", input="charged twice"), "done")
    bench.script("classify", lambda _m, _i: call("final_result", value="billing"))
    bench.run("hi", APPROVE_ALL)
    as_worker = main.tool_results
    (bench.root / "classify.worker").unlink()
    bench.tools("""
    def classify(input: str) -> str:
        return "billing" if "charged" in input else "other"

    TOOLS = [classify]
    """)
    bench.events.clear()
    main = bench.script("main", call("classify", input="charged twice"), "done")
    bench.run("hi", APPROVE_ALL)
    assert main.tool_results == as_worker == ["billing"]
    assert bench.calls("classify")[0]["impl"] == "python"
