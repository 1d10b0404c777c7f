from __future__ import annotations

import asyncio
import json
import math
from typing import TYPE_CHECKING, Any

import pytest
from gated import APPROVE_ALL, TOOLS, Answers, logged, ran
from pydantic_ai.messages import ToolCallPart
from scripted import Bench, Script, call

from llm_do.errors import Refused
from llm_do.runtime import Decision, Request, RunApprovalPolicy

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("first", "second", "questions"),
    [
        pytest.param(
            call("write", path="a", times=2),
            call("write", path="a", times=2),
            1,
            marks=pytest.mark.policy("app-session-same-args"),
        ),
        pytest.param(
            call("write", path="a", times=2),
            call("write", times=2, path="a"),
            1,
            marks=pytest.mark.policy("app-session-key-order"),
        ),
        pytest.param(
            call("write", path="a"),
            call("write", path="b"),
            2,
            marks=pytest.mark.policy("app-session-other-args"),
        ),
        (call("write", path="a"), call("write", path="a", times=1), 2),
    ],
    ids=["the same", "keys in another order", "other arguments", "a default written out"],
)
def test_a_session_approval_covers_the_same_call(
    bench: Bench, play: Callable[..., Script], first: ToolCallPart, second: ToolCallPart, questions: int
) -> None:
    answers = Answers(Decision("approve_session"))
    play(first, second)
    assert bench.run("hi", answers.policy) == "done"
    assert len(answers.asked) == questions
    assert bench.of("approval")[0]["decision"] == "approve_session"
    assert len(ran(bench)) == 2


@pytest.mark.policy("app-session-other-worker")
def test_a_session_approval_in_one_worker_covers_no_other(bench: Bench, play: Callable[..., Script]) -> None:
    play(call("write", path="a"), call("other", input="x"))
    bench.worker("main", toolsets=["files", "other"])
    bench.worker("other", toolsets=["files"])
    bench.script("other", call("write", path="a"), "written")
    answers = Answers(Decision("approve_session"))
    bench.run("hi", answers.policy)
    assert [(each.worker, each.tool) for each in answers.asked] == [("main", "write"), ("other", "write")]


@pytest.mark.policy("app-parallel-one-prompt")
def test_parallel_calls_are_asked_about_one_by_one(bench: Bench, play: Callable[..., Script]) -> None:
    script = play([call("write", path="a"), call("write", path="b"), call("write", path="c")])
    answers = Answers(lambda question: "reject" if question.args["path"] == "b" else "approve")
    bench.run("hi", answers.policy)
    assert [each.args for each in answers.asked] == [{"path": "a"}, {"path": "b"}, {"path": "c"}]
    first, second, third = script.tool_results
    assert (first, third) == ("wrote a x1", "wrote c x1")
    assert json.loads(second)["error"]["code"] == "denied"


def test_parallel_workers_that_ask_wait_for_each_other(bench: Bench) -> None:
    bench.tools(TOOLS)
    bench.worker("main", toolsets=["left", "right"])
    bench.script("main", [call("left", input="l"), call("right", input="r")], "done")
    for name in ("left", "right"):
        bench.worker(name, toolsets=["files"])
        bench.script(name, [call("write", path=name), call("write", path=name * 2)], name)
    open_now = [0, 0]

    async def answer(_: Request) -> Any:
        open_now[0] += 1
        open_now[1] = max(open_now)
        await asyncio.sleep(0.001)
        open_now[0] -= 1
        return "approve"

    answers = Answers(answer)
    bench.run("hi", answers.policy)
    asked = sorted((each.chain, each.args["path"]) for each in answers.asked)
    assert asked == [
        (("main", "left"), "left"),
        (("main", "left"), "leftleft"),
        (("main", "right"), "right"),
        (("main", "right"), "rightright"),
    ]
    assert open_now == [0, 1]


@pytest.mark.policy("app-refused")
def test_a_refused_call_is_a_result_and_the_run_goes_on(bench: Bench, play: Callable[..., Script]) -> None:
    script = play(call("write", path="a"))
    assert bench.run("hi", Answers(Decision("reject", note="not now")).policy) == "done"
    message = "this call was refused: not now; do not repeat it, go on without it"
    assert json.loads(script.tool_results[0]) == {"error": {"code": "denied", "message": message}}
    (line,) = bench.calls("write")
    assert line["error"] == {"type": "denied", "message": message, "class": "denied"}
    assert line["approval"] == {"decision": "reject", "by": "callback"}
    (approval,) = bench.of("approval")
    assert (approval["decision"], approval["by"], approval["note"]) == ("reject", "callback", "not now")


