"""A worker that Python makes obeys the rules of worker files, and may be written as in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel
from scripted import answer, call

from llm_do.approval import Rule
from llm_do.errors import SpecError
from llm_do.project.spec import SandboxSpec, WorkerAccess, definition_digest
from llm_do.runtime import AgentSpec, RunApprovalPolicy, WorkerArgs

if TYPE_CHECKING:
    from scripted import Bench

ANY: Any = AgentSpec
"""The class, for calls that a type checker would refuse."""


class Question(WorkerArgs):
    topic: str


class Label(BaseModel):
    label: str


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"toolsets": "filesystem_project"}, "'toolsets' must be a list, found text 'filesystem_project'"),
        ({"toolsets": {"a"}}, "'toolsets' must be a list, found a set"),
        ({"toolsets": ["a", "a"]}, "'a' stands twice in 'toolsets'; keep one"),
        ({"workers": {"alow": ["*"]}}, "unknown key 'alow' in 'workers'; did you mean 'allow'?"),
        ({"approvals": [{"tool": "*", "decision": "no"}]}, "'approvals.0.decision' must be one of approve,"),
        ({"template": "jinja"}, "'template' must be one of plain, jinja2, found text 'jinja'; did you mean"),
        ({"temperature": "hot"}, "'temperature' must be a number, at least 0, found text 'hot'"),
        ({"retries": "2"}, "'retries' must be a whole number, at least 0, found text '2'"),
        ({"sandboxes": {"in": {"pth": "."}}}, "unknown key 'pth' in 'sandboxes.in'; did you mean 'path'?"),
        ({"instructions": None}, "'instructions' must be text, found nothing (null)"),
        ({"input_schema": 3}, "'input_schema' must be text, found number 3"),
        ({"model_settings": {1: 2}}, "unknown key '1' in 'model_settings'"),
    ],
)
def test_values_of_other_types_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        ANY("a", **given)
    assert str(caught.value).startswith(f"AgentSpec 'a': {message}")


@pytest.mark.parametrize("name", [3, None, "a b"])
def test_a_name_is_a_text_of_its_form(name: Any) -> None:
    with pytest.raises(SpecError, match=r"name.* must be"):
        ANY(name)


def test_values_may_be_written_as_in_a_file() -> None:
    spec = ANY(
        "a",
        toolsets=["b"],
        workers={"allow": ["*"]},
        approvals=[{"tool": "*", "decision": "reject"}, Rule("x")],
        sandboxes={"in": {"path": "."}},
    )
    assert spec == AgentSpec(
        "a",
        toolsets=("b",),
        workers=WorkerAccess(("*",)),
        approvals=(Rule("*", decision="reject"), Rule("x")),
        sandboxes={"in": SandboxSpec(".")},
    )


def test_schemas_may_be_classes(bench: Bench) -> None:
    typed = AgentSpec("typed", input_schema=Question, output_schema=Label)
    bench.worker("main", toolsets=["worker_tools"], workers={"allow": ["typed"]})
    calls = [
        call("worker_call", worker="typed", input={"topic": "x"}),
        call("worker_call", worker="typed", input={}),
    ]
    main = bench.script("main", *calls, "done")
    bench.script("typed", answer({"label": "y"}))
    runtime = bench.runtime(RunApprovalPolicy("approve_all"))
    runtime.register_agents({"typed": typed})
    runtime.run(bench.build().entry, "hi")
    assert main.tool_results[0] == {"label": "y"}
    assert "topic: Field required" in str(main.tool_results[1])
    assert definition_digest(typed) != definition_digest(AgentSpec("typed", input_schema=Question))


def test_a_class_that_is_no_input_is_refused(bench: Bench) -> None:
    bench.worker("main", toolsets=["worker_tools"], workers={"allow": ["typed"]})
    main = bench.script("main", call("worker_call", worker="typed", input="x"), "done")
    runtime = bench.runtime()
    runtime.register_agents({"typed": AgentSpec("typed", input_schema=Label)})
    runtime.run(bench.build().entry, "hi")
    assert "input_schema 'Label' is no subclass of llm_do.runtime.WorkerArgs" in str(main.tool_results)
