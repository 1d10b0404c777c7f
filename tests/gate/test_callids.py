"""Calls of one response that share an id: each gets its own, and with it its own decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gated import Answers, ran
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart

from llm_do.gate.callids import with_own_ids

if TYPE_CHECKING:
    from collections.abc import Callable

    from scripted import Bench, Script


def ids(*given: str) -> list[str]:
    """The ids of the calls after those given."""
    response = with_own_ids(
        ModelResponse(parts=[TextPart("x"), *(ToolCallPart("t", {}, each) for each in given)])
    )
    return [part.tool_call_id for part in response.parts if isinstance(part, ToolCallPart)]


def test_ids_that_differ_stay() -> None:
    response = ModelResponse(parts=[ToolCallPart("t", {}, "a"), ToolCallPart("t", {}, "b")])
    assert with_own_ids(response) is response
    assert ids() == []


def test_the_second_of_one_id_gets_another_that_nobody_has() -> None:
    assert ids("a", "a", "b", "a") == ["a", "a-2", "b", "a-3"]
    assert ids("a", "a", "a-2", "a-2") == ["a", "a-3", "a-2", "a-2-2"]
    assert ids("", "") == ["", "-2"]


def test_two_calls_of_one_id_are_two_calls_with_a_decision_each(
    bench: Bench, play: Callable[..., Script]
) -> None:
    script = play([ToolCallPart("write", {"path": "a"}, "x"), ToolCallPart("write", {"path": "b"}, "x")])
    answers = Answers(lambda question: "approve" if question.args["path"] == "a" else "reject")
    assert bench.run("hi", answers.policy) == "done"
    assert [each.args for each in answers.asked] == [{"path": "a"}, {"path": "b"}]
    assert ran(bench) == [{"path": "a"}]
    assert script.tool_results[0] == "wrote a x1"
    assert [each["decision"] for each in bench.of("approval")] == ["approve", "reject"]


def test_an_id_shared_with_the_answer_passes_no_decision(bench: Bench, play: Callable[..., Script]) -> None:
    play()
    bench.worker("main", toolsets=["files"], output_schema={"type": "object"})
    calls = [ToolCallPart("write", {"path": each}, "x") for each in ("a", "b")]
    bench.script("main", [calls[0], ToolCallPart("final_result", {}, "x"), calls[1]])
    bench.run("hi", Answers("reject").policy)
    assert ran(bench) == []
    assert len(bench.calls("write")) == 2
