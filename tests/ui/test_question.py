"""What a human is shown of a call: all of it, and nothing that hides or steers."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from asking import request

from llm_do.approval import Preview
from llm_do.project.document import MAX_BYTES
from llm_do.ui.question import listed, previewed, questioned, shown_argument

HOSTILE = "ls\x1b[2K\r\u202e\u200b\u2066\x7f\x9b\ufe0f\u2028\x85[bold]"


@pytest.mark.parametrize("value", ["plain", "déjà vu", {"a": [1, None]}, "a\nb", "[red]x[/red]"])
def test_an_argument_is_shown_as_json(value: Any) -> None:
    (line,) = shown_argument(value)
    assert json.loads(line) == value
    assert "\n" not in line


def test_an_ordinary_argument_is_shown_as_a_whole() -> None:
    body = f"{'a' * 50_000} EVIL {'a' * 50_000}"
    assert questioned(request(args={"body": body}))[1:] == [f'  body = "{body}"']


def test_a_long_argument_shows_its_end_and_says_what_is_missing() -> None:
    first, missing, last = shown_argument("a" * 200_000 + "; rm -rf /")
    assert (len(first), len(last)) == (70_000, 70_004)
    assert first.startswith('"aaa')
    assert missing == "  ...(60012 characters left out)..."
    assert (last[:5], last[-11:]) == ("    a", '; rm -rf /"')


def test_what_the_preview_covers_is_not_shown_twice() -> None:
    args, text = {"path": "b" * 5000, "content": "a" * 5000}, f"new file\n{'a' * 5000}"
    path, content, missing, end, *rest = questioned(
        request(args=args, preview=Preview(text, covers=("content",)))
    )[1:]
    assert path == f'  path = "{"b" * 5000}"'
    assert (len(content), missing, len(end)) == (1012, "  ...(3002 characters left out)...", 1004)
    assert rest == ["  | new file", f"  | {'a' * 5000}"]


def test_no_number_and_no_name_of_arguments_floods_the_question() -> None:
    many = questioned(request(args={f"a{number}": "x" for number in range(5000)} | {"reason": "r"}))
    assert len(many) == 52
    assert many[1] == '  a0 = "x"'
    assert many[26] == "  ...(4951 arguments left out)..."
    assert many[-1] == '  in the model\'s own words, reason = "r"'
    (line,) = questioned(request(args={"n" * 200_000: "x"}))[1:]
    assert len(line) < 500
    assert line.endswith('nnn = "x"')
    fifty = {f"a{number}": "x" for number in range(50)}
    assert len(questioned(request(args=fifty))) == 51


def test_five_megabytes_are_shown_at_once() -> None:
    text = "é" * 5_000_000
    started = time.process_time()
    questioned(request(args={"content": text}, preview=Preview(text)))
    listed((request(args={"content": text}), request()))
    assert time.process_time() - started < 1


def test_padding_hides_no_end() -> None:
    assert shown_argument("ls" + " " * 5000 + "; rm -rf /") == ['"ls ...(5000 blanks)... ; rm -rf /"']


@pytest.mark.policy("inj-reason-field")
def test_the_models_own_words_stand_apart_and_are_marked() -> None:
    lines = questioned(request(args={"reason": "the user said yes", "to": "ada"}))
    assert lines[1:] == ['  to = "ada"', '  in the model\'s own words, reason = "the user said yes"']


def test_a_call_that_sends_says_so() -> None:
    assert "  This call can send data to the network." in questioned(request(network=True))
    assert "network" not in str(questioned(request()))


def test_a_question_that_comes_every_time_says_why() -> None:
    assert "Asked every time" not in str(questioned(request()))
    guarded = "  Asked every time: it can change what a model may do, or read what is guarded."
    assert guarded in questioned(request(session_offered=False))
    assert "  Asked every time: what was read before could go along." in questioned(
        request(session_offered=False, network=True)
    )


def test_what_is_wrong_with_an_edit_comes_last() -> None:
    lines = questioned(request(complaint="path: \x1b[2K", preview=Preview("text")))
    assert lines[-2:] == ["  | text", "  Your edit cannot be taken: path: \\x1b[2K"]


def test_a_list_numbers_all_calls_and_each_question_says_its_number() -> None:
    batch = (request(), request(tool="write", args={"path": "x" * 500 + "END"}), request(args={}))
    lines = listed(batch)
    assert lines[0] == "3 calls need a decision, one after the other:"
    assert lines[1] == '  1/3 main > mailer: send {"to": "ada"}'
    assert lines[2].startswith('  2/3 main > mailer: write {"path": "xxx')
    assert lines[2].endswith('END"}')
    assert len(lines[2]) < 250
    assert lines[3:] == ["  3/3 main > mailer: send {}"]
    assert questioned(request(batch=batch, position=1))[0] == "2/3 main > mailer wants to call send"


@pytest.mark.parametrize(
    "fields",
    [
        {"args": {"command": HOSTILE}},
        {"args": {HOSTILE: 1}},
        {"args": {"reason": HOSTILE}},
        {"args": {"deep": [{"x": HOSTILE}]}},
        {"description": HOSTILE},
        {"tool": HOSTILE},
        {"chain": (HOSTILE, "b")},
        {"preview": Preview(HOSTILE)},
        {"preview": Preview(HOSTILE, edits="x")},
    ],
)
def test_nothing_hostile_gets_into_a_line(fields: dict[str, Any]) -> None:
    hostile = request(**fields)
    lines = questioned(hostile)
    assert all(line.isprintable() for line in [*lines, *listed((hostile, hostile))])
    assert "202e" in str(lines)
    assert "[bold]" in str(lines)


def test_a_preview_is_shown_line_by_line_behind_a_bar() -> None:
    text = "--- a\n+++ b\n-old\n+new\x1b[2K\nRun it? y\n"
    assert previewed(Preview(text)) == [
        "  | --- a", "  | +++ b", "  | -old", "  | +new\\x1b[2K", "  | Run it? y"
    ]  # fmt: skip


def test_a_gap_hides_no_end() -> None:
    assert previewed(Preview("a" + "\n" * 900 + "END")) == ["  | a", "  ...(899 blank lines)...", "  | END"]


def test_an_ordinary_file_is_shown_line_by_line() -> None:
    lines = [f"line {number} {'x' * 500}" for number in range(200)]
    assert previewed(Preview("\n".join(lines))) == [f"  | {line}" for line in lines]


@pytest.mark.parametrize("edits", [None, "definition"])
def test_a_very_long_preview_shows_both_ends(edits: str | None) -> None:
    text = "\n".join(f"+line {number} {'x' * 30}" for number in range(9000)) + "\n+END"
    lines = previewed(Preview(text, edits=edits))
    (marker,) = [line for line in lines if not line.startswith("  | ")]
    assert marker == f"  ...({len(text) - 140_000} characters left out)..."
    assert (lines[0][:12], lines[-1]) == ("  | +line 0 ", "  | +END")
    begins, _, ends = previewed(Preview("y" * 200_000 + "END"))
    assert (len(begins), len(ends), ends[-4:]) == (70_004, 70_004, "yEND")


@pytest.mark.parametrize("line", ["  ...(9 characters left out)...", "...(9 blank lines)...", "  path = 1"])
def test_no_line_of_a_text_passes_for_one_of_ours(line: str) -> None:
    assert previewed(Preview(f"ok\n{line}\nend")) == ["  | ok", f"  | {line}", "  | end"]


def test_the_largest_worker_file_is_shown_as_a_whole_also_as_a_diff() -> None:
    text = "\n".join(f"{sign}{number:05} {'x' * 57}" for sign in "-+" for number in range(1024))
    assert len(text) > 2 * MAX_BYTES
    assert previewed(Preview(text, edits="definition")) == [f"  | {line}" for line in text.split("\n")]
