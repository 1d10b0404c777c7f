from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic_ai.messages import ModelRequest, ToolReturnPart
from scripted import Bench, call

from llm_do.errors import LimitReached, RunFailed, SpecError
from llm_do.runtime import RunApprovalPolicy
from llm_do.state.context import CallContext, Substitute

if TYPE_CHECKING:
    from scripted import Script

APPROVE_ALL = RunApprovalPolicy("approve_all")

TOOLS = """
import asyncio
from pydantic import BaseModel
from pydantic_ai import ModelRetry, RunContext
from pydantic_ai.exceptions import ToolFailed
from pydantic_ai.toolsets import FunctionToolset
from llm_do.errors import SpecError, ToolError, UsageError
from llm_do.runtime import WorkerRuntime

tools = FunctionToolset()

class Odd:
    def __repr__(self):
        return "odd"

class Point(BaseModel):
    x: int

ERRORS = {
    "value": ValueError("broken\\nin two"),
    "silent": KeyError(),
    "timeout": TimeoutError("too slow"),
    "tool": ToolError("no_stock", "nothing is left; order later"),
    "usage": UsageError("no such queue"),
    "spec": SpecError("wrong file", path="a.worker", line=3),
    "assert": AssertionError("never"),
    "group": ExceptionGroup("many", [ValueError("one")]),
    "retry": ModelRetry("say it better"),
    "failed": ToolFailed("cannot"),
}

@tools.tool_plain
def fail(how: str) -> str:
    raise ERRORS[how]

@tools.tool_plain(timeout=0.01)
async def stuck() -> str:
    await asyncio.Event().wait()

@tools.tool_plain
def structure() -> Point:
    return Point(x=1)

@tools.tool_plain
def odd():
    return Odd()

@tools.tool_plain
def data() -> bytes:
    return b"\\xff"

@tools.tool_plain
def half() -> list[str]:
    return ["a\\udc80b"]

@tools.tool_plain
def nothing() -> None:
    return None

@tools.tool
def where(ctx: RunContext[WorkerRuntime]) -> list:
    deps = ctx.deps
    return [deps.name, list(deps.chain), deps.depth, str(deps.project_root), deps.call_id]
"""


@pytest.fixture
def tools(bench: Bench) -> Bench:
    bench.tools(TOOLS)
    bench.worker("main", toolsets=["tools"])
    return bench


def results(bench: Bench, *turns: Any, **options: Any) -> list[Any]:
    script = bench.script("main", *turns, "done")
    assert bench.run("hi", APPROVE_ALL, **options) == "done"
    return script.tool_results


@pytest.mark.parametrize(
    ("how", "code", "message"),
    [
        ("value", "tool_error", "ValueError: broken\nin two"),
        ("silent", "tool_error", "KeyError"),
        ("timeout", "tool_error", "TimeoutError: too slow"),
        ("tool", "no_stock", "nothing is left; order later"),
        ("usage", "bad_input", "no such queue"),
        ("spec", "bad_input", "a.worker:3: wrong file"),
        ("assert", "tool_error", "AssertionError: never"),
        ("group", "tool_error", "ExceptionGroup: many (1 sub-exception)"),
    ],
)
def test_a_tool_that_raises_is_a_result(tools: Bench, how: str, code: str, message: str) -> None:
    assert results(tools, call("fail", how=how)) == [{"error": {"code": code, "message": message}}]
    (line,) = tools.calls("fail")
    assert (line["ok"], line["output"]) == (False, None)
    assert " ".join(message.split()).endswith(line["error"]["message"])


def test_errors_are_counted_by_what_failed(tools: Bench) -> None:
    results(tools, *(call("fail", how=how) for how in ("value", "tool", "usage", "spec")))
    assert [(each["error"]["type"], each["error"]["class"]) for each in tools.calls("fail")] == [
        ("ValueError", "tool"),
        ("no_stock", "no_stock"),
        ("UsageError", "input"),
        ("SpecError", "input"),
    ]


