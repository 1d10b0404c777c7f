from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest
from gated import APPROVE_ALL, TOOLS, Answers, ran, rules
from pydantic_ai.messages import ModelRequest, ToolReturnPart
from scripted import Bench, Script, call

from llm_do.errors import Refused
from llm_do.gate import judgement
from llm_do.runtime import RunApprovalPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_ai.messages import ModelMessage
    from scripted import Turn


@pytest.mark.policy("app-nested-depth")
def test_the_question_shows_the_chain_of_callers(bench: Bench) -> None:
    bench.tools(TOOLS)
    for name, below in (("a", "b"), ("b", "c")):
        bench.worker(name, toolsets=[below])
        bench.script(name, call(below, input="go"), name)
    bench.worker("c", toolsets=["files"])
    bench.script("c", call("write", path="x"), "c")
    answers = Answers("approve")
    assert bench.run("hi", answers.policy, entry="a") == "a"
    (question,) = answers.asked
    assert (question.chain, question.worker, question.depth) == (("a", "b", "c"), "c", 2)
    assert (question.tool, question.args, question.description) == ("write", {"path": "x"}, "")


@pytest.mark.policy("app-nested-no-inherit")
def test_approving_a_worker_approves_none_of_its_tools(bench: Bench) -> None:
    bench.tools(TOOLS)
    bench.worker("main", toolsets=["helper"])
    bench.script("main", call("helper", input="go"), "done")
    bench.worker("helper", toolsets=["files"])
    helper = bench.script("helper", call("write", path="x"), "refused")
    answers = Answers(lambda question: "approve" if question.tool == "helper" else "reject")
    bench.run("hi", answers.policy, worker_calls_require_approval=True)
    assert [each.tool for each in answers.asked] == ["helper", "write"]
    assert json.loads(helper.tool_results[0])["error"]["code"] == "denied"


@pytest.mark.policy("app-child-widens")
def test_a_called_worker_widens_nothing(bench: Bench) -> None:
    bench.tools(TOOLS)
    bench.worker("main", toolsets=["helper"], approvals=[{"tool": "write", "decision": "ask"}])
    bench.script("main", call("helper", input="go"), "done")
    bench.worker("helper", toolsets=["files"], approvals=[{"tool": "write", "decision": "approve"}])
    bench.script("helper", call("write", path="x"), "done")
    bench.run()
    assert [each["decision"] for each in bench.of("approval") if each["name"] == "write"] == ["reject"]
    bench.events.clear()
    bench.script("helper", call("write", path="x"), "done")
    assert bench.run(entry="helper") == "done"
    assert [each["by"] for each in bench.of("approval")] == ["rule"]


@pytest.mark.parametrize("tool", ["write", "guarded", "asking", "doubted"])
def test_no_way_of_asking_passes_a_reject_rule(bench: Bench, play: Callable[..., Script], tool: str) -> None:
    script = play(call(tool, path="a"))
    assert bench.run("hi", rules({"tool": tool, "decision": "reject"})) == "done"
    result = script.tool_results[0]
    assert "a rule forbids it" in str(result)
    assert ran(bench) == []
    assert bench.of("approval")[-1]["by"] == "rule"


@pytest.mark.parametrize("tool", ["guarded", "asking", "doubted"])
def test_every_way_of_asking_is_honoured(bench: Bench, play: Callable[..., Script], tool: str) -> None:
    script = play(call(tool, path="a"))
    answers = Answers("approve")
    bench.run("hi", answers.policy)
    assert [each.tool for each in answers.asked] == [tool]
    assert script.tool_results == ["asked a" if tool == "asking" else f"{tool} a"]
    assert [(each["name"], each["ok"]) for each in bench.calls()] == [(tool, True), ("main", True)]


def test_a_tool_that_asks_for_itself_is_asked_about_though_a_rule_approves(
    bench: Bench, play: Callable[..., Script]
) -> None:
    play(call("asking", path="a"))
    answers = Answers("approve")
    policy = RunApprovalPolicy(approval_callback=answers, rules=[{"tool": "*", "decision": "approve"}])
    bench.run("hi", policy)
    assert len(answers.asked) == 1
    assert [each["by"] for each in bench.of("approval")] == ["rule", "callback"]
    assert [each["ok"] for each in bench.calls("asking")] == [True]


@pytest.mark.parametrize(
    ("rule", "args"),
    [
        ({"times": 3}, {"path": "a", "times": "3"}),
        ({"times": 3}, {"path": "a", "times": 3.0}),
        ({"times": 1}, {"path": "a"}),  # the default
        ({"tags": ["x"]}, {"path": "a", "tags": ["x"]}),
        ({"path": "*.worker"}, {"path": "b.worker"}),
    ],
)
def test_rules_judge_what_would_run_not_how_it_was_written(
    bench: Bench, play: Callable[..., Script], rule: dict[str, Any], args: dict[str, Any]
) -> None:
    play(call("write", **args))
    bench.run("hi", rules({"tool": "write", "args": rule, "decision": "reject"}))
    assert ran(bench) == []


@pytest.mark.policy("app-nan")
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_nan_is_no_argument(bench: Bench, play: Callable[..., Script], number: float) -> None:
    script = play(call("scale", factor=number))
    assert bench.run("hi", APPROVE_ALL, journal=bench.root) == "done"
    assert "NaN and infinities are no arguments" in json.loads(script.tool_results[0])["error"]["message"]
    (file,) = bench.root.glob("*.jsonl")
    lines = [json.loads(line, parse_constant=pytest.fail) for line in file.read_text().splitlines()]
    assert [each["input"] for each in lines if each.get("name") == "scale" and each["kind"] == "call"] == [
        {"factor": str(number)}
    ]


def once_asked(messages: list[ModelMessage], _: Any) -> Turn:
    last = messages[-1]
    assert isinstance(last, ModelRequest)
    results = [part for part in last.parts if isinstance(part, ToolReturnPart)]
    return str(results[0].content) if results else call("main", input="deeper")


@pytest.mark.policy("registry-self-call")
def test_a_worker_that_calls_itself_stops_at_the_depth_limit(bench: Bench) -> None:
    bench.worker("main", toolsets=["main"])
    bench.script("main", once_asked)
    output = bench.run("hi", max_depth=3)
    assert "main > main > main > main > main would be at depth 4, the limit is 3" in output
    assert [each["depth"] for each in bench.calls()] == [4, 3, 2, 1, 0]
    assert bench.calls()[0]["error"]["class"] == "depth"
    assert all(each["ok"] for each in bench.calls()[1:])


@pytest.mark.parametrize(("depth", "is_allowed"), [(0, False), (1, True)])
def test_a_call_at_the_limit_runs(
    bench: Bench,
    play: Callable[..., Script],
    depth: int,
    is_allowed: bool,  # noqa: FBT001
) -> None:
    play(call("write", path="a"))
    bench.run("hi", APPROVE_ALL, max_depth=depth)
    assert bool(ran(bench)) is is_allowed


def test_arguments_that_changed_after_the_approval_stop_the_run(bench: Bench) -> None:
    bench.worker("main")
    bench.script("main", "done")
    context = bench.result().context
    context.input = {"path": "a"}
    judgement.refuse_changed(context, {"path": "a"})
    with pytest.raises(Refused, match="'main': the arguments changed after they were approved"):
        judgement.refuse_changed(context, {"path": "b"})
