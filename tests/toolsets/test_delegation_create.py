from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from delegating import ASK, FILE, POET, create, error, kept, maker, told
from gated import Answers, logged
from scripted import Bench, call

from llm_do.canonical import digest
from llm_do.runtime import Decision, Request, RunApprovalPolicy

if TYPE_CHECKING:
    from llm_do.journal import Event

# -- who may, and who decides


@pytest.mark.parametrize("workers", [{}, {"allow": ["*"]}, {"create": False}])
def test_the_tool_is_offered_only_where_workers_may_be_made(bench: Bench, workers: dict[str, Any]) -> None:
    main = maker(bench, create(), workers=workers)
    bench.run("hi", Answers("approve").policy)
    assert [tool.name for tool in main.infos[0].function_tools] == ["worker_call"]
    assert kept(bench) == {}
    (line,) = bench.calls("create_worker")
    assert line["error"]["type"] == "unknown"


@pytest.mark.parametrize(
    "policy",
    [
        RunApprovalPolicy(),
        RunApprovalPolicy("approve_all"),
        RunApprovalPolicy("approve_all", rules=[{"tool": "*", "decision": "approve"}]),
        RunApprovalPolicy("reject_all"),
        RunApprovalPolicy("approve_all", approval_callback=lambda _: "prompt"),
    ],
)
@pytest.mark.policy("app-create-insists")
def test_no_mode_and_no_rule_is_a_humans_yes(bench: Bench, policy: RunApprovalPolicy) -> None:
    main = maker(bench, create(), ASK, approvals=[{"tool": "create_worker", "decision": "approve"}])
    bench.run("hi", policy)
    refused, unknown = main.tool_results
    assert (told(refused)["code"], told(unknown)["code"]) == ("denied", "unknown")
    assert kept(bench) == {}


def test_a_rule_may_forbid_it(bench: Bench) -> None:
    main = maker(bench, create(), approvals=[{"tool": "create_worker", "decision": "reject"}])
    answers = Answers("approve")
    bench.run("hi", answers.policy)
    assert error(main, 0)["code"] == "denied"
    assert (answers.asked, kept(bench)) == ([], {})


def test_a_yes_keeps_what_was_shown_and_the_worker_can_be_called_at_once(bench: Bench) -> None:
    main = maker(bench, create(toolsets=["filesystem_project"]), ASK)
    answers = Answers(Decision("approve_session"))
    bench.run("hi", answers.policy)
    (question,) = answers.asked
    assert not question.session_offered
    assert question.preview is not None
    assert kept(bench) == {"poet.worker": question.preview.text}
    assert '# asked for, not granted: toolsets: ["filesystem_project"]' in question.preview.text
    assert "a yes grants no toolset (filesystem_project)" in question.description
    assert main.tool_results == [
        {"created": "poet", "file": "workers/generated/poet.worker", "toolsets": [],
         "not_granted": ["filesystem_project"]},
        "drip",
    ]  # fmt: skip
    (line,) = bench.calls("poet")
    assert line["spec"] == digest(question.preview.text)
    assert bench.scripts["poet"].infos[0].function_tools == []
    assert bench.scripts["poet"].infos[0].instructions == "Rhyme."
    assert "- poet: Rhymes." in (main.infos[1].function_tools[0].description or "")


def test_the_decision_is_written_before_the_file(bench: Bench) -> None:
    maker(bench, create())
    seen: dict[str, bool] = {}

    def note(event: Event) -> None:
        if event.get("name") == "create_worker":
            seen[event["kind"]] = bool(kept(bench))

    bench.run("hi", Answers("approve").policy, on_event=note)
    assert seen == {"approval": False, "call": True}


def test_only_its_maker_may_call_it_in_the_same_run(bench: Bench) -> None:
    main = maker(
        bench, create(), call("other", input="x"), ASK, toolsets=["worker_tools", "other"],
        workers={"create": True, "allow": ["other"]},
    )  # fmt: skip
    bench.worker("other", toolsets=["worker_tools"], workers={"create": True})
    other = bench.script("other", ASK, "tried")
    bench.run("hi", Answers("approve").policy)
    assert error(other, 0)["code"] == "denied"
    assert main.tool_results[1:] == ["tried", "drip"]


# -- edits


def test_an_edited_definition_grants_what_it_holds(bench: Bench) -> None:
    bench.write("a.txt", "rain")
    maker(bench, create(toolsets=["filesystem_project"]), ASK)
    poet = bench.script("poet", call("read_file", path="a.txt"), "drip")

    def edit(question: Request) -> Decision:
        text = question.preview.text if question.preview else ""
        edited = text.replace("name: poet", "name: poet\ntoolsets: [filesystem_project_ro]")
        return Decision("modify", args={**question.args, "definition": edited})

    bench.run("hi", Answers(lambda asked: edit(asked) if asked.tool == "create_worker" else "approve").policy)
    assert "toolsets: [filesystem_project_ro]" in kept(bench)["poet.worker"]
    assert poet.tool_results == ["rain"]
    assert next(each["decision"] for each in bench.of("approval")) == "modify"


def test_edited_arguments_grant_the_toolsets_in_them(bench: Bench) -> None:
    main = maker(bench, create(toolsets=["a", "b"]))
    bench.run(
        "hi",
        Answers(Decision("modify", args={**POET, "toolsets": ["filesystem_project_ro"]})).policy,
    )
    assert main.tool_results[0]["toolsets"] == ["filesystem_project_ro"]
    assert "toolsets:\n- filesystem_project_ro\n" in kept(bench)["poet.worker"]
    assert "asked for" not in kept(bench)["poet.worker"]


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ("nonsense", "must begin with a '---' line"),
        (FILE.replace("name: poet", "name: poet\ntoolsets: [gone]"), "names 'gone' in toolsets"),
        (FILE.replace("poet", "main"), "the name 'main' is taken by 'main' ("),
        (FILE.replace("poet", "shell"), "the name 'shell' is taken by a built-in tool"),
        (FILE.replace("name: poet", "name: poet\nentry: true"), "a created worker cannot be the entry"),
    ],
)
def test_an_edit_that_is_wrong_keeps_nothing(bench: Bench, definition: str, message: str) -> None:
    main = maker(bench, create(), ASK)
    with logged("an edit of 'create_worker' by the approval callback"):
        bench.run("hi", Answers(Decision("modify", args={**POET, "definition": definition})).policy)
    wrong, unknown = main.tool_results
    assert message in told(wrong)["message"]
    assert told(unknown)["code"] == "unknown"
    assert kept(bench) == {}


@pytest.mark.policy("app-create-no-rights")
def test_a_model_cannot_write_the_definition_itself(bench: Bench) -> None:
    main = maker(bench, create(definition=FILE))
    answers = Answers("approve")
    bench.run("hi", answers.policy)
    assert error(main, 0)["code"] == "bad_input"
    assert (answers.asked, kept(bench)) == ([], {})
    assert "definition" not in main.infos[0].function_tools[1].parameters_json_schema["properties"]


def test_the_edit_of_another_call_is_no_edit_of_this_one(bench: Bench) -> None:
    """A caller whose own arguments were edited has no more rights than before."""
    maker(bench, create(definition=FILE))
    bench.worker("outer", toolsets=["main"])
    bench.script("outer", call("main", input="x"), "done")
    answers = Answers(Decision("modify", args={"input": "y"}))
    bench.run("hi", answers.policy, entry="outer", worker_calls_require_approval=True)
    assert [each.tool for each in answers.asked] == ["main"]
    assert kept(bench) == {}