def test_without_a_policy_what_needs_asking_is_refused(bench: Bench, play: Callable[..., Script]) -> None:
    script = play(call("write", path="a"))
    assert bench.run() == "done"
    assert "nobody can be asked" in json.loads(script.tool_results[0])["error"]["message"]
    assert bench.of("approval")[0]["by"] == "none"


def test_a_refusal_can_end_the_run(bench: Bench, play: Callable[..., Script]) -> None:
    play(call("write", path="a"))
    with pytest.raises(Refused, match=r"^main: 'write' was refused: it needs approval and nobody"):
        bench.run("hi", RunApprovalPolicy(return_permission_errors=False))
    write, root = bench.calls()
    assert write["error"]["class"] == "denied"
    assert root["error"]["class"] == "refused"


def crash(_: Request) -> Any:
    raise ZeroDivisionError


@pytest.mark.policy("app-prompt-crashes")
@pytest.mark.policy("app-unknown-answer")
@pytest.mark.parametrize("answer", [crash, "yes", None, True, Decision("modify")])
def test_a_crash_or_an_odd_answer_is_a_no(bench: Bench, play: Callable[..., Script], answer: Any) -> None:
    script = play(call("write", path="a"))
    with logged("the approval callback"):
        assert bench.run("hi", Answers(answer).policy) == "done"
    assert json.loads(script.tool_results[0])["error"]["code"] == "denied"
    assert ran(bench) == []


@pytest.mark.policy("app-cancel-while-asking")
def test_a_run_cancelled_while_asking_runs_nothing_and_keeps_its_lines(
    bench: Bench, play: Callable[..., Script]
) -> None:
    play([call("write", path="a"), call("write", path="b")])
    runtime = bench.runtime()

    async def cancel(_: Request) -> Decision:
        runtime.cancel()
        await asyncio.Event().wait()
        raise AssertionError

    runtime = bench.runtime(RunApprovalPolicy(approval_callback=cancel))
    with pytest.raises(asyncio.CancelledError):
        runtime.run(bench.build().entry, "hi")
    assert [(each["name"], each["error"]["class"]) for each in bench.calls()] == [
        ("write", "interrupted"),
        ("write", "interrupted"),
        ("main", "interrupted"),
    ]
    assert bench.of("approval") == []


@pytest.mark.policy("app-retry-loop")
def test_the_third_refusal_of_one_call_ends_the_run(bench: Bench, play: Callable[..., Script]) -> None:
    script = play(*[call("write", path="a")] * 9)
    answers = Answers("reject")
    with pytest.raises(Refused, match="'write' was refused 3 times with the same arguments"):
        bench.run("hi", answers.policy)
    assert len(answers.asked) == len(script.requests) == 3
    assert [each["ok"] for each in bench.calls()] == [False] * 4


@pytest.mark.policy("app-result-before-effect")
def test_the_decision_is_on_disk_before_the_effect_and_the_result_after(
    bench: Bench, play: Callable[..., Script]
) -> None:
    script = play(call("journal"))
    result = bench.result("hi", Answers("approve").policy, journal=bench.root / "runs")
    seen = [json.loads(line) for line in script.tool_results[0].splitlines()]
    assert [each["kind"] for each in seen] == ["run", "offer", "message", "approval"]
    assert (seen[-1]["name"], seen[-1]["decision"], seen[-1]["by"]) == ("journal", "approve", "callback")
    path = result.context.run.journal.path
    assert path is not None
    after = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(each["kind"], each.get("name")) for each in after[len(seen) :][:1]] == [("call", "journal")]


def test_before_the_decision_nothing_of_it_is_on_disk(bench: Bench, play: Callable[..., Script]) -> None:
    play(call("journal"))

    def look(_: Request) -> str:
        (file,) = (bench.root / "runs").iterdir()
        assert "approval" not in [json.loads(line)["kind"] for line in file.read_text().splitlines()]
        return "approve"

    bench.run("hi", Answers(look).policy, journal=bench.root / "runs")
    assert [each["decision"] for each in bench.of("approval")] == ["approve"]


