from __future__ import annotations

import json
from typing import Any

import pytest

from llm_do.ui.render import rendered

CALL: dict[str, Any] = {
    "v": 1, "kind": "call", "name": "add", "impl": "python", "depth": 1, "input": {"a": 1}, "output": 3,
    "ok": True, "error": None, "requests": 0, "latency_s": 0.125,
}  # fmt: skip
FAILED = {
    **CALL,
    "ok": False,
    "output": None,
    "error": {"type": "tool_error", "message": "b is 0", "class": "tool"},
}
APPROVAL: dict[str, Any] = {
    "v": 1, "kind": "approval", "name": "add", "decision": "reject", "by": "human", "note": "too big\x1b",
}  # fmt: skip
MESSAGE = {"v": 1, "kind": "message", "role": "user", "text": "hi\nthere"}
RUN = {"v": 1, "kind": "run", "run": "r1", "project": "proj"}
OFFER = {"v": 1, "kind": "offer", "tools": ["add"]}


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (CALL, '    add({"a": 1}) -> 3  [python, 0.12 s]'),
        ({**CALL, "requests": 2, "depth": 0}, '  add({"a": 1}) -> 3  [python, 0.12 s, 2 requests]'),
        ({**CALL, "replayed": True}, '    add({"a": 1}) -> 3  [python, recorded 0.12 s]'),
        (FAILED, '    add({"a": 1}) -> tool_error: b is 0  [python, 0.12 s]'),
        (APPROVAL, "  reject add by human (too big\\x1b)"),
        ({**APPROVAL, "note": ""}, "  reject add by human"),
        ({**APPROVAL, "decision": "approve", "by": "mode", "note": ""}, "  approve add by mode"),
        ({**APPROVAL, "decision": "approve", "by": "rule"}, None),
        ({**APPROVAL, "decision": "approve", "by": "none"}, None),
        ({**APPROVAL, "by": "rule", "note": ""}, "  reject add by rule"),
        (RUN, "run r1 of proj"),
        (MESSAGE, None),
        (OFFER, None),
    ],
)  # fmt: skip
def test_v_shows_calls_and_decisions(event: dict[str, Any], line: str | None) -> None:
    assert rendered(event, 1) == line


def test_vv_adds_the_texts() -> None:
    assert rendered(MESSAGE, 2) == "  user: hi\\nthere"
    assert rendered(CALL, 2) == rendered(CALL, 1)
    assert rendered(OFFER, 2) is None


@pytest.mark.parametrize("event", [CALL, FAILED, APPROVAL, MESSAGE, RUN, OFFER])
def test_vvv_shows_the_line_of_the_journal(event: dict[str, Any]) -> None:
    line = rendered(event, 3)
    assert line is not None
    assert line.isprintable()
    assert json.loads(line) == event


def test_a_hostile_text_stays_in_its_line() -> None:
    event = {**CALL, "name": "a\x1b[2K", "input": {"x": "\u202e\n"}, "output": "\r\n$ rm"}
    line = rendered(event, 1)
    assert line is not None
    assert line.isprintable()
    hostile = {**MESSAGE, "text": "\x7f\x9b"}
    assert str(rendered(hostile, 3)).isprintable()