def outcome(script: Script) -> ToolReturnPart:
    last = script.requests[-1][-1]
    assert isinstance(last, ModelRequest)
    (part,) = [part for part in last.parts if isinstance(part, ToolReturnPart)]
    return part


def test_asking_for_a_retry_and_failing_keep_their_meaning(tools: Bench) -> None:
    for how, kind, content in (("retry", "retried", "say it better"), ("failed", "failed", "cannot")):
        script = tools.script("main", call("fail", how=how), "done")
        assert tools.run("hi", APPROVE_ALL) == "done"
        part = outcome(script)
        assert (part.outcome, part.content) == (kind, content)
    assert [each["error"]["type"] for each in tools.calls("fail")] == ["ModelRetry", "ToolFailed"]


def test_retries_run_out(tools: Bench) -> None:
    tools.script("main", call("fail", how="retry"))
    with pytest.raises(RunFailed, match="'fail'"):
        tools.run("hi", APPROVE_ALL)
    assert len(tools.calls("fail")) == 2


def test_a_tool_with_a_time_limit_is_cut_off(tools: Bench) -> None:
    script = tools.script("main", call("stuck"), "done")
    assert tools.run("hi", APPROVE_ALL) == "done"
    assert "Timed out" in str(outcome(script).content)
    assert tools.calls("stuck")[0]["ok"] is False


def test_outputs_are_json_in_the_journal(tools: Bench) -> None:
    results(tools, call("structure"), call("nothing"))
    assert [each["output"] for each in tools.calls()[:2]] == [{"x": 1}, None]


def test_what_no_model_can_be_sent_becomes_text(tools: Bench) -> None:
    sent = results(tools, call("odd"), call("data"), call("half"))
    assert sent == ["odd", "b'\\xff'", ["a?b"]]
    assert [each["output"] for each in tools.calls()[:2]] == sent[:2]


def test_a_tool_gets_its_own_context(tools: Bench) -> None:
    (seen,) = results(tools, call("where"))
    (line,) = tools.calls("where")
    assert seen == ["where", ["main", "where"], 1, str(tools.root), line["id"]]
    assert (line["parent"], line["caller"], line["depth"]) == (tools.calls("main")[0]["id"], "main", 1)


