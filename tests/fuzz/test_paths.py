"""Paths of any text against a tree with traps: a result from within, or a refusal; nothing else changes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from fuzzing import efforts, explore
from hypothesis import strategies as st

from llm_do.errors import ToolError
from llm_do.sandbox.fs import Root

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STEPS = [
    *("a", "d", "inner", "link", "up", "loop", "pipe", "secret", "outside", ".", "..", "...", "", "~", "*"),
    *("**", "?", "[a]", "{a,b}", "d\\..", "é", "e\u0301", "\0", "\n", "\u202e", "\ud800", " ", "a ", "CON"),
    *("x" * 256, "$OUT"),
]


@st.composite
def paths(draw: st.DrawFn) -> str:
    start = draw(st.sampled_from(["", "", "", "/", "//", "./", "../", "~/", "\\", "file://", "/proc/self/"]))
    steps = draw(st.lists(st.sampled_from(STEPS) | st.text(max_size=4), max_size=6))
    return start + "/".join(steps) + draw(st.sampled_from(["", "", "/", "/.", "/..", "\0", "/**"]))


OPERATIONS = st.tuples(
    st.sampled_from(["read", "write", "list", "glob", "mkdir", "delete", "move"]), paths(), paths()
)


def build(root: Path, outside: Path) -> None:
    """A tree with files, and links and pipes that lead away or wait for ever."""
    (root / "d" / "inner").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret").write_text("SECRET")
    for name in ("a", "d/a", "d/inner/a"):
        (root / name).write_text("text")
    (root / "link").symlink_to(outside)
    (root / "d" / "link").symlink_to(outside / "secret")
    (root / "up").symlink_to("..")
    (root / "d" / "up").symlink_to("/")
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "pipe")


def outside_of(root: Path) -> dict[str, tuple[int, int]]:
    """Everything below the folder that holds the root, but what is in it."""
    found: dict[str, tuple[int, int]] = {}
    for base, folders, files in os.walk(root.parent):
        if base == str(root.parent):
            folders.remove(root.name)
        for name in (*folders, *files):
            status = os.lstat(os.path.join(base, name))  # noqa: PTH118  a Path cannot hold every name
            found[os.path.join(base, name)] = status.st_ino, status.st_mtime_ns  # noqa: PTH118
    return found


@efforts
def test_no_path_leads_out(examples: int, tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    build(root, outside)
    walk = Root(root)
    before = outside_of(root)

    def check(operation: tuple[str, str, str]) -> None:
        kind, path, other = (each.replace("$OUT", str(outside)) for each in operation)
        acts: dict[str, Callable[[], object]] = {
            "read": lambda: walk.read(path, max_bytes=100),
            "write": lambda: walk.write(path, b"new", max_bytes=100),
            "list": lambda: walk.list(path, max_entries=100),
            "glob": lambda: walk.list(".", path, max_entries=100),
            "mkdir": lambda: walk.make_dir(path),
            "delete": lambda: walk.delete(path),
            "move": lambda: walk.move(path, other),
        }
        try:
            result = acts[kind]()
        except ToolError as error:
            assert error.code in CODES  # noqa: PT017
            assert error.message.isprintable()  # noqa: PT017
            result = error.message
        assert "SECRET" not in str(result)
        assert outside_of(root) == before

    explore(OPERATIONS, check, examples)


CODES = {"bad_path", "missing", "link", "wrong_kind", "too_large", "too_many", "denied", "exists"}
