"""Moving, looking, and roots that have a name or lie in another root."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest
from folders import fill, names

from llm_do.errors import ToolError, UsageError
from llm_do.sandbox.fs import Root

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 1_000_000  # bytes


def test_move_never_overwrites_what_came_since_it_looked(root: Root, folder: Path) -> None:
    """Two movers race for one name again and again: one gets it, the other's file stays where it was."""
    start = threading.Barrier(2)
    codes: list[str] = []

    def move(source: str) -> None:
        start.wait()
        try:
            root.move(source, "taken")
        except ToolError as error:
            codes.append(error.code)

    for _ in range(50):
        fill(folder, "f", "g")
        movers = [threading.Thread(target=move, args=(name,)) for name in "fg"]
        for mover in movers:
            mover.start()
        for mover in movers:
            mover.join()
        left = {name: (folder / name).read_text() for name in names(folder)}
        assert sorted(left.values()) == ["f", "g"]
        assert left.pop("taken") not in left
        for name in names(folder):
            (folder / name).unlink()
    assert codes == ["denied"] * 50


def test_look_tells_kind_and_size_and_opens_nothing(root: Root, folder: Path) -> None:
    fill(folder, "f", "a/")
    (folder / "f").chmod(0)
    assert root.look("f") == ("file", 1)
    assert root.look("a").kind == "folder"
    for path, code in (("nope", "missing"), (".", "wrong_kind"), ("f/", "wrong_kind")):
        with pytest.raises(ToolError) as caught:
            root.look(path)
        assert caught.value.code == code


def test_every_name_below_a_folder_is_told(root: Root, folder: Path, outside: Path) -> None:
    fill(folder, "a/.git/config", "a/x\n", "b/f")
    (folder / "a" / "l").symlink_to(outside)
    os.mkfifo(folder / "a" / "p")
    found = root.every_name("a")
    assert sorted(found) == [(".git",), (".git", "config"), ("l",), ("p",), ("x\n",)]
    with pytest.raises(ToolError) as caught:
        root.every_name("a", max_looks=4)
    assert caught.value.code == "too_many"


def test_a_named_root_takes_and_gives_paths_under_its_name(folder: Path) -> None:
    fill(folder, "a/f")
    named = Root(folder, name="box")
    assert named.list(max_entries=10) == ["box/a/f"]
    assert named.read("box//a/./f", max_bytes=LIMIT) == b"a/f"
    named.write("box/new/g", b"new", max_bytes=LIMIT)
    named.move("box/a", "box/b")
    assert named.names("box/b/f") == ("b", "f")
    assert sorted(Root(folder).list(max_entries=10)) == ["b/f", "new/g"]
    for path in ("b/f", "box2/b/f", ".."):
        with pytest.raises(ToolError, match=r"begin it with 'box/'|holds '\.\.'"):
            named.read(path, max_bytes=LIMIT)


def test_a_root_within_another_is_reached_by_its_walk(root: Root, folder: Path, outside: Path) -> None:
    fill(folder, "a/b/f")
    (folder / "a" / "l").symlink_to(outside)
    inner = Root("a/b", within=root, name="box")
    assert (inner.path, inner.list(max_entries=1)) == (folder / "a" / "b", ["box/f"])
    for path, code in (("a/l", "link"), ("a/l/x", "link"), ("a/b/f", "wrong_kind"), ("nope/n", "missing")):
        with pytest.raises(ToolError) as caught:
            Root(path, within=root)
        assert caught.value.code == code
    assert Root("nope/n", within=root, make=True).list(max_entries=1) == []
    with pytest.raises(UsageError, match="is the home folder"):
        Root("a/b", within=root, home=folder / "a" / "b")


def test_a_file_that_grows_while_it_is_read_ends_at_the_limit(root: Root, folder: Path) -> None:
    grown = threading.Event()

    def grow() -> None:
        with (folder / "f").open("ab") as file:
            while not grown.is_set() and file.tell() < 50 * LIMIT:
                file.write(b"x" * 100_000)
                file.flush()

    (folder / "f").touch()
    writer = threading.Thread(target=grow)
    writer.start()
    code, end = "", time.monotonic() + 30
    try:
        while not code and time.monotonic() < end:
            try:
                assert len(root.read("f", max_bytes=LIMIT)) <= LIMIT
            except ToolError as error:
                code = error.code
    finally:
        grown.set()
        writer.join()
    assert code == "too_large"
