from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_do.errors import ToolError
from llm_do.sandbox.fs import Root
from llm_do.sandbox.path import RelativePath, parse_path, path_fault

SEGMENTS = [
    "",
    ".",
    "..",
    "...",
    "~",
    "~f",
    "f",
    "d",
    "l",
    "p",
    " ",
    "f ",
    "\\",
    "\0",
    "\n",
    "\u200b",
    "\ud800",
    "é",
    "**",
    "[",
    "]",
]
paths = st.one_of(
    st.text(max_size=30),
    st.text(st.sampled_from("./~*?[]!-\\ fdlp\0\n"), max_size=20),
    st.lists(st.sampled_from(SEGMENTS), max_size=8).map("/".join),
)


@pytest.mark.parametrize(
    ("text", "names", "is_folder"),
    [
        (".", (), True),
        ("./", (), True),
        ("f", ("f",), False),
        ("./a//b/./c", ("a", "b", "c"), False),
        ("a/", ("a",), True),
        ("a/.", ("a",), True),
        ("a/...", ("a", "..."), False),
        ("a.", ("a.",), False),
        ("日本/メモ", ("日本", "メモ"), False),
    ],
)
def test_path_is_split(text: str, names: tuple[str, ...], is_folder: bool) -> None:  # noqa: FBT001 a table's column
    assert parse_path(text) == RelativePath(names=names, is_folder=is_folder)


def test_path_shows_its_one_spelling() -> None:
    assert str(parse_path("./a//b/")) == "a/b"
    assert str(parse_path("./.")) == "."


@pytest.mark.parametrize("path", ["n" * 255, "é" * 127, "/".join(["n" * 255] * 15)])
def test_the_longest_path_is_taken(path: str) -> None:
    assert path_fault(path) is None


@pytest.mark.parametrize("path", ["n" * 256, "é" * 128, "/".join(["n" * 255] * 17)])
def test_a_longer_path_is_refused_in_a_short_sentence(path: str) -> None:
    with pytest.raises(ToolError, match="bytes long") as caught:
        parse_path(path)
    assert caught.value.code == "bad_path"
    assert len(caught.value.message) < 300


def test_a_name_that_file_names_cannot_hold_is_refused() -> None:
    code = "from llm_do.sandbox.path import path_fault; print(path_fault('a'), path_fault('\\u00e9'))"
    plain = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    run = subprocess.run([sys.executable, "-c", code], env=plain, check=True, capture_output=True, text=True)
    assert run.stdout == "None holds characters that file names here cannot; use others\n"


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(text=paths)
def test_what_is_taken_is_plain(text: str) -> None:
    try:
        path = parse_path(text)
    except ToolError as error:
        path = error
    if isinstance(path, ToolError):
        assert path.code == "bad_path"
        return
    assert parse_path(str(path)).names == path.names
    for name in path.names:
        assert name not in {"", ".", ".."}
        assert name.isprintable()
        assert not set("/\\\0") & set(name)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Root:
    folder = tmp_path_factory.mktemp("fuzz")
    inside, outside = folder / "root", folder / "outside"
    (inside / "d" / "d").mkdir(parents=True)
    outside.mkdir()
    (outside / "f").write_text("SECRET")
    (inside / "f").write_text("f")
    (inside / "l").symlink_to("../outside")
    (inside / "d" / "l").symlink_to(outside)
    os.mkfifo(inside / "p")
    return Root(inside)


@settings(max_examples=120, derandomize=True, database=None, deadline=None)
@given(path=paths, other=paths)
def test_nothing_but_a_refusal_comes_out(root: Root, path: str, other: str) -> None:
    outside = root.path.parent / "outside"
    results: list[object] = []
    for operation in (
        lambda: root.list(path, other, max_entries=20, max_looks=200),
        lambda: root.list(pattern=path, max_entries=20, max_looks=200),
        lambda: root.read(path, max_bytes=100),
        lambda: root.make_dir(path),
        lambda: root.move(path, other),
        lambda: root.delete(path),
        lambda: root.write(path, b"new", max_bytes=100),
    ):
        try:
            results.append(operation())
        except ToolError as error:
            results.append(error.message)
    assert "SECRET" not in repr(results)
    assert {file.name: file.read_text() for file in outside.iterdir()} == {"f": "SECRET"}
    assert sorted(root.path.parent.iterdir()) == [outside, root.path]
