"""Journal events as a tree of calls, and comparisons of what was called."""

from __future__ import annotations

from typing import Any

import pytest

from llm_do_eval.trajectory import Run, Tools, call_tree, models, responses, tools_misused


def call(seq: int, name: str, parent: str | None = None, **fields: Any) -> dict[str, Any]:
    return {
        "kind": "call",
        "run": "r",
        "id": f"c{seq}",
        "parent": parent,
        "seq": seq,
        "name": name,
        "impl": "worker",
        "ok": True,
        **fields,
    }


# a journal writes a call when it ends: children before their caller, the first called not always first
EVENTS = [
    {"kind": "run", "run": "r"},
    call(4, "lookup", parent="c2", model="x:b"),
    call(5, "send", parent="c0", ok=False, error={"type": "denied", "message": "no", "class": "denied"}),
    call(2, "classify", parent="c0", model="x:b"),
    call(1, "lookup", parent="c0"),
    call(0, "triage", model="x:a"),
]


def test_the_tree_is_in_the_order_of_starting() -> None:
    root = call_tree(EVENTS)
    assert (root.name, [each.name for each in root]) == ("triage", ["lookup", "classify", "send"])
    assert [each.name for each in root.walk()] == ["lookup", "classify", "lookup", "send"]
    send = root.children[-1]
    assert not send.ok
    assert send.error
    assert send.error.type == "denied"
    run = Run(output="done", calls=root)
    assert run.tools == Tools(["lookup", "classify", "send"], ["lookup", "classify", "lookup", "send"])
    assert models(EVENTS) == {"x:a", "x:b"}


@pytest.mark.parametrize(
    ("names", "exact", "in_order", "any_order"),
    [
        (["a", "b", "a"], True, True, True),
        (["a", "b"], False, True, True),
        (["b", "a"], False, True, True),
        (["b", "b"], False, False, False),
        (["a", "a", "b"], False, False, True),
        (["c"], False, False, False),
        ([], False, True, True),
    ],
)
def test_three_ways_to_compare(names: list[str], *, exact: bool, in_order: bool, any_order: bool) -> None:
    tools = Tools(["a", "b", "a"], [])
    assert tools.match(names) == tools.match(names, order="exact") == exact
    assert tools.match(names, order="in_order") == in_order
    assert tools.match(names, order="any_order") == any_order


@pytest.mark.parametrize(
    ("names", "apart"),
    [
        (["a", "b", "a"], 0),
        (["a", "a"], 1),
        (["b", "a", "a"], 2),
        (["a", "c", "a"], 1),
        ([], 3),
        (["x", "a", "b", "a", "y"], 2),
    ],
)
def test_calls_and_their_order_are_numbers_too(names: list[str], apart: int) -> None:
    tools = Tools(["a", "b", "a"], ["a", "c", "b", "c", "a"])
    assert tools.distance(names) == apart
    assert (tools.count("a"), tools.count("c"), tools.count("d")) == (2, 2, 0)
    assert Tools([], []).distance(names) == len(names)


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(ValueError, match="order is 'sorted'; write exact, in_order or any_order"):
        Tools([], []).match([], order="sorted")  # pyright: ignore[reportArgumentType]


ANSWER = {"id": "chatcmpl-1", "at": "2026-01-02 03:04:05+00:00", "model": "gpt-x-0102"}


def test_answers_of_providers_are_told_apart_by_id_and_time() -> None:
    events = [
        {"kind": "message", "call": "c0"},
        call(0, "triage", model="openai:gpt-x", responses=[ANSWER, ANSWER | {"at": None}]),
        call(1, "classify", model="openai:gpt-x", responses=[ANSWER]),
        call(2, "lookup", model="openai:gpt-x"),
    ]
    first, undated, again = responses(events)
    assert (first.model, first.answered_by, first.varies) == ("openai:gpt-x", "gpt-x-0102", True)
    assert first.key == again.key != undated.key


@pytest.mark.parametrize(
    ("settings", "varies"),
    [
        (None, True),
        ({}, True),
        ({"temperature": 0.2}, True),
        ({"temperature": 0}, False),
        ({"temperature": 0.0}, False),
        ({"seed": 0}, False),
    ],
)
def test_settings_that_fix_the_answer_are_known(settings: Any, *, varies: bool) -> None:
    [answer] = responses([call(0, "triage", settings=settings, responses=[ANSWER])])
    assert answer.varies is varies


def failed(seq: int, name: str, group: str, **fields: Any) -> dict[str, Any]:
    return call(seq, name, ok=False, error={"type": "x", "message": "y", "class": group}, **fields)


@pytest.mark.parametrize(
    ("group", "turn", "ended", "misused"),
    [
        ("unknown", 2, "format", True),
        ("bad_input", 2, "format", True),
        ("bad_input", 1, "format", False),
        ("tool", 2, "format", False),
        ("unknown", 2, "truncation", False),
    ],
)
def test_a_worker_that_fails_at_a_wrong_call_misused_a_tool(
    group: str, turn: int, ended: str, *, misused: bool
) -> None:
    wrong = failed(1, "lookup", group, parent="c0", turn=turn)
    assert tools_misused([wrong, failed(0, "triage", ended, requests=2)]) is misused
