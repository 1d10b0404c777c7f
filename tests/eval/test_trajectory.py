"""Journal events as a tree of calls, and comparisons of what was called."""

from __future__ import annotations

from typing import Any

import pytest

from llm_do_eval.trajectory import Run, Tools, call_tree, conversation, models


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


def said(seq: int, text: str, **fields: Any) -> dict[str, Any]:
    message = {
        "kind": "message",
        "run": "r",
        "call": "c0",
        "seq": seq,
        "turn": 0,
        "role": "user",
        "text": text,
    }
    return message | fields


def full(seq: int, name: str, **fields: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("turn", "caller", "input", "output", "error"))
    return call(seq, name, **(empty | fields))


TALK = [said(1, "hi"), full(2, "look", input={"n": 1}, output="a"), full(0, "triage", output="b")]
AGAIN = [said(5, "hi", run="s"), full(8, "look", input={"n": 1.0}, output="a", at="now"), TALK[2]]


@pytest.mark.parametrize(
    ("other", "equal"),
    [
        (AGAIN, True),
        ([TALK[1], TALK[0], TALK[2], {"kind": "approval", "run": "r", "call": "c0"}], True),
        ([said(1, "Hi"), *TALK[1:]], False),
        ([*TALK, TALK[0]], False),
        ([TALK[0], full(2, "look", input={"n": 2}, output="a"), TALK[2]], False),
        ([*TALK[:2], full(0, "triage", error={"type": "x"})], False),
    ],
)
def test_a_conversation_is_what_was_said_and_called(other: list[dict[str, Any]], *, equal: bool) -> None:
    assert (conversation(other) == conversation(TALK)) is equal
