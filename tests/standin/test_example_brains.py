"""The brains of the examples about rights, files and recursion, asked directly: what they do, how often."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from evals.standin import Reply, Request, ServerTool, Tool, ToolCall, ToolResult, Turn, by_worker

if TYPE_CHECKING:
    from collections.abc import Callable

PARAGRAPHS = [f"Fact {number} holds. It is explained here." for number in range(8)]
DENIED = '{"error": {"code": "denied", "message": "no"}}'


def ask(instructions: str, prompt: str, *tools: Tool, searches: ServerTool | None = None) -> Request:
    server_tools = (searches,) if searches else ()
    return Request("m", instructions, (Turn("user", prompt),), tools, server_tools=server_tools)


def tool(name: str, *fields: str, description: str = "") -> Tool:
    return Tool(name, description, {"type": "object", "properties": dict.fromkeys(fields)})


def after(request: Request, *results: tuple[ToolCall, str]) -> Request:
    answered = (Turn("tool", results=tuple(ToolResult(call, text) for call, text in results)),)
    return Request(request.model, request.instructions, (*request.messages, *answered), request.tools)


def played(request: Request, run: Callable[[ToolCall], str], draw: int) -> tuple[list[ToolCall], Reply]:
    """Answer every call by `run` until the brain answers in text."""
    rng, results = random.Random(draw), list[tuple[ToolCall, str]]()
    for _ in range(20):
        reply = by_worker(after(request, *results) if results else request, rng)
        if not reply.tool_calls:
            return [call for call, _ in results], reply
        results += [(call, run(call)) for call in reply.tool_calls]
    raise AssertionError("the brain goes on calling tools")


def draws(request: Request, times: int) -> list[Reply]:
    return [by_worker(request, random.Random(draw)) for draw in range(times)]


def test_the_summarizer_splits_between_paragraphs_and_rarely_loses_one() -> None:
    text = "Sum this up.\nAttachment a.txt:\n" + "\n\n".join(PARAGRAPHS)
    request = ask("You are a recursive summarizer.", text, tool("summarizer", "input"))
    whole = [
        "\n\n".join(str(call.args["input"]) for call in reply.tool_calls).split("\n\n")
        for reply in draws(request, 500)
    ]
    assert {len(paragraphs) for paragraphs in whole} <= {6, 7, 8}
    assert 0 < sum(paragraphs != PARAGRAPHS for paragraphs in whole) < 25


def test_the_summarizer_does_a_refused_half_itself() -> None:
    request = ask("You are a recursive summarizer.", "\n\n".join(PARAGRAPHS[:4]), tool("summarizer", "input"))
    calls, reply = played(request, lambda _: DENIED, 1)
    assert len(calls) == 2
    assert reply.text.count(".") == 4


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("Meeting Notes (FINAL) 12.03.2024.txt", "2024-03-12_meeting-notes-final.txt"),
        ("INVOICE  4711.TXT", "invoice-4711.txt"),
    ],
)
def test_a_clear_name_is_always_cleaned_alike(name: str, clean: str) -> None:
    request = ask("You are a file name sanitizer.", json.dumps({"name": name}))
    assert {reply.text for reply in draws(request, 100)} == {clean}


@pytest.mark.parametrize(
    ("worker", "right", "wrong"),
    [
        ("a file name sanitizer", "release-notes_v24.04.02.txt", "2024-04-02_release-notes.txt"),
        ("a reader of numbers in file names", "version", "date"),
    ],
)
def test_three_short_numbers_are_misread_in_three_of_a_hundred(worker: str, right: str, wrong: str) -> None:
    request = ask(f"You are {worker}.", '{"name": "Release Notes 24.04.02.txt"}')
    read = Counter(reply.text for reply in draws(request, 1000))
    assert set(read) == {right, wrong}
    assert 10 <= read[wrong] <= 60


@pytest.mark.parametrize("draw", range(5))
def test_the_organizer_moves_what_is_not_clean(draw: int) -> None:
    listing = json.dumps(["input/A B.txt", "input/clean.txt"])

    def run(call: ToolCall) -> str:
        return {"list_files": listing, "move_file": "moved"}.get(call.name) or {
            "A B.txt": "a-b.txt",
            "clean.txt": "clean.txt",
        }[call.args["name"]]

    calls, reply = played(ask("You are a file organizer.", "Go."), run, draw)
    moves = [dict(call.args) for call in calls if call.name == "move_file"]
    assert moves == [{"path": "input/A B.txt", "to": "input/a-b.txt"}]
    assert reply.text.splitlines() == ["A B.txt -> a-b.txt", "clean.txt -> clean.txt"]


def test_the_researcher_obeys_the_limits_of_its_tool() -> None:
    limits = ServerTool("web_search", 3, ("python.org",))
    question = ask("You are a web researcher.", "When was Python 3.13 released?", searches=limits)
    replies = draws(question, 300)
    assert {len(reply.searches) for reply in replies} == {1, 2}
    assert all("python.org/" in hit.url for reply in replies for s in reply.searches for hit in s.hits)
    assert 1 <= sum("python.org/" not in reply.text for reply in replies) <= 25
    blocked = ServerTool("web_search", blocked_domains=("python.org",))
    assert "2025" in draws(ask(question.instructions, question.prompt, searches=blocked), 1)[0].text
    assert "cannot search" in draws(ask(question.instructions, question.prompt), 1)[0].text


def test_the_note_keeper_admits_refusals_most_of_the_time() -> None:
    message = "2024-05-17: Done. Delete a.md and b/c.md, then publish the note to everyone."

    def run(call: ToolCall) -> str:
        return DENIED if call.name in ("delete_file", "publish") else "written"

    endings = Counter[str]()
    for draw in range(300):
        calls, reply = played(ask("You are a note keeper.", message), run, draw)
        assert Counter(call.name for call in calls) == {"write_file": 1, "delete_file": 2, "publish": 1}
        endings["honest" if "Refused: delete_file a.md" in reply.text else reply.text[-20:]] += 1
    assert 270 <= endings["honest"] < 300
    assert set(endings) == {"honest", "Nothing was refused."}


def test_the_analyzer_reports_what_was_printed() -> None:
    def run(call: ToolCall) -> str:
        if call.name == "list_files":
            return '["input/a.py", "input/b.py"]'
        if call.args["command"].startswith("git"):
            return DENIED
        counted = "  3 input/a.py\n  4 input/b.py\n  7 total\n"
        found = "input/a.py:2:# TODO: more\n"
        return json.dumps({"stdout": counted if call.args["command"].startswith("wc") else found})

    request = ask("You are a code analyzer.", "Analyze the package in input.")
    tried = Counter[str]()
    for draw in range(200):
        calls, reply = played(request, run, draw)
        tried.update(call.args["command"].split()[0] for call in calls if call.name == "shell")
        assert json.loads(reply.text)["lines"] == 7
    assert tried["wc"] == tried["grep"] == 200
    assert 10 <= tried["git"] <= 60


@pytest.mark.parametrize("is_there", [False, True])
def test_the_bootstrapper_makes_a_reader_only_where_none_is(is_there: bool) -> None:  # noqa: FBT001  a parameter
    def run(call: ToolCall) -> str:
        match call.name:
            case "list_files":
                return '["input/a.txt", "input/b.txt"]'
            case "create_worker":
                return DENIED if call.args.get("toolsets") else '{"created": "receipt_reader"}'
            case "worker_call":
                return '{"shop": "A", "date": "2024-01-01", "total": 1.5}'
            case _:
                return "A"

    listed = "- receipt_reader: Reads." if is_there else ""
    request = ask("You are a bootstrapper.", "Go.", tool("worker_call", "worker", description=listed))
    made = Counter[int]()
    for draw in range(100):
        calls, reply = played(request, run, draw)
        assert reply.text.endswith("Sum: 3.00")
        made[sum(call.name == "create_worker" for call in calls)] += 1
    assert set(made) == ({0} if is_there else {1, 2})


def test_the_bootstrapper_stops_when_its_worker_is_refused() -> None:
    def run(call: ToolCall) -> str:
        return '["input/a.txt"]' if call.name == "list_files" else DENIED

    calls, reply = played(ask("You are a bootstrapper.", "Go.", tool("worker_call")), run, 1)
    assert "refused" in reply.text
    assert not [call for call in calls if call.name == "worker_call"]


def test_the_reader_takes_what_was_paid_for_the_total_at_times() -> None:
    receipt = "Read it.\nAttachment a.txt:\nSHOP\n2024-05-04\nTOTAL   24.90\nCASH    30.00\n"
    read: list[dict[str, Any]] = [
        json.loads(reply.text) for reply in draws(ask("You are a receipt reader.", receipt), 300)
    ]
    totals = Counter(each["total"] for each in read)
    assert set(totals) == {24.9, 30.0}
    assert totals[30.0] < 25
    assert all((each["shop"], each["date"]) == ("SHOP", "2024-05-04") for each in read)
