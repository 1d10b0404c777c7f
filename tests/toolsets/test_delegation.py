from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from delegating import delegating, error
from pydantic_ai.messages import ToolReturnPart
from pydantic_ai.models.function import FunctionModel
from scripted import Bench, call, contents, response

from llm_do.errors import Refused
from llm_do.runtime import Decision, Request, RunApprovalPolicy
from llm_do.state.context import CallContext, Substitute

if TYPE_CHECKING:
    from collections.abc import Callable

NOT_COMPARED = {"run", "id", "parent", "call", "at", "latency_s", "tools", "spec", "seq", "usage", "via"}


# -- a call through worker_call is a call of the worker


def direct(root: Bench, script: str, args: dict[str, Any]) -> Any:
    root.worker("main", toolsets=["helper"])
    return call(script, **args)


def routed(root: Bench, script: str, args: dict[str, Any]) -> Any:
    root.worker("main", toolsets=["worker_tools"], workers={"allow": ["help*"]})
    files = {"attachments": args["attachments"]} if "attachments" in args else {}
    rest = {key: value for key, value in args.items() if key != "attachments"}
    return call(
        "worker_call", worker=script, input=rest["input"] if set(rest) == {"input"} else rest, **files
    )


FIELDS = {
    "type": "object",
    "properties": {"document": {"type": "string"}, "n": {"type": "integer"}},
    "required": ["document"],
}


async def _stubbed(context: CallContext, value: Any) -> Any:
    del context
    return {"stubbed": value}


def stubs(*names: str) -> Callable[[str], Substitute | None]:
    return lambda name: Substitute("stub", _stubbed) if name in names else None


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "attachment": {"args": {"input": "x", "attachments": ["a.txt"]}},
    "missing attachment": {"args": {"input": "x", "attachments": ["gone.txt"]}},
    "absolute attachment": {"args": {"input": "x", "attachments": ["/etc/hostname"]}},
    "asks": {"options": {"worker_calls_require_approval": True}},
    "asks but not here": {
        "options": {
            "worker_calls_require_approval": True,
            "worker_approval_overrides": {"helper": {"calls_require_approval": False}},
        }
    },
    "asks for files": {
        "args": {"input": "x", "attachments": ["a.txt"]},
        "options": {"worker_attachments_require_approval": True},
    },
    "rule asks": {"rules": [{"tool": "helper", "decision": "ask"}]},
    "rule of args": {"rules": [{"tool": "helper", "args": {"input": "x*"}, "decision": "reject"}]},
    "rule of others": {"rules": [{"tool": "helper", "args": {"input": "y*"}, "decision": "reject"}]},
    "rule rejects": {"rules": [{"tool": "help*", "decision": "reject"}]},
    "rule approves": {
        "rules": [{"tool": "helper", "decision": "approve"}],
        "options": {"worker_calls_require_approval": True},
    },
    "said no": {"options": {"worker_calls_require_approval": True}, "answer": Decision("reject", note="no")},
    "said otherwise": {
        "options": {"worker_calls_require_approval": True},
        "answer": Decision("modify", args={"input": "better", "attachments": ["a.txt"]}),
    },
    "said nonsense": {
        "options": {"worker_calls_require_approval": True},
        "answer": Decision("modify", args={"inptu": "better"}),
    },
    "fields": {"args": {"document": "d", "n": 1}, "front": {"input_schema": FIELDS}},
    "too deep": {"options": {"max_depth": 0}},
    "it fails": {"helper": RuntimeError("broken")},
    "stub": {"stubs": ["helper"]},
}


