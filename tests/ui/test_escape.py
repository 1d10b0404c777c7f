from __future__ import annotations

import json
import sys
import unicodedata

import pytest

from llm_do.ui.escape import one_line, shortened, tamed, unpadded, visible

# what must never reach a terminal as it is, by what it would do there
HOSTILE = {
    "escape": "\x1b[2K",
    "C1 control sequence": "\x9b2K",
    "carriage return": "\r",
    "backspace": "\b",
    "delete": "\x7f",
    "line feed": "\n",
    "NUL": "\0",
    "right-to-left override": "\u202e",
    "isolate": "\u2066",
    "right-to-left mark": "\u200f",
    "zero-width space": "\u200b",
    "zero-width joiner": "\u200d",
    "byte order mark": "\ufeff",
    "soft hyphen": "\xad",
    "line separator": "\u2028",
    "tag letter": "\U000e0041",
    "variation selector": "\ufe0f",
    "supplementary variation selector": "\U000e0100",
    "filler": "\u3164",
    "half-width filler": "\uffa0",
    "grapheme joiner": "\u034f",
    "lone surrogate": "\ud800",
    "private use": "\ue000",
    "unassigned": "\U000e0fff",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_could_hide_or_steer_is_spelled_out(kind: str) -> None:
    shown = visible(f"a{HOSTILE[kind]}b")
    assert shown.isascii()
    assert shown.isprintable()
    assert shown == "a" + HOSTILE[kind].encode("unicode_escape").decode() + "b"


def test_every_invisible_character_is_spelled_out() -> None:
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if not character.isprintable() and unicodedata.category(character) != "Zs":
            assert visible(character).isascii()


@pytest.mark.parametrize(
    "text", ["plain", "naïve", "日本語", "नमस्ते", "ที่นี่", "e\u0302\u0323", "🚀", "a\\u202eb", "  two  "]
)
def test_what_can_be_seen_stays(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\u05d0/etc/ 1 \u05d1", "\u2067\u05d0\u2069/etc/ 1 \u2067\u05d1\u2069"),
        ("שלום עולם, x", "\u2067שלום עולם\u2069, x"),
        ("العربية", "\u2067العربية\u2069"),
        ("\u0661/\u0662", "\u2067\u0661\u2069/\u2067\u0662\u2069"),
        ("\u2069\u05d0", "\\u2069\u2067\u05d0\u2069"),
    ],
)
def test_right_to_left_text_reorders_nothing_around_it(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert one_line(text, 100) == shown
    cut = one_line(text * 50, 30)
    assert cut.count("\u2067") == cut.count("\u2069") > 0


def test_every_character_that_goes_to_the_left_is_isolated() -> None:
    for code in range(sys.maxunicode + 1):
        if unicodedata.bidirectional(chr(code)) in ("R", "AL", "AN"):
            shown = visible(chr(code))
            assert shown.isascii() or shown == f"\u2067{chr(code)}\u2069"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("e" + "\u0300" * 4 + "x", r"e" + "\u0300" * 2 + r"\u0300\u0300x"),
        ("\u0338a", r"\u0338a"),
        ("a\u20dd\u20dd\u20dd", "a\u20dd\u20dd" + r"\u20dd"),
    ],
)
def test_marks_are_not_heaped_up(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_line_feeds_stay_where_a_block_is_shown() -> None:
    assert visible("a\nb\x1b", newlines=True) == "a\nb\\x1b"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\n\tb", "a\n\tb"),
        ("👩‍🚀 ❤️ \u202bאב\u202c", "👩‍🚀 ❤️ \u202bאב\u202c"),
        ("\x1b]0;title\x07\r\x9b31m\x7f", r"\x1b]0;title\x07\r\x9b31m\x7f"),
    ],
)
def test_a_result_may_not_steer_the_terminal(text: str, shown: str) -> None:
    assert tamed(text) == shown


def test_a_long_value_keeps_its_end() -> None:
    shown = one_line("rm -rf " + "x" * 500 + " /", 100)
    assert len(shown) == 100
    assert shown.startswith("rm -rf ")
    assert shown.endswith("x /")
    assert "..." in shown


def test_a_value_is_shown_as_json_and_a_text_as_itself() -> None:
    assert one_line({"a": "é\n"}, 100) == '{"a": "é\\n"}'
    assert json.loads(one_line({"a": "\u202e"}, 100)) == {"a": "\u202e"}
    assert one_line("é\n", 100) == "é\\n"


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\u2003", "\u3000", "\u2800", " \u2800"])
def test_padding_pushes_nothing_out_of_sight(blank: str) -> None:
    text = f"ls{blank * 500}; rm -rf /"
    assert unpadded(text) == f"ls ...({500 * len(blank)} blanks)... ; rm -rf /"


def test_an_indentation_stays() -> None:
    assert unpadded(" " * 23 + "x") == " " * 23 + "x"


def test_a_shortened_text_keeps_both_ends() -> None:
    assert shortened("a" * 10, 10) == "a" * 10
    assert shortened("a" * 50 + "b" * 51, 10) == "aaaaa ...(91 characters left out)... bbbbb"