def test_edited_arguments_run_and_are_validated_again(bench: Bench, play: Callable[..., Script]) -> None:
    script = play(call("write", path="a"))
    bench.run("hi", Answers(Decision("modify", {"path": "b", "times": "2"}, "rather b")).policy)
    assert script.tool_results == ["wrote b x2"]
    assert ran(bench) == [{"path": "b", "times": "2"}]
    (approval,) = bench.of("approval")
    assert (approval["decision"], approval["note"]) == ("modify", "rather b")
    assert (approval["asked"], approval["args"]) == ({"path": "a"}, {"path": "b", "times": "2"})


def test_an_edit_that_does_not_fit_runs_nothing(bench: Bench, play: Callable[..., Script]) -> None:
    script = play(call("write", path="a"))
    told = "an edit of 'write' by the approval callback cannot be taken: path: Field required"
    with logged(told):
        assert bench.run("hi", Answers(Decision("modify", {"times": "many"})).policy) == "done"
    assert [each["type"] for each in script.tool_results[0]] == ["missing", "int_parsing"]
    (line,) = bench.calls("write")
    assert (line["error"]["type"], line["input"]) == ("bad_input", {"times": "many"})
    assert line["error"]["message"] == "path: Field required"


def test_an_edit_passes_no_reject_rule(bench: Bench, play: Callable[..., Script]) -> None:
    script = play(call("write", path="a"))
    answers = Answers(Decision("modify", {"path": "secret"}))
    policy = RunApprovalPolicy(
        approval_callback=answers, rules=[{"tool": "write", "args": {"path": "sec*"}, "decision": "reject"}]
    )
    bench.run("hi", policy)
    assert json.loads(script.tool_results[0])["error"]["code"] == "denied"
    assert [each["decision"] for each in bench.of("approval")] == ["modify", "reject"]
    assert ran(bench) == []


def test_what_was_shown_is_what_runs(bench: Bench, play: Callable[..., Script]) -> None:
    args: dict[str, Any] = {"path": "a", "tags": ["x"]}

    def meddle(question: Request) -> str:
        args["path"] = "b"
        args["tags"].append("y")
        shown: Any = question.args
        shown["path"] = "c"
        shown["tags"].append("z")
        return "approve"

    play(ToolCallPart("write", args))
    bench.run("hi", Answers(meddle).policy)
    assert ran(bench) == [{"path": "a", "tags": ["x"]}]


def test_a_call_with_arguments_that_do_not_fit_is_a_failed_call(
    bench: Bench, play: Callable[..., Script]
) -> None:
    script = play(call("write", path="a", times="many"), ToolCallPart("write", "{not json"))
    bench.worker("main", toolsets=["files"], retries=2)
    assert bench.run("hi", APPROVE_ALL) == "done"
    assert script.tool_results[0][0]["loc"] == ["times"]
    first, second = bench.calls("write")
    assert first["error"]["message"].startswith("times: Input should be a valid integer")
    assert (first["ok"], first["approval"], second["ok"]) == (False, None, False)
    assert second["error"]["type"] == "bad_input"


def test_a_call_beside_the_final_answer_is_not_asked_about_but_told(bench: Bench) -> None:
    bench.tools(TOOLS)
    bench.worker("main", toolsets=["files"], output_schema={"enum": ["ok"]})
    bench.script("main", [call("write", path="a"), call("final_result", value="ok")])
    answers = Answers("approve")
    assert bench.run("hi", answers.policy) == "ok"
    assert answers.asked == []
    assert [(each["name"], each["error"] and each["error"]["type"]) for each in bench.calls()] == [
        ("write", "not_run"),
        ("main", None),
    ]


def test_nothing_is_left_pending(bench: Bench, play: Callable[..., Script]) -> None:
    play(
        [call("write", path="a"), call("write", times="x")],
        call("guarded", path="a"),
        call("doubted", path="a"),
        call("asking", path="a"),
        call("scale", factor=math.nan),
    )
    answers = Answers(lambda question: "reject" if question.tool == "guarded" else "approve")
    assert bench.result("hi", answers.policy).context.pending == {}