def traced(bench: Bench, make: Any, case: dict[str, Any]) -> list[Any]:
    """Everything that can be told of a run: its events, its questions, its outcome."""
    front: dict[str, Any] = dict(case.get("front", {}))
    bench.write("a.txt", "kept")
    bench.worker("helper", description="Helps.", **front)
    helper = bench.script("helper", case.get("helper", "helped"))
    script = bench.script("main", make(bench, "helper", case.get("args", {"input": "x"})), "done")
    asked: list[Any] = []

    def answer(question: Request) -> Any:
        asked.append((question.tool, question.args, question.chain, question.key, question.preview))
        return case.get("answer", "approve")

    policy = RunApprovalPolicy(approval_callback=answer, rules=case.get("rules", ()))
    output = bench.run("hi", policy, substitutes=stubs(*case.get("stubs", ())), **case.get("options", {}))
    events = [
        {key: value for key, value in event.items() if key not in NOT_COMPARED}
        for event in bench.events
        if event["kind"] in ("call", "approval")
    ]
    return [output, script.tool_results, asked, events, [contents(each) for each in helper.requests]]


@pytest.mark.policy("app-route")
@pytest.mark.filterwarnings("ignore:an edit of 'helper'")
@pytest.mark.parametrize("name", CASES)
def test_it_cannot_be_told_from_a_call_of_the_worker_itself(bench: Bench, name: str) -> None:
    one, other = Bench(bench.root / "direct"), Bench(bench.root / "routed")
    expected = traced(one, direct, CASES[name])
    assert traced(other, routed, CASES[name]) == expected
    assert expected[0] == "done"


@pytest.mark.filterwarnings("ignore:an edit of 'helper'")
def test_the_cases_differ_where_they_should(bench: Bench) -> None:
    """The comparison above proves nothing if its runs were all alike."""
    alike: dict[str, list[str]] = {}
    for number, (name, case) in enumerate(CASES.items()):
        _, *told, _, sent = traced(Bench(bench.root / str(number)), routed, case)
        alike.setdefault(str([told, sent]), []).append(name)
    assert [each for each in alike.values() if len(each) > 1] == [
        ["plain", "asks but not here", "rule of others", "rule approves"],
        ["asks", "rule asks"],
        ["rule of args", "rule rejects"],
    ]


def test_three_refusals_of_it_end_the_run(bench: Bench) -> None:
    again = call("worker_call", worker="helper", input="x")
    delegating(bench, again, again, again, allow=["helper"])
    bench.worker("helper")
    with pytest.raises(Refused, match="'helper' was refused 3 times"):
        bench.run("hi", RunApprovalPolicy("reject_all"), worker_calls_require_approval=True)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"tool": "worker_call", "decision": "reject"}, "denied"),
        ({"tool": "worker_call", "decision": "ask"}, "denied"),
        ({"tool": "worker_call", "args": {"worker": "help*"}, "decision": "reject"}, "denied"),
        ({"tool": "worker_call", "args": {"worker": "other"}, "decision": "reject"}, None),
    ],
)
@pytest.mark.parametrize("where", ["operator", "worker"])
@pytest.mark.policy("app-route")
def test_a_rule_about_worker_call_makes_it_stricter(
    bench: Bench, rule: dict[str, Any], code: str | None, where: str
) -> None:
    rules = {where: [rule, {"tool": "helper", "decision": "approve"}]}
    bench.worker(
        "main", toolsets=["worker_tools"], workers={"allow": ["*"]}, approvals=rules.get("worker", [])
    )
    main = bench.script("main", call("worker_call", worker="helper", input="x"), "done")
    bench.worker("helper")
    bench.script("helper", "helped")
    bench.run("hi", RunApprovalPolicy(rules=rules.get("operator", ())))
    assert main.tool_results[-1] == "helped" if code is None else error(main)["code"] == code


@pytest.mark.parametrize(
    ("args", "is_reached"),
    [
        ({"input": "bad*"}, False),
        ({"input": "good*"}, True),
        ({"input": {"input": "bad stuff", "attachments": ["a.txt"]}}, False),
        ({"attachments": ["a.txt"]}, False),
        ({"attachments": ["b.txt"]}, True),
    ],
)
def test_a_rule_about_its_arguments_reads_them_as_the_model_wrote_them_too(
    bench: Bench, args: dict[str, Any], *, is_reached: bool
) -> None:
    bench.worker("main", toolsets=["worker_tools"], workers={"allow": ["helper"]})
    bench.worker("helper")
    bench.write("a.txt", "text")
    bench.script("helper", "helped")
    bench.script(
        "main", call("worker_call", worker="helper", input="bad stuff", attachments=["a.txt"]), "done"
    )
    bench.run("hi", RunApprovalPolicy(rules=[{"tool": "worker_call", "args": args, "decision": "reject"}]))
    assert [each["ok"] for each in bench.calls("helper")] == [is_reached]


