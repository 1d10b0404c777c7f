"""The brains of the example workers, asked directly: what they answer and how often."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from evals.standin import Attachment, Reply, Request, Tool, ToolResult, Turn, by_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DECK = (
    "# Aurora Energy\nThe founder has sold two firms. A billion dollar market. No revenue yet, one customer."
)
INSTRUCTIONS = "You are a pitch deck orchestrator.\nThe decks are in `input/`."


def ask(instructions: str, prompt: str, *tools: Tool, files: tuple[Attachment, ...] = ()) -> Request:
    return Request("m", instructions, (Turn("user", prompt, files),), tools)


def tool(name: str, *fields: str) -> Tool:
    return Tool(name, "", {"type": "object", "properties": dict.fromkeys(fields)})


def texts(request: Request, times: int) -> list[str]:
    return [by_worker(request, random.Random(draw)).text for draw in range(times)]


def worked_out(
    request: Request, bodies: Mapping[str, Callable[..., Any]], rng: random.Random
) -> tuple[Request, Reply]:
    """Play the client: run the tools that the brain calls until it answers in text."""
    for _ in range(20):
        reply = by_worker(request, rng)
        if not reply.tool_calls:
            return request, reply
        results = tuple(
            ToolResult(call, json.dumps(bodies[call.name](**call.args))) for call in reply.tool_calls
        )
        turns = (Turn("assistant", tool_calls=reply.tool_calls), Turn("tool", results=results))
        request = replace(request, messages=request.messages + turns)
    raise AssertionError("the brain goes on calling tools")


def test_the_first_line_chooses_the_brain() -> None:
    assert by_worker(ask("Be brief.\nYou are a calculator.", "Hi"), random.Random(1)) == Reply(
        "Thank you. You said: Hi"
    )
    assert "calculation" in by_worker(ask("\nYou are a Calculator.", "Hi"), random.Random(1)).text


def test_the_greeter_varies_and_often_says_the_name() -> None:
    greetings = texts(ask("You are a friendly greeter.", "Hello, my name is Ada."), 300)
    assert len(set(greetings)) > 20
    assert 170 <= sum("Ada" in greeting for greeting in greetings) <= 230
    assert not any("Ada" in greeting for greeting in texts(ask("You are a friendly greeter.", "Hello"), 50))


@pytest.mark.parametrize(
    ("ticket", "label"),
    [
        ("I was charged twice, please refund one.", "billing"),
        ("The app crashes with an error on start.", "bug"),
        ("I forgot my password and cannot log in.", "account"),
        ("Where is your office? We are a billion strong.", "other"),
    ],
)
def test_a_clear_ticket_always_gets_its_label(ticket: str, label: str) -> None:
    assert set(texts(ask("You are a ticket classifier.", ticket), 300)) == {label}


def test_an_ambiguous_ticket_is_mistaken_in_three_of_a_hundred() -> None:
    ticket = "There is a charge on my card that I see only after login."
    labels = Counter(texts(ask("You are a ticket classifier.", ticket), 2000))
    assert set(labels) == {"billing", "account"}
    assert 30 <= labels["account"] <= 90


def test_the_classifier_answers_in_the_form_asked_for() -> None:
    request = ask("You are a ticket classifier.", "The app crashes.")
    offered = replace(request, tools=(tool("final_result", "label"),))
    [call] = by_worker(offered, random.Random(1)).tool_calls
    assert (call.name, call.args) == ("final_result", {"label": "bug"})
    native = by_worker(replace(request, output_schema={"type": "object"}), random.Random(1))
    assert json.loads(native.text) == {"label": "bug"}


@pytest.mark.parametrize(
    "files",
    [
        (Attachment("text/plain", DECK.encode()),),
        (Attachment("application/pdf", f"%PDF-1.4 BT ({DECK.splitlines()[0]}) Tj".encode()),),
        (Attachment("application/pdf", b"%PDF-1.7 compressed \x00\x01"),),
        (),
    ],
)
def test_the_evaluator_scores_decks_in_every_form(files: tuple[Attachment, ...]) -> None:
    request = ask("You are a pitch deck evaluator.", "Evaluate this." if files else DECK, files=files)
    answers = [json.loads(text) for text in texts(request, 50)]
    for answer in answers:
        assert set(answer) == {"summary", "scores", "red_flags"}
        assert set(answer["scores"]) == {"team", "market", "product"}
        assert all(1 <= score <= 10 for score in answer["scores"].values())
    assert len({json.dumps(answer) for answer in answers}) > 5


def test_the_evaluator_reads_red_flags_and_the_title_from_the_deck() -> None:
    request = ask(
        "You are a pitch deck evaluator.", "Go", files=(Attachment("text/markdown", DECK.encode()),)
    )
    answers = [json.loads(text) for text in texts(request, 100)]
    assert all(answer["summary"].startswith("Aurora Energy: ") for answer in answers)
    flags = Counter(tuple(answer["red_flags"]) for answer in answers)
    assert set(flags) == {("No revenue yet", "Depends on one customer"), ("No revenue yet",)}
    assert 80 <= flags[("No revenue yet", "Depends on one customer")] <= 98


@pytest.mark.parametrize("draw", range(5))
@pytest.mark.parametrize(
    ("lister", "listing"),
    [
        (tool("list_files", "path", "pattern"), ["input/a.pdf", "input/b.txt", "input/photo.png"]),
        (
            tool("list_pitchdecks"),
            [{"file": "input/a.pdf", "output_path": "evaluations/a.md"}, "input/b.txt"],
        ),
    ],
)
def test_the_orchestrator_evaluates_every_deck_and_reports(
    lister: Tool, listing: list[Any], draw: int
) -> None:
    written: dict[str, str] = {}
    evaluation: dict[str, Any] = {
        "summary": "s",
        "scores": {"team": 5, "market": 6, "product": 7},
        "red_flags": [],
    }

    def listed(path: str = "input") -> list[Any]:
        return listing if path == "input" else []

    def evaluated(**args: Any) -> dict[str, Any]:
        return evaluation if len(args["attachments"]) == 1 else {}

    def write(path: str, content: str) -> str:
        written[path] = content
        return "written"

    bodies = {lister.name: listed, "pitch_evaluator": evaluated, "write_file": write}
    tools = (lister, tool("pitch_evaluator", "input", "attachments"), tool("write_file", "path", "content"))
    asked, reply = worked_out(ask(INSTRUCTIONS, "Go.", *tools), bodies, random.Random(draw))
    assert set(written) == {"evaluations/a.md", "evaluations/b.md"}
    assert json.dumps(evaluation) in written["evaluations/a.md"]
    called = Counter(result.call.name for result in asked.results)
    assert called == {lister.name: 1, "pitch_evaluator": 2, "write_file": 2}
    assert reply.text.count("18 of 30 points") == 2


def test_the_orchestrator_works_without_attachments_and_after_errors() -> None:
    listings: list[Any] = [["input/a.pdf"], {"error": {"code": "tool_error", "message": "no folder"}}]

    def listed() -> Any:
        return listings.pop(0)

    def denied(**_args: Any) -> dict[str, Any]:
        return {"error": {"code": "denied", "message": "not now"}}

    bodies = {"list_pitchdecks": listed, "worker_call": denied}
    tools = (tool("list_pitchdecks"), tool("worker_call", "worker", "input"))
    asked, reply = worked_out(ask(INSTRUCTIONS, "Go.", *tools), bodies, random.Random(1))
    assert asked.results[1].call.args == {
        "worker": "pitch_evaluator",
        "input": "Evaluate the pitch deck input/a.pdf",
    }
    assert reply.text.endswith("input/a.pdf: no scores")
    assert worked_out(ask(INSTRUCTIONS, "Go.", *tools), bodies, random.Random(1))[1] == Reply(
        "I found no pitch decks."
    )


@pytest.mark.parametrize(
    ("prompt", "calls", "number"),
    [
        ("What is 12 * 7 + 3?", ["multiply", "add"], "87"),
        ("(1 + 2) × -4.", ["add", "multiply"], "-12"),
        ("Compute 7 / 2 - 1", [], "2.5"),
        ("2*3 + 2*3", ["multiply", "add"], "12"),
        ("3 + 4 * 5", ["multiply", "add"], "23"),
    ],
)
def test_the_calculator_calls_a_tool_for_each_operation_offered(
    prompt: str, calls: list[str], number: str
) -> None:
    def add(a: float, b: float) -> float:
        return a + b

    def multiply(a: float, b: float) -> float:
        return a * b

    bodies = {"add": add, "multiply": multiply}
    tools = (tool("add", "a", "b"), tool("multiply", "a", "b"))
    asked, reply = worked_out(ask("You are a calculator.", prompt, *tools), bodies, random.Random(1))
    assert [result.call.name for result in asked.results] == calls
    assert number in reply.text


@pytest.mark.parametrize("prompt", ["Tell me a joke", "1 / 0", "(1 + 2", "7 // 2"])
def test_the_calculator_says_what_it_cannot_do(prompt: str) -> None:
    assert texts(ask("You are a calculator.", prompt), 1)[0].startswith(("Please", "I cannot"))


def test_the_calculator_stops_when_a_tool_fails() -> None:
    def add(x: int, y: int) -> str:
        return f"no {x} and {y}"

    bodies = {"add": add}
    _, reply = worked_out(
        ask("You are a calculator.", "1 + 2", tool("add", "x", "y")), bodies, random.Random(1)
    )
    assert reply.text == 'I cannot work that out: "no 1 and 2"'
