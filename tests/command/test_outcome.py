from __future__ import annotations

import json

import pytest

from llm_do.command.outcome import Outcome, outcome_of
from llm_do.errors import (
    CallFailed,
    FormatError,
    LimitReached,
    LlmDoError,
    Refused,
    RunFailed,
    SpecError,
    Terminated,
    ToolError,
    UsageError,
)

DEBUG = "; --debug shows the trace back"
WRONG_IF_FIRST = [
    LlmDoError("x"),
    SpecError("x", path="a.worker", line=3),
    UsageError("x"),
    FormatError("x"),
    ToolError("missing", "x"),
]


@pytest.mark.parametrize("error", WRONG_IF_FIRST, ids=lambda error: type(error).__name__)
def test_what_is_wrong_before_the_first_answer_is_2_and_later_1(error: Exception) -> None:
    assert outcome_of(error).code == 2
    assert outcome_of(error, requests=1).code == 1


@pytest.mark.parametrize("requests", [0, 1])
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RunFailed("x"), 1),
        (CallFailed("x", chain=("a", "b")), 1),
        (LimitReached("x"), 1),
        (ValueError("x"), 1),
        (SystemExit(0), 1),
        (Refused("x"), 3),
        (KeyboardInterrupt(), 130),
        (Terminated(), 143),
    ],
    ids=lambda value: type(value).__name__,
)
def test_how_a_run_ends_does_not_depend_on_when(error: BaseException, code: int, requests: int) -> None:
    outcome = outcome_of(error, requests=requests)
    assert (outcome.code, outcome.cause) == (code, error)


@pytest.mark.parametrize(
    ("error", "described"),
    [
        (SpecError("x", path="a", line=3), {"type": "SpecError", "message": "a:3: x"}),
        (RunFailed("x", error_class="infra"), {"type": "RunFailed", "class": "infra", "message": "x"}),
        (CallFailed("x", chain=("a", "b")), {"type": "CallFailed", "class": "worker", "message": "a > b: x"}),
        (ToolError("link", "x"), {"type": "link", "message": "t.py:3: x"}),
        (ValueError("a\n b"), {"type": "ValueError", "message": f"t.py:3: ValueError: a b{DEBUG}"}),
        (KeyError("x"), {"type": "KeyError", "message": f"t.py:3: KeyError: 'x'{DEBUG}"}),
        (
            KeyboardInterrupt(),
            {"type": "KeyboardInterrupt", "class": "interrupted", "message": "interrupted"},
        ),
        (Terminated(), {"type": "Terminated", "class": "interrupted", "message": "terminated"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_is_described_in_one_line(error: BaseException, described: dict[str, str]) -> None:
    assert outcome_of(error, place="t.py:3: ").error == described


def test_an_error_shows_no_key() -> None:
    key = "sk-" + "a1" * 20
    assert outcome_of(RunFailed(f"wrong key {key}")).lines == ("wrong key <secret>",)


@pytest.mark.parametrize(
    ("output", "text"),
    [("hé\n", "hé\n"), ({"a": "é"}, '{\n  "a": "é"\n}'), ([], "[]"), (None, "null"), (1.5, "1.5"), ("", "")],
)
def test_a_text_stands_as_it_is_and_a_structure_as_json(output: object, text: str) -> None:
    assert Outcome(output=output).text() == text


def test_the_object_of_a_run() -> None:
    outcome = Outcome(
        output={"a": "é\n"}, run="r1", calls=2, usage={"requests": 3}, cost_usd=0.25, latency_s=1.23456
    )
    text = outcome.to_json()
    assert "\n" not in text
    assert json.loads(text) == {
        "ok": True,
        "output": {"a": "é\n"},
        "error": None,
        "run": "r1",
        "calls": 2,
        "usage": {"requests": 3},
        "cost_usd": 0.25,
        "latency_s": 1.235,
    }


def test_the_object_of_what_never_ran() -> None:
    assert json.loads(outcome_of(UsageError("x")).to_json()) == {
        "ok": False,
        "output": None,
        "error": {"type": "UsageError", "message": "x"},
        "run": None,
        "calls": 0,
        "usage": {"requests": 0, "input_tokens": 0, "output_tokens": 0},
        "cost_usd": None,
        "latency_s": 0.0,
    }
