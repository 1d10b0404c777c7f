from __future__ import annotations

import random
import time

import pytest

from llm_do.toolsets.diff import written


def test_a_new_file_is_shown_as_such() -> None:
    assert written("a.md", None, "ä\n") == "new file a.md, 3 bytes\nä\n"


def test_a_changed_file_is_shown_as_a_diff() -> None:
    shown = written("a.md", b"one\ntwo\nthree\n", "one\n2\nthree\n").splitlines()
    assert shown[:2] == ["--- a.md (now)", "+++ a.md (then)"]
    assert shown[3:] == [" one", "-two", "+2", " three", " "]


@pytest.mark.parametrize(
    ("old", "new"), [(b"a", "a\n"), (b"a\n", "a"), (b"a\r\n", "a\n"), (b"", "\n"), (b"a", "")]
)
def test_every_difference_shows(old: bytes, new: str) -> None:
    changed = [line for line in written("f", old, new).splitlines()[2:] if line[0] in "+-"]
    assert changed


def test_the_same_text_is_no_change() -> None:
    assert written("f", "ä\n".encode(), "ä\n") == "f: no change"


def test_bytes_that_are_no_text_are_counted() -> None:
    assert written("f", b"\xff\xfe", "new") == "f: 2 bytes that are no text become 3 bytes\nnew"


def test_a_long_file_is_not_compared_and_shown_as_a_whole() -> None:
    old = b"x\n" * 5000
    shown = written("f", old, "new\n" * 5000 + "the end")
    assert shown.startswith("f: too long to compare; 10000 bytes become 20007 bytes, which are\nnew\n")
    assert shown.endswith("the end")
    assert len(shown.splitlines()) == 5002


def test_no_line_of_a_change_is_left_out() -> None:
    new = "\n".join(f"line {number} {'x' * 500}" for number in range(1000))
    assert written("f", None, new).split("\n", 1)[1] == new
    added = [line[1:] for line in written("f", b"old", new).split("\n") if line.startswith("+line")]
    assert added == new.split("\n")


def test_the_worst_texts_to_compare_take_seconds_at_most() -> None:
    draws = random.Random(3)
    old, new = ("\n".join(str(draws.randrange(150)) for _ in range(1990)) for _ in "ab")
    started = time.monotonic()
    written("f", old.encode(), new)
    assert time.monotonic() - started < 20
