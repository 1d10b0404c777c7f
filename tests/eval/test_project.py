"""What runs of one project under test share, and what each has of its own."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from llm_do.errors import UsageError
from llm_do.project.spec import WorkerSpec
from llm_do_eval.project import ProjectUnderTest

if TYPE_CHECKING:
    from pathlib import Path

MAIN = """---
name: main
entry: true
toolsets: [helper]
input_schema: {type: object, properties: {topic: {type: string}}, required: [topic]}
output_schema: {type: object, properties: {word: {type: string}}, required: [word]}
---
Do.
"""
HELPER = """---
name: helper
input_schema: {type: object, properties: {number: {type: integer}}, required: [number]}
---
Help.
"""


@pytest.fixture
def project(tmp_path: Path) -> ProjectUnderTest:
    (tmp_path / "main.worker").write_text(MAIN, encoding="utf-8")
    (tmp_path / "helper.worker").write_text(HELPER, encoding="utf-8")
    return ProjectUnderTest([tmp_path / "main.worker", tmp_path / "helper.worker"])


def run(project: ProjectUnderTest, model: FunctionModel) -> Any:
    return project.runtime(model=model).run(project.entry(None), {"topic": "x"}).output


def test_a_worker_that_one_run_makes_is_unknown_to_another(project: ProjectUnderTest) -> None:
    first, second = project.entry(None).registry, project.entry(None).registry
    first.add_workers([WorkerSpec("made")])
    assert "made" in first.names
    assert "made" not in second.names
    assert "made" not in project.entry(None).registry.names


def test_what_one_run_links_anew_stays_linked_in_another(project: ProjectUnderTest) -> None:
    first, second = project.entry(None).registry, project.entry(None).registry
    first.replace_worker(WorkerSpec("helper", instructions="Other."))
    assert first.workers["main"].links == (first.workers["helper"],)
    assert second.workers["main"].links == (second.workers["helper"],)
    assert second.workers["helper"].spec.instructions == "Help."
    assert first.workers["helper"].spec.instructions == "Other."


def test_schemas_and_agents_that_answer_in_text_are_made_once_for_all_runs(project: ProjectUnderTest) -> None:
    def answer(_: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        return ModelResponse([ToolCallPart(info.output_tools[0].name, {"word": "hi"})])

    first, second = project.entry(None), project.entry(None)
    project.runtime(model=FunctionModel(answer)).run(first, {"topic": "x"})
    ran, fresh = first.registry.workers, second.registry.workers
    assert sorted(fresh["helper"].resolved) == ["agent", "input", "output"]
    assert sorted(fresh["main"].resolved) == ["input", "output"]
    assert ("agent" in ran["main"].made, "tool" in ran["helper"].made) == (True, True)
    assert (fresh["main"].made, fresh["helper"].made) == ({}, {})


def test_what_a_model_does_to_what_it_is_told_stays_in_its_run(project: ProjectUnderTest) -> None:
    told: list[Any] = []

    def answer(_: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        schemas = [each.parameters_json_schema for each in (*info.function_tools, *info.output_tools)]
        told.append(copy.deepcopy(schemas))
        for each in schemas:
            each["properties"].clear()
            each["required"].clear()
        return ModelResponse([ToolCallPart(info.output_tools[0].name, {"word": "hi"})])

    assert run(project, FunctionModel(answer)) == {"word": "hi"}
    assert run(project, FunctionModel(answer)) == {"word": "hi"}
    assert told[0] == told[1]
    assert [sorted(each["properties"]) for each in told[0]] == [["number"], ["word"]]


def test_an_input_of_one_run_is_checked_like_that_of_another(project: ProjectUnderTest) -> None:
    def loosen(_: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        if info.function_tools:
            info.function_tools[0].parameters_json_schema["required"].clear()
            return ModelResponse([ToolCallPart(info.output_tools[0].name, {"word": "hi"})])
        return ModelResponse([TextPart("helped")])

    run(project, FunctionModel(loosen))
    helper = project.entry("helper")
    with pytest.raises(UsageError, match="input of 'helper'"):
        project.runtime(model=FunctionModel(loosen)).run(helper, {})
    assert project.runtime(model=FunctionModel(loosen)).run(helper, {"number": 1}).output == "helped"