@pytest.mark.parametrize("decision", ["ask", "reject"])
def test_a_rule_that_approves_worker_call_approves_no_worker(bench: Bench, decision: str) -> None:
    main = delegating(bench, call("worker_call", worker="helper", input="x"), allow=["*"])
    bench.worker("helper")
    rules = [{"tool": "worker_call", "decision": "approve"}, {"tool": "helper", "decision": decision}]
    bench.run("hi", RunApprovalPolicy(rules=rules))
    assert error(main)["code"] == "denied"


# -- which workers can be called


@pytest.mark.parametrize(
    ("front", "called"),
    [
        ({}, []),
        ({"workers": {}}, []),
        ({"workers": {"create": True}}, []),
        ({"workers": {"allow": []}}, []),
        ({"workers": {"allow": ["a*"]}}, ["alpha", "also"]),
        ({"workers": {"allow": ["beta", "main"]}}, ["beta", "main"]),
        ({"toolsets": ["worker_tools", "beta"]}, ["beta"]),
        ({"toolsets": ["worker_tools", "beta"], "workers": {"allow": ["also"]}}, ["also", "beta"]),
    ],
)
def test_what_is_neither_allowed_nor_a_toolset_is_out_of_reach(
    bench: Bench, front: dict[str, Any], called: list[str]
) -> None:
    given: dict[str, Any] = {"toolsets": ["worker_tools"], **front}
    bench.worker("main", **given)
    for name in ("alpha", "also", "beta"):
        bench.worker(name, description=f"Is {name}.")
        bench.script(name, f"{name} spoke")
    asked = ("alpha", "also", "beta")
    main = bench.script("main", *(call("worker_call", worker=name, input="x") for name in asked), "done")
    bench.run()
    heard = [each for each in main.tool_results if isinstance(each, str)]
    assert heard == [f"{name} spoke" for name in asked if name in called]
    refused: list[Any] = [each["error"] for each in main.tool_results if not isinstance(each, str)]
    assert {each["code"] for each in refused} <= {"denied"}
    assert all(each["message"].endswith(f"; you can call: {', '.join(called) or 'none'}") for each in refused)
    described = main.infos[0].function_tools[0].description or ""
    assert [line.split(":")[0][2:] for line in described.splitlines() if line.startswith("- ")] == called


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("helpr", "there is no worker 'helpr'; did you mean 'helper'?"),
        ("zzz", "there is no worker 'zzz'; you can call: helper"),
        ("add", "there is no worker 'add'; you can call: helper"),
        ("start", "there is no worker 'start'; you can call: helper"),
        ("shell", "there is no worker 'shell'; you can call: helper"),
        ("worker_call", "there is no worker 'worker_call'; you can call: helper"),
    ],
)
def test_a_name_that_is_no_worker(bench: Bench, name: str, message: str) -> None:
    bench.tools("""
        from llm_do.runtime import EntrySpec
        def add(a: int) -> int:
            return a
        TOOLS = [add]
        async def main(given, ctx): ...
        start = EntrySpec("start", main)
    """)
    main = delegating(bench, call("worker_call", worker=name, input="x"), allow=["[!m]*"])
    bench.worker("helper")
    bench.run("hi", RunApprovalPolicy("approve_all"), entry="main")
    assert error(main) == {"code": "unknown", "message": message}
    (line,) = bench.calls("worker_call")
    assert line["error"]["class"] == "unknown"


