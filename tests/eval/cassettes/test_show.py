"""What a cassette holds, for people: a row a sample, and what was said in one, in every API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from recorded import cassettes, exchange, write

from llm_do_eval.cassette.interaction import Body, Interaction, Request, Response
from llm_do_eval.cassette.wires.eventstream import MEDIA_TYPE, Frame, joined
from llm_do_eval.cassettes.conversation import answer, first_prompt, messages

if TYPE_CHECKING:
    from pathlib import Path


HEAD = "sample requests models tokens in out seconds first prompt final answer"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    exchanges = [
        exchange("Where is Paris?", "In France.\x1b[2J\u202e"),
        exchange("Where is Paris?", "In Texas.", sample=3),
        exchange("And Rome?", "In Italy.", sample=3, seq=1),
    ]
    return write(tmp_path / "x.jsonl", exchanges)


def test_there_is_a_row_a_sample(path: Path, tmp_path: Path) -> None:
    done = cassettes("show", path.name, cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "x.jsonl"
    assert "  samples: 0, 3" in lines
    assert " ".join(lines[-3].split()) == HEAD
    assert lines[-2].startswith(
        "0       1         gpt-4o-mini-2024-07-18  10         5    0.250    Where is Paris?"
    )
    assert lines[-1].startswith(
        "3       2         gpt-4o-mini-2024-07-18  20         10   0.500    Where is Paris?"
    )
    assert lines[-1].endswith("In Italy.")
    assert not {"\x1b", "\u202e"} & set(done.out)
    assert "In France.\\x1b[2J\\u202e" in done.out


def test_the_same_is_there_as_json(path: Path, tmp_path: Path) -> None:
    shown = cassettes("show", path, "--json", "-", "--sample", "3", cwd=tmp_path).json
    assert shown["meta"]["count"] == 3
    assert shown["samples"][0] == {
        "sample": 0,
        "requests": 1,
        "models": ["gpt-4o-mini-2024-07-18"],
        "input_tokens": 10,
        "output_tokens": 5,
        "latency_s": 0.25,
        "prompt": "Where is Paris?",
        "answer": "In France.\x1b[2J\u202e",
    }
    assert [each["answer"] for each in shown["conversation"]] == ["In Texas.", "In Italy."]
    assert "conversation" not in cassettes("show", path, "--json", "-", cwd=tmp_path).json


def test_one_conversation_is_shown(path: Path, tmp_path: Path) -> None:
    done = cassettes("show", path, "--sample", "3", cwd=tmp_path)
    assert done.out.splitlines() == [
        "request 0: openai-chat:gpt-4o-mini, HTTP 200, 0.250 s",
        "  user: Where is Paris?",
        "  answer: In Texas.",
        "request 1: openai-chat:gpt-4o-mini, HTTP 200, 0.250 s",
        "  user: And Rome?",
        "  answer: In Italy.",
    ]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["x.jsonl", "--sample", "7"], 2, "--sample 7: x.jsonl has no such sample; recorded: 0, 3"),
        (["none.jsonl"], 3, "none.jsonl: cannot be read: No such file or directory"),
        (["torn.jsonl"], 3, "torn.jsonl:1: is no line of JSON, so this is no cassette"),
        (["x.jsonl", "--sample", "-1"], 2, "Invalid value for '--sample'"),
        (["x.jsonl", "--sample", "x"], 2, "Invalid value for '--sample': 'x' is no whole number; see "),
        ([], 2, "Missing argument 'FILE'"),
    ],
)
def test_bad_input_is_one_line(words: list[str], code: int, message: str, path: Path, tmp_path: Path) -> None:
    path.with_name("torn.jsonl").write_bytes(path.read_bytes()[3:])
    done = cassettes("show", *words, cwd=tmp_path)
    assert done.code == code
    assert done.line.startswith(message)


def made(
    uri: str, sent: Any, answered: bytes, kind: str = "application/json", status: int = 200
) -> Interaction:
    request = Request("POST", f"https://h{uri}", {}, Body("json", sent))
    return Interaction(
        0, 0, "", request, Response(status, {"content-type": kind}, Body.of_response(answered))
    )


def events(*values: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in values)


def framed(*said: tuple[str, Any]) -> bytes:
    return joined(Frame({":event-type": kind}, json.dumps(each).encode()) for kind, each in said)


SSE = "text/event-stream"
CALL = {"name": "look", "arguments": '{"city": "Rome"}'}


@pytest.mark.parametrize(
    ("interaction", "said"),
    [
        (
            made(
                "/chat/completions", {}, json.dumps({"choices": [{"message": {"content": "Hi."}}]}).encode()
            ),
            "Hi.",
        ),
        (
            made(
                "/chat/completions",
                {},
                json.dumps({"choices": [{"message": {"tool_calls": [{"function": CALL}]}}]}).encode(),
            ),
            'look({"city": "Rome"})',
        ),
        (
            made(
                "/chat/completions",
                {},
                events(*({"choices": [{"delta": {"content": part}}]} for part in ("H", "i.")))
                + b"data: [DONE]\n",
                SSE,
            ),
            "Hi.",
        ),
        (
            made(
                "/responses",
                {},
                json.dumps(
                    {
                        "output": [
                            {"type": "message", "content": [{"text": "Hi."}]},
                            {"type": "function_call", **CALL},
                        ]
                    }
                ).encode(),
            ),
            'Hi. look({"city": "Rome"})',
        ),
        (
            made(
                "/responses",
                {},
                events(
                    {"type": "response.output_text.delta", "delta": "H"},
                    {"type": "response.output_text.delta", "delta": "i."},
                    {"type": "response.completed", "response": {"output": [{"content": [{"text": "Hi."}]}]}},
                ),
                SSE,
            ),
            "Hi.",
        ),
        (
            made(
                "/messages",
                {},
                json.dumps(
                    {
                        "content": [
                            {"type": "text", "text": "Hi."},
                            {"type": "tool_use", "name": "look", "input": {"n": 1}},
                        ]
                    }
                ).encode(),
            ),
            'Hi. look({"n": 1})',
        ),
        (
            made(
                "/messages",
                {},
                events(
                    {"type": "content_block_start", "content_block": {"type": "text", "text": ""}},
                    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hi."}},
                ),
                SSE,
            ),
            "Hi.",
        ),
        (
            made(
                "/models/m:generateContent",
                {},
                json.dumps({"candidates": [{"content": {"parts": [{"text": "Hi."}]}}]}).encode(),
            ),
            "Hi.",
        ),
        (
            made(
                "/models/m:streamGenerateContent",
                {},
                events(*({"candidates": [{"content": {"parts": [{"text": part}]}}]} for part in ("H", "i."))),
                SSE,
            ),
            "Hi.",
        ),
        (
            made(
                "/model/m/converse",
                {},
                json.dumps({"output": {"message": {"content": [{"text": "Hi."}]}}}).encode(),
            ),
            "Hi.",
        ),
        (
            made(
                "/model/m/converse-stream",
                {},
                framed(
                    ("contentBlockDelta", {"delta": {"text": "H"}}),
                    ("contentBlockDelta", {"delta": {"text": "i."}}),
                    ("contentBlockStart", {"start": {"toolUse": {"name": "look"}}}),
                    ("messageStop", {"stopReason": "tool_use"}),
                ),
                MEDIA_TYPE,
            ),
            "Hi. look()",
        ),
        (made("/chat/completions", {}, b"slow down", status=429), "HTTP 429"),
        (made("/other", {}, b"\xff\x00"), ""),
        (made("/other", {}, b"[1]"), ""),
    ],
)
def test_an_answer_is_read_in_every_api(interaction: Interaction, said: str) -> None:
    assert answer(interaction) == said


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]},
            [("system", "S"), ("user", "U")],
        ),
        ({"instructions": "S", "input": "U"}, [("system", "S"), ("user", "U")]),
        (
            {"input": [{"role": "user", "content": [{"type": "input_text", "text": "U"}]}]},
            [("user", "U")],
        ),
        (
            {"system": [{"text": "S"}], "messages": [{"role": "user", "content": [{"text": "U"}]}]},
            [("system", "S"), ("user", "U")],
        ),
        (
            {
                "contents": [{"role": "user", "parts": [{"text": "U"}]}],
                "systemInstruction": {"parts": [{"text": "S"}]},
            },
            [("system", "S"), ("user", "U")],
        ),
        ({"messages": [{"role": "assistant", "tool_calls": [1]}]}, [("assistant", '{"tool_calls": [1]}')]),
        ({"other": 1}, []),
        ("text", []),
    ],
)
def test_messages_are_read_in_every_api(body: Any, said: list[tuple[str, str]]) -> None:
    interaction = made("/chat/completions", body, b"")
    assert messages(interaction.request) == said
    assert first_prompt(interaction.request) == ("U" if ("user", "U") in said else "")
