from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_do.errors import SpecError
from llm_do.project.workerfile import read_worker_file

SOURCE = b"---\nname: main\nentry: true\n---\nYou greet.\n\nBriefly.\n"

fuzz = settings(derandomize=True, database=None, deadline=None, max_examples=60)


def test_cuts_front_matter_and_body() -> None:
    file = read_worker_file("main.worker", SOURCE)
    assert file.front.value == {"name": "main", "entry": True}
    assert file.front.key_lines() == {"name": 2, "entry": 3}
    assert file.front.path == "main.worker"
    assert file.body == "You greet.\n\nBriefly."
    assert file.body_line == 5
    assert file.sha256 == hashlib.sha256(SOURCE).hexdigest()


def test_crlf_changes_the_digest_only() -> None:
    lf = read_worker_file("a", SOURCE)
    crlf = read_worker_file("a", SOURCE.replace(b"\n", b"\r\n"))
    assert (crlf.front, crlf.body, crlf.body_line) == (lf.front, lf.body, lf.body_line)
    assert crlf.sha256 != lf.sha256


@pytest.mark.parametrize(
    ("below", "body", "line"),
    [
        ("", "", 4),
        ("\n\n", "", 4),
        ("text", "text", 4),
        ("\n \n  indented\nnext\n\n", "  indented\nnext", 6),
        ("a\n---\nb: {x}\n---\n{{ y }}\n", "a\n---\nb: {x}\n---\n{{ y }}", 4),
        ("& * ! % \t \u2028 \x1b\n", "& * ! % \t \u2028 \x1b", 4),
    ],
)
def test_body_is_kept_as_written_but_for_outer_blank_lines(below: str, body: str, line: int) -> None:
    file = read_worker_file("a", f"---\nname: a\n---\n{below}".encode())
    assert file.body == body
    assert file.body_line == line


def test_body_may_be_longer_than_front_matter_may_be() -> None:
    assert len(read_worker_file("a", b"---\nname: a\n---\n" + b"x" * 100_000).body) == 100_000


def test_fences_may_end_in_spaces_and_the_file_after_the_second() -> None:
    assert read_worker_file("a", b"---  \nname: a\n--- \t").front.value == {"name": "a"}


def test_indented_dashes_do_not_close() -> None:
    file = read_worker_file("a", b"---\nname: a\nspec: |\n  one\n  ---\n  two\n---\nbody")
    assert file.front.value == {"name": "a", "spec": "one\n---\ntwo\n"}
    assert file.body == "body"


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        (b"", 1, "must begin with a '---' line"),
        (b"You greet.\n", 1, "must begin with a '---' line"),
        (b"\n---\nname: a\n---\n", 1, "must begin with a '---' line"),
        (b" ---\nname: a\n---\n", 1, "must begin with a '---' line"),
        (b"----\nname: a\n---\n", 1, "must begin with a '---' line"),
        (b"---", 1, "is not closed; add a second '---' line"),
        (b"---\nname: a\nbody\n", 1, "is not closed"),
        (b"---\nname: a\n ---\nbody\n", 1, "is not closed"),
        (b"---\n---\nbody\n", 2, r"expected `key: value` lines, found nothing \(null\)"),
        (b"---\n- name\n---\nbody\n", 2, "must be `key: value` lines, found a list"),
        (b"---\nname: a\nname: b\n---\n", 3, "key 'name' stands twice"),
        (b"---\nname: [\n---\n", 3, "not valid YAML"),
        (b"---\nname: a\n---\nbody\n\xff", 5, "not UTF-8"),
        (b"---\nname: a\n---\n\0", 4, "NUL"),
        (b"\xef\xbb\xbf---\nname: a\n---\n", 1, "byte order mark"),
        (b"---\nname: " + b"a" * 70_000 + b"\n---\n", None, "larger than"),
    ],
)
def test_refusals_name_file_and_line(source: bytes, line: int | None, message: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        read_worker_file("x/main.worker", source)
    assert caught.value.line == line
    assert str(caught.value).startswith("x/main.worker:")


@fuzz
@given(st.binary(max_size=100) | st.text("-\n\r a:", max_size=40).map(str.encode))
def test_any_bytes_give_a_mapping_or_spec_error(source: bytes) -> None:
    try:
        file = read_worker_file("a", source)
    except SpecError as error:
        assert str(error).startswith("a:")  # noqa: PT017
    else:
        assert file.front.value
        assert "\r\n" not in file.body
