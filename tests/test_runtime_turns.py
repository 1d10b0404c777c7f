"""What Python sees of a run: its events, what it cost, and what was said, for the next turn."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from pydantic_ai.messages import ModelRequest, ModelResponse, TextPart, UserPromptPart
from pydantic_ai.usage import RequestUsage
from scripted import Bench, Script, call, contents

from llm_do.errors import UsageError
from llm_do.runtime import RunApprovalPolicy
from llm_do.state.context import Substitute

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage

    from llm_do.journal import Event

APPROVE_ALL = RunApprovalPolicy("approve_all")
TOOLS = """
from pydantic_ai.toolsets import FunctionToolset
from llm_do.runtime import EntrySpec

tools = FunctionToolset()

@tools.tool_plain
def add(a: int, b: int) -> int:
    return a + b

async def begin(given, ctx):
    return await ctx.call("talker", given[0])

code = EntrySpec("code", begin)
"""


@pytest.fixture
def talker(bench: Bench) -> Script:
    bench.tools(TOOLS)
    bench.worker("talker", toolsets=["tools"])
    return bench.script("talker", "one", "two", "three")


def asked(messages: list[ModelMessage]) -> list[Any]:
    return [
        part.content
        for message in messages
        if isinstance(message, ModelRequest)
        for part in message.parts
        if isinstance(part, UserPromptPart)
    ]


def test_each_turn_sends_all_earlier_ones(bench: Bench, talker: Script) -> None:
    runtime, entry = bench.runtime(), bench.build("talker").entry
    said: list[ModelMessage] = []
    for turn in ("a", "b", "c"):
        runtime.run(entry, turn, message_history=said)
        said = runtime.messages
    assert [asked(request) for request in talker.requests] == [["a"], ["a", "b"], ["a", "b", "c"]]
    assert contents(talker.requests[-1]) == ["a", "one", "b", "two", "c"]
    assert contents(said) == ["a", "one", "b", "two", "c", "three"]


def test_a_turn_without_history_begins_anew(bench: Bench, talker: Script) -> None:
    runtime, entry = bench.runtime(), bench.build("talker").entry
    for turn in ("a", "b"):
        runtime.run(entry, turn)
    assert [contents(request) for request in talker.requests] == [["a"], ["b"]]
    assert contents(runtime.messages) == ["b", "two"]


def test_calls_of_tools_are_part_of_what_was_said(bench: Bench, talker: Script) -> None:
    talker.replies = [call("add", a=1, b=2), "three", "again"]
    runtime, entry = bench.runtime(APPROVE_ALL), bench.build("talker").entry
    runtime.run(entry, "sum")
    runtime.run(entry, "and?", message_history=runtime.messages)
    assert talker.tool_results == [3]
    assert contents(talker.requests[-1])[-2:] == ["three", "and?"]


def test_history_may_be_kept_as_json(bench: Bench, talker: Script) -> None:
    from pydantic_ai.messages import ModelMessagesTypeAdapter

    runtime, entry = bench.runtime(), bench.build("talker").entry
    runtime.run(entry, "a")
    kept = ModelMessagesTypeAdapter.dump_json(runtime.messages)
    another = bench.runtime()
    another.run(entry, "b", message_history=ModelMessagesTypeAdapter.validate_json(kept))
    assert asked(talker.requests[-1]) == ["a", "b"]


def test_a_called_worker_gets_no_history(bench: Bench, talker: Script) -> None:
    bench.worker("main", toolsets=["talker"])
    main = bench.script("main", call("talker", input="x"), "done", call("talker", input="y"), "done")
    runtime, entry = bench.runtime(), bench.build("main").entry
    runtime.run(entry, "a")
    runtime.run(entry, "b", message_history=runtime.messages)
    assert asked(main.requests[-1]) == ["a", "b"]
    assert [contents(request) for request in talker.requests] == [["x"], ["y"]]


@pytest.mark.parametrize("name", ["code", "add"])
def test_history_for_code_is_refused_before_anything_runs(bench: Bench, talker: Script, name: str) -> None:
    runtime, entry = bench.runtime(APPROVE_ALL, journal=bench.root / "runs"), bench.build(name).entry
    with pytest.raises(UsageError, match=f"entry '{name}' is Python and has no messages; give it history as"):
        runtime.run(entry, "x", message_history=[ModelRequest([UserPromptPart("before")])])
    assert (bench.events, talker.requests, runtime.journal_path) == ([], [], None)


def test_a_loop_of_turns_may_pass_what_code_said_which_is_nothing(bench: Bench, talker: Script) -> None:
    runtime, entry = bench.runtime(), bench.build("code").entry
    for turn, said in (("a", "one"), ("b", "two")):
        assert runtime.run(entry, turn, message_history=runtime.messages).output == said
    assert runtime.messages == []
    assert [contents(request) for request in talker.requests] == [["a"], ["b"]]


def test_usage_sums_the_tree_and_all_runs(bench: Bench, talker: Script) -> None:
    def turn(*parts: Any) -> ModelResponse:
        return ModelResponse(list(parts), usage=RequestUsage(input_tokens=10, output_tokens=3))

    talker.replies = [turn(call("add", a=1, b=1)), turn(TextPart("two"))] * 2
    runtime, entry = bench.runtime(APPROVE_ALL), bench.build("code").entry
    for count in (1, 2):
        runtime.run(entry, "x")
        usage = runtime.usage
        assert (usage.requests, usage.calls) == (2 * count, 2 * count)
        assert (usage.input_tokens, usage.output_tokens) == (20 * count, 6 * count)
    assert runtime.usage.cost_usd is None  # the price of a stand-in is unknown, and that is no zero


def test_before_a_run_nothing_was_spent_or_said(bench: Bench) -> None:
    runtime = bench.runtime()
    usage = runtime.usage
    assert (usage.requests, usage.calls, usage.input_tokens, usage.output_tokens) == (0, 0, 0, 0)
    assert usage.cost_usd == Decimal(0)
    assert runtime.messages == []


def test_events_come_as_the_lines_are_written(bench: Bench, talker: Script) -> None:
    talker.replies = [call("add", a=1, b=2), "three"]
    read: list[list[Event]] = []

    def compare(event: Event) -> None:
        path = runtime.journal_path
        assert path is not None
        read.append([json.loads(line) for line in path.read_text().splitlines()])
        assert read[-1][-1] == event

    runtime = bench.runtime(APPROVE_ALL, on_event=compare, journal=bench.root / "runs")
    runtime.run(bench.build("talker").entry, "x")
    assert [len(lines) for lines in read] == list(range(1, len(read) + 1))
    assert [each["kind"] for each in read[-1]] == [
        "run", "offer", "message", "approval", "call", "message", "call"
    ]  # fmt: skip


def test_a_listener_that_fails_stops_the_run_before_the_effect(bench: Bench) -> None:
    bench.worker("main", toolsets=["filesystem_project"])
    bench.script("main", call("write_file", path="a.txt", content="x"), "done")

    def fail(event: Event) -> None:
        if event["kind"] == "approval":
            raise OSError("the listener is gone")

    with pytest.raises(OSError, match="the listener is gone"):
        bench.run("hi", APPROVE_ALL, on_event=fail)
    assert not (bench.root / "a.txt").exists()


def test_a_substituted_entry_has_no_conversation(bench: Bench, talker: Script) -> None:
    async def answer(_: Any, __: Any) -> str:
        return "stubbed"

    def substitute(_name: str) -> Substitute:
        return Substitute("stub", answer)

    runtime = bench.runtime(substitutes=substitute)
    entry = bench.build("talker").entry
    result = asyncio.run(runtime.run_entry(entry, "x", message_history=[ModelRequest([UserPromptPart("b")])]))
    assert (result.output, runtime.messages, talker.requests) == ("stubbed", [], [])
