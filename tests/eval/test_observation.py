from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from observed import call, run_of, user

from llm_do.errors import FormatError
from llm_do_eval.observation import (
    SCHEMA,
    Approval,
    Failure,
    Line,
    Sample,
    call_line,
    read_approval,
    read_call,
    read_message,
    read_offer,
)

LEAST: Line = {"v": 1, "kind": "call", "run": "r", "id": "1", "seq": 3, "name": "add", "impl": "python"}
FIELDS = {
    *("v", "kind", "run", "id", "parent", "seq", "turn", "name", "impl", "effect", "caller", "input"),
    *("output", "ok", "error", "model", "settings", "spec", "tools", "requests", "usage", "cost_usd"),
    *("latency_s", "approval", "sample", "cluster", "depth", "at", "meta"),
}


def test_a_call_survives_its_line() -> None:
    full = replace(
        call("add", {"a": 1}, [1.5]),
        error=Failure("tool_error", "no", "tool"), sample=Sample("t.py::test", 4),
        run="r", id="7", turn=2, caller="agent", model="m", settings={"temperature": 0}, spec="s", tools="t",
        requests=2, usage={"input_tokens": 3}, cost_usd=0.25, latency_s=1.5, approval="approve", cluster=[1],
        depth=1, at="2026-01-01T00:00:00Z", meta={"trial": 2},
    )  # fmt: skip
    line = json.loads(json.dumps(call_line(full)))
    assert read_call(line) == full
    assert set(line) == FIELDS
    assert call_line(replace(full, via="worker_call"))["via"] == "worker_call"
    assert read_call({**line, "via": "worker_call"}).via == "worker_call"
    assert line["error"] == {"type": "tool_error", "message": "no", "class": "tool"}


def test_what_a_replay_knows_survives_its_line_and_is_left_out_of_others() -> None:
    replayed = replace(call("add", run="r", id="1"), replayed=True, first_byte_s=0.0)
    line = json.loads(json.dumps(call_line(replayed)))
    assert (line["replayed"], line["first_byte_s"], read_call(line)) == (True, 0, replayed)
    plain = call_line(replace(replayed, replayed=False, first_byte_s=None))
    assert set(line) - set(plain) == {"replayed", "first_byte_s"}


def test_what_a_line_leaves_out_is_unknown() -> None:
    found = read_call(LEAST)
    assert (found.parent, found.ok, found.effect, found.turn, found.usage, found.meta) == (
        None, None, "unknown", None, {}, {},
    )  # fmt: skip


def test_unknown_fields_and_effects_are_ignored() -> None:
    assert read_call({**LEAST, "effect": "someday", "colour": "red"}).effect == "unknown"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", None, "'name' must be a text, not None"),
        ("seq", "3", "'seq' must be an integer, not '3'"),
        ("seq", True, "'seq' must be an integer, not True"),
        ("ok", 1, "'ok' must be true, false or null"),
        ("cost_usd", "1", "'cost_usd' must be a number or null"),
        ("replayed", 1, "'replayed' must be true, false or null"),
        ("first_byte_s", "1", "'first_byte_s' must be a number or null"),
        ("error", "no", "'error' must be an object or null"),
        ("meta", [], "'meta' must be an object or null"),
        ("sample", {"test": "t"}, "'index' must be an integer"),
        ("impl", "magic", "unknown impl 'magic'; known are worker, python"),
    ],
)
def test_a_field_of_another_type_is_refused(field: str, value: Any, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        read_call({**LEAST, field: value})


def test_other_records_are_read() -> None:
    assert read_message({"run": "r", "call": "0", "seq": 1, "role": "user", "text": "hi"}).turn is None
    assert read_offer({"run": "r", "call": "0", "tools": ["a", "b"]}).tools == ("a", "b")
    approval = {"run": "r", "call": "1", "name": "rm", "decision": "reject", "by": "human", "key": None}
    assert read_approval(approval) == Approval("r", "1", "rm", "reject", "human")
    with pytest.raises(FormatError, match="list of names"):
        read_offer({"run": "r", "call": "0", "tools": ["a", 1]})


def test_a_run_writes_its_lines_in_order_and_its_root_last() -> None:
    run = run_of(user("hi"), call("add"), user("more"), call("sub"), offered=["add"])
    kinds = [(line["kind"], line.get("seq")) for line in run.lines()]
    assert kinds == [
        ("run", None), ("offer", None), ("message", 1), ("call", 2), ("message", 3), ("call", 4), ("call", 0),
    ]  # fmt: skip
    assert next(run.lines())["schema"] == SCHEMA


def test_a_refused_call_is_told_from_a_failed_one() -> None:
    assert Failure("denied", "no").denied
    assert not Failure("tool_error", "no").denied
