from __future__ import annotations

import pytest
from scripted import Bench, call

from llm_do.errors import SpecError, UsageError
from llm_do.runtime import RunApprovalPolicy

HEAD = """
from pydantic_ai.toolsets import FunctionToolset
from llm_do.errors import UsageError
from llm_do.runtime import ToolsetSpec
from llm_do.toolsets.shell import ShellToolset
"""
APPROVE_ALL = RunApprovalPolicy("approve_all")


@pytest.mark.parametrize(
    "factory",
    [
        "def make():\n    return FunctionToolset([name])",
        "def make(ctx):\n    return FunctionToolset([name])",
        "def make(_ctx, extra=1):\n    return FunctionToolset([name])",
        "def make(extra=1):\n    return FunctionToolset([name])",
        "def make(*, extra=1):\n    return FunctionToolset([name])",
        "class make(FunctionToolset):\n    def __init__(self, ctx):\n        super().__init__([name])",
        "from functools import partial\nmake = partial(FunctionToolset, [name])",
    ],
)
def test_a_factory_may_take_the_context(bench: Bench, factory: str) -> None:
    bench.tools(f"{HEAD}def name() -> str:\n    return 'x'\n\n{factory}\n\ntools = ToolsetSpec(make)")
    bench.worker("main", toolsets=["tools"])
    script = bench.script("main", call("name"), "done")
    bench.run("hi", APPROVE_ALL)
    assert script.tool_results == ["x"]


def test_each_call_of_a_worker_gets_its_own_toolset(bench: Bench) -> None:
    bench.tools(f"""{HEAD}
def make(ctx):
    names = [ctx.name]
    tools = FunctionToolset()

    @tools.tool_plain
    def note(text: str) -> list:
        names.append(text)
        return names

    return tools

notes = ToolsetSpec(make)
""")
    bench.worker("main", toolsets=["notes", "helper"])
    bench.worker("helper", toolsets=["notes"])
    helper = bench.script("helper", call("note", text="h"), "ok", call("note", text="i"), "ok")
    asking = [call("helper", input="x"), call("helper", input="y")]
    main = bench.script("main", call("note", text="m"), *asking, "done")
    bench.run("hi", APPROVE_ALL)
    assert main.tool_results[0] == ["main", "m"]
    assert helper.tool_results == [["helper", "i"]]


@pytest.mark.parametrize(
    ("factory", "complaint"),
    [
        ("lambda: 5", "the factory returned a int, no toolset"),
        ("lambda: None", "the factory returned a NoneType, no toolset"),
        ("dict", "the factory returned a dict, no toolset"),
        ("lambda a, b: 5", "cannot be made: TypeError: "),
        ("lambda: [][0]", "cannot be made: IndexError: list index out of range"),
        ("lambda ctx: ctx.nope", "cannot be made: AttributeError: "),
        ("lambda: ShellToolset([{'progam': 'git'}])", "shell rule: unknown key 'progam'; did you mean"),
        ("lambda: ShellToolset(default='maybe')", "cannot be made: shell default: 'maybe' is no decision"),
    ],
)
def test_a_factory_that_fails_is_told_with_its_place(bench: Bench, factory: str, complaint: str) -> None:
    bench.tools(f"{HEAD}tools = ToolsetSpec({factory})")
    bench.worker("main", toolsets=["tools"])
    script = bench.script("main", "done")
    with pytest.raises(SpecError, match=r"tools\.py:5: toolset 'tools'") as caught:
        bench.run()
    assert complaint in str(caught.value)
    assert script.requests == []


def test_errors_of_ours_pass_unchanged(bench: Bench) -> None:
    bench.tools(f"{HEAD}def make():\n    raise UsageError('set QUEUE_URL')\n\ntools = ToolsetSpec(make)")
    bench.worker("main", toolsets=["tools"])
    bench.script("main", "done")
    with pytest.raises(UsageError, match=r"^set QUEUE_URL$"):
        bench.run()


def test_a_single_tool_of_a_toolset(bench: Bench) -> None:
    bench.tools(f"{HEAD}def one() -> str:\n    return '1'\n\ndef two() -> str:\n    return '2'\n\n"
                "tools = FunctionToolset([one, two])")  # fmt: skip
    bench.worker("main", toolsets=["two"])
    script = bench.script("main", call("two"), "done")
    bench.run("hi", APPROVE_ALL)
    assert [each.name for each in script.infos[0].function_tools] == ["two"]
    assert script.tool_results == ["2"]


def test_a_toolset_linked_for_a_check_cannot_run(bench: Bench) -> None:
    bench.tools(f"{HEAD}tools = FunctionToolset([])")
    bench.worker("main", toolsets=["tools"])
    bench.script("main", "done")
    built = bench.build()
    built.registry.names["tools"].make = None  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(SpecError, match=r"toolset 'tools' \(.*\) was linked for a check, not for a run"):
        bench.runtime().run(built.entry, "hi")