def test_the_input_is_checked_before_anybody_is_asked(bench: Bench) -> None:
    turns = ({"n": 1}, {"document": 3}, "a text", {"document": "d", "n": 2})
    main = delegating(
        bench, *(call("worker_call", worker="helper", input=each) for each in turns), allow=["*"]
    )
    bench.worker("helper", input_schema=FIELDS)
    helper = bench.script("helper", "helped")
    asked: list[Any] = []

    def answer(question: Request) -> str:
        asked.append(question.args)
        return "approve"

    bench.run("hi", RunApprovalPolicy(approval_callback=answer), worker_calls_require_approval=True)  # pyright: ignore[reportArgumentType]
    first, second, *good = main.tool_results
    assert first["error"]["code"] == second["error"]["code"] == "bad_input"
    assert "'document' is a required property" in first["error"]["message"]
    assert "document: 3 is not of type 'string'" in second["error"]["message"]
    assert good == ["helped", "helped"]  # a text goes to the one required field
    assert asked == [{"document": "a text"}, {"document": "d", "n": 2}]
    assert len(helper.requests) == 2


def test_the_tool_describes_inputs_of_their_own_form(bench: Bench) -> None:
    main = delegating(bench, allow=["*"])
    bench.worker("helper", description="Helps\nwell.", input_schema=FIELDS)
    bench.worker("broken", input_schema="gone.py:Gone")
    bench.worker("other")
    bench.run()
    described = (main.infos[0].function_tools[0].description or "").splitlines()
    assert described[-4:] == [
        "- broken: Do it.",
        (
            '- helper: Helps well. Input: {"type": "object", "properties": {"document": {"type": "string"}, '
            '"n": {"type": "integer"}}, "required": ["document"]}'
        ),
        "- main: Do it.",
        "- other: Do it.",
    ]


def test_a_worker_with_a_broken_schema_is_an_error_for_the_model(bench: Bench) -> None:
    main = delegating(bench, call("worker_call", worker="broken", input="x"), allow=["*"])
    bench.worker("broken", input_schema="gone.py:Gone")
    bench.run()
    assert error(main)["code"] == "bad_input"
    assert "there is no file 'gone.py'" in error(main)["message"]


def test_a_stub_may_stand_for_a_worker_that_is_not_there(bench: Bench) -> None:
    main = delegating(
        bench,
        call("worker_call", worker="later", input="x"),
        call("worker_call", worker="never", input="x"),
        allow=["later"],
    )
    bench.run("hi", substitutes=stubs("later", "never"))
    assert main.tool_results[0] == {"stubbed": {"input": "x"}}
    assert error(main)["code"] == "unknown"
    assert [each["impl"] for each in bench.calls("later")] == ["stub"]


def test_a_stub_of_the_tool_itself_gets_what_the_model_sent(bench: Bench) -> None:
    main = delegating(bench, call("worker_call", worker="anything", input="x"))
    bench.run("hi", substitutes=stubs("worker_call"))
    assert main.tool_results == [{"stubbed": {"worker": "anything", "input": "x"}}]


@pytest.mark.policy("registry-self-call")
@pytest.mark.parametrize("tool", ["worker_call", "main"])
def test_a_worker_that_calls_itself_stops_at_the_limit_with_one_error(bench: Bench, tool: str) -> None:
    bench.worker("main", toolsets=["worker_tools", "main"])
    args = {"worker": "main", "input": "x"} if tool == "worker_call" else {"input": "x"}
    model = FunctionModel(
        lambda messages, _: response(
            "done" if any(isinstance(p, ToolReturnPart) for p in messages[-1].parts) else call(tool, **args)
        )
    )
    assert bench.run("hi", models={"main": model}, max_depth=3) == "done"
    failed = [each for each in bench.calls() if not each["ok"]]
    assert [each["error"]["type"] for each in failed] == ["depth"]
    assert failed[0]["error"]["message"].startswith("main > main > main > main > main would be at depth 4")
    assert sorted(each["depth"] for each in bench.calls() if each["ok"]) == [0, 1, 2, 3]
