from __future__ import annotations

from types import SimpleNamespace

import pytest
from pydantic_ai.messages import (
    BinaryContent,
    ModelRequest,
    RetryFeedbackPart,
    RetryInfo,
    SystemPromptPart,
    ToolAvailabilityDeltaPart,
    ToolReturnPart,
    UserPromptPart,
)
from scripted import Bench, call

from llm_do.runtime import RunApprovalPolicy
from llm_do.state.conversation import record_request

APPROVE_ALL = RunApprovalPolicy("approve_all")


def said(bench: Bench) -> list[tuple[str, str]]:
    return [(each["role"], each["text"]) for each in bench.of("message")]


def test_who_said_what_in_which_turn(bench: Bench) -> None:
    bench.worker("main", toolsets=["filesystem_project_ro"])
    bench.script("main", ["Let me look.", call("list_files")], "Nothing there.")
    bench.run("What is there?")
    assert said(bench) == [
        ("user", "What is there?"),
        ("assistant", "Let me look."),
        ("assistant", "Nothing there."),
    ]
    assert [each["turn"] for each in bench.of("message")] == [0, 1, 2]
    numbers = [each["seq"] for each in bench.events if "seq" in each and each["kind"] == "message"]
    assert numbers == sorted(set(numbers))


def test_a_retry_of_the_answer_is_the_users_word(bench: Bench) -> None:
    bench.worker("main", output_schema={"enum": ["red"]})
    bench.script("main", "blue", call("final_result", value="red"))
    bench.run()
    roles = [role for role, _ in said(bench)]
    assert roles == ["user", "assistant", "user"]


def test_texts_of_every_kind_of_part(bench: Bench) -> None:
    bench.worker("main")
    bench.script("main", "ok")
    context = bench.result().context
    bench.events.clear()
    parts = [
        SystemPromptPart("Be brief."),
        UserPromptPart(["See:", BinaryContent(b"x", media_type="image/png")]),
        RetryFeedbackPart("Once more.", retry=RetryInfo(cause="validation_error")),
        ToolReturnPart("add", "3", tool_call_id="x"),
        ToolAvailabilityDeltaPart(tools_added=["add"]),
    ]
    request = SimpleNamespace(
        messages=[ModelRequest(parts=parts)],
        model_request_parameters=SimpleNamespace(function_tools=[], output_tools=[]),
    )
    record_request(context, 1, request)
    system, user, retry = said(bench)
    assert system == ("system", "Be brief.")
    assert user == ("user", 'See:\n{"attachment": "image/png"}')
    assert retry[0] == "user"
    assert "Once more." in retry[1]


@pytest.mark.parametrize("way", ["model", "python"])
def test_what_a_tool_returns_besides_its_value_is_no_output(bench: Bench, way: str) -> None:
    bench.tools("""
    from pydantic_ai import RunContext
    from pydantic_ai.messages import ToolReturn
    from pydantic_ai.toolsets import FunctionToolset
    from llm_do.runtime import WorkerRuntime
    tools = FunctionToolset()

    @tools.tool_plain
    def look() -> ToolReturn:
        return ToolReturn(return_value={"n": 1}, content="and a picture", metadata={"internal": True})

    @tools.tool
    async def relay(ctx: RunContext[WorkerRuntime]) -> dict:
        return await ctx.deps.call("look")
    """)
    bench.worker("main", toolsets=["tools"])
    script = bench.script("main", call("look" if way == "model" else "relay"), "done")
    bench.run("hi", APPROVE_ALL)
    assert script.tool_results == [{"n": 1}]
    assert bench.calls("look")[0]["output"] == {"n": 1}
    told = [text for role, text in said(bench) if role == "user"]
    assert told[1:] == (["and a picture"] if way == "model" else [])


def test_a_call_of_a_tool_that_was_not_offered_is_a_line_too(bench: Bench) -> None:
    bench.worker("main", toolsets=["filesystem_project_ro"])
    bench.script("main", [call("nosuch", a=1), call("list_files")], "done")
    assert bench.run() == "done"
    (invented,) = bench.calls("nosuch")
    assert (invented["ok"], invented["input"], invented["parent"]) == (False, {"a": 1}, "c0")
    assert invented["error"] == {
        "type": "unknown",
        "message": "no tool 'nosuch' was offered",
        "class": "unknown",
    }
    assert [each["ok"] for each in bench.calls("list_files")] == [True]