def stub(value: Any) -> Any:
    async def answer(caller: CallContext, given: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        return [caller.name, given, value]

    def substitute(name: str) -> Substitute | None:
        return Substitute("stub", answer) if name in ("where", "helper") else None

    return substitute


def test_a_substitute_runs_instead_of_a_tool_or_worker(tools: Bench) -> None:
    tools.worker("main", toolsets=["tools", "helper"])
    tools.worker("helper")
    turn = [call("where"), call("helper", input="x")]
    assert results(tools, turn, substitutes=stub(1)) == [["where", {}, 1], ["helper", {"input": "x"}, 1]]
    assert [each["impl"] for each in tools.calls()] == ["stub", "stub", "worker"]


def test_a_substitute_is_asked_about_like_the_tool(tools: Bench) -> None:
    script = tools.script("main", call("where"), "done")
    tools.run("hi", substitutes=stub(1))
    assert json.loads(script.tool_results[0])["error"]["code"] == "denied"


def test_a_substitute_that_raises_is_a_result(tools: Bench) -> None:
    (result,) = results(tools, call("where"), substitutes=stub(ValueError("x")))
    assert result["error"] == {"code": "tool_error", "message": "ValueError: x"}


def test_a_limit_of_the_run_ends_it_from_any_depth(tools: Bench) -> None:
    tools.worker("main", toolsets=["helper"])
    tools.script("main", call("helper", input="x"), "done")
    tools.worker("helper")
    tools.script("helper", "ok")
    with pytest.raises(LimitReached, match=r"worker 'helper': the run's limit of 1 requests is used up"):
        tools.run("hi", usage_limits={"requests": 1})
    assert [each["error"]["class"] for each in tools.calls()] == ["limit", "limit"]


def test_parallel_calls_run_at_once(bench: Bench) -> None:
    bench.tools("""
    import asyncio
    from pydantic_ai.toolsets import FunctionToolset
    tools = FunctionToolset()
    arrived = []

    @tools.tool_plain
    async def meet(name: str) -> list:
        arrived.append(name)
        while len(arrived) < 3:
            await asyncio.sleep(0)
        return sorted(arrived)
    """)
    bench.worker("main", toolsets=["tools"])
    assert results(bench, [call("meet", name=name) for name in "abc"]) == [["a", "b", "c"]] * 3


def test_a_cancelled_run_writes_the_lines_of_calls_in_progress(tools: Bench) -> None:
    tools.tools("""
    import asyncio
    from pydantic_ai import RunContext
    from pydantic_ai.toolsets import FunctionToolset
    tools = FunctionToolset()

    @tools.tool_plain
    async def wait() -> str:
        await asyncio.Event().wait()
    """)
    tools.script("main", [call("wait"), call("wait")], "done")
    runtime: Any = None

    def stop(event: Any) -> None:
        tools.events.append(event)
        if len(tools.of("approval")) == 2:
            runtime.cancel()

    runtime = tools.runtime(APPROVE_ALL, on_event=stop)
    with pytest.raises(asyncio.CancelledError):
        runtime.run(tools.build().entry, "hi")
    assert [(each["name"], each["error"]["class"]) for each in tools.calls()] == [
        ("wait", "interrupted"),
        ("wait", "interrupted"),
        ("main", "interrupted"),
    ]


LIVE = """
from pydantic_ai.toolsets import FunctionToolset
from llm_do.runtime import ToolsetSpec

class Calc(FunctionToolset):
    def __init__(self):
        super().__init__()
        self.add_function(lambda: 1, name=NAME)

one = ToolsetSpec(Calc)
other = ToolsetSpec(lambda: Calc())
"""


@pytest.mark.parametrize(
    ("name", "toolsets", "message"),
    [
        (
            "add",
            ["one", "other"],
            "'one' and 'other' both offer a tool 'add'; drop one, or name the single tools",
        ),
        (
            "add",
            ["one", "add"],
            "'one' and 'add' both offer a tool 'add'; drop one, or name the single tools you",
        ),
        ("final_result", ["one"], "'one' offers 'final_result', by which a model answers; rename that tool"),
    ],
)
def test_tools_that_only_a_run_can_tell_of_clash_in_our_words(
    bench: Bench, name: str, toolsets: list[str], message: str
) -> None:
    bench.tools(LIVE.replace("NAME", repr(name)))
    bench.worker("add")
    bench.worker("main", toolsets=toolsets, output_schema={"type": "string"})
    main = bench.script("main", "never")
    with pytest.raises(SpecError) as caught:
        bench.run("hi", APPROVE_ALL, entry="main")
    assert str(caught.value).startswith(f"{bench.root / 'main.worker'}:3: worker 'main': {message}")
    assert main.requests == []


def test_a_tool_may_move_to_another_toolset(bench: Bench) -> None:
    bench.tools("""
        from pydantic_ai.toolsets import FunctionToolset
        from llm_do.runtime import ToolsetSpec

        class Calc(FunctionToolset):
            def __init__(self, *, is_first):
                def prepare(ctx, definition):
                    return definition if (ctx.run_step == 1) is is_first else None

                def add():
                    return int(is_first)

                super().__init__()
                self.add_function(add, prepare=prepare)

        one = ToolsetSpec(lambda: Calc(is_first=True))
        other = ToolsetSpec(lambda: Calc(is_first=False))
    """)
    bench.worker("main", toolsets=["one", "other"])
    main = bench.script("main", call("add"), call("add"), "done")
    bench.run("hi", APPROVE_ALL)
    assert main.tool_results == [1, 0]
