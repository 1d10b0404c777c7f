"""The walk beside the kernel's own (openat2, RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS): both decide alike."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import stat
import sys
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ClassVar

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llm_do.errors import ToolError
from llm_do.sandbox.fs import Root
from llm_do.sandbox.path import parse_path

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

OPENAT2 = 437  # the same on every architecture that Python runs on
NO_SYMLINKS, BENEATH = 0x04, 0x08
MAX_BYTES = 1000
NAMES = ["a", "b", "f", "l", "in", "up", "loop", "gone", "hard", "p", "s", "...", "nope", "n" * 255]
CODES = {
    errno.ELOOP: "link",
    errno.ENOENT: "missing",
    errno.ENOTDIR: "wrong_kind",
    errno.ENXIO: "wrong_kind",
}
paths = st.lists(st.sampled_from([*NAMES, "", "."]), min_size=1, max_size=6).map("/".join)


class OpenHow(ctypes.Structure):
    _fields_: ClassVar = [("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64)]


def openat2(folder: int, path: str, access: int = os.O_RDONLY | os.O_NONBLOCK) -> int:
    how = OpenHow(access | os.O_CLOEXEC, 0, BENEATH | NO_SYMLINKS)
    call = ctypes.CDLL(None, use_errno=True).syscall
    while True:
        name = ctypes.c_char_p(os.fsencode(path))
        descriptor = call(OPENAT2, folder, name, ctypes.byref(how), ctypes.sizeof(how))
        if descriptor >= 0:
            return descriptor
        number = ctypes.get_errno()
        if number != errno.EAGAIN:  # a rename elsewhere got in between
            raise OSError(number, os.strerror(number), path)


def kernel_read(folder: int, path: str) -> str | bytes:
    """The content, or the code that stands for the kernel's answer."""
    try:
        descriptor = openat2(folder, path)
    except OSError as error:
        return CODES[error.errno or 0]
    try:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return os.read(descriptor, MAX_BYTES) if is_file else "wrong_kind"
    finally:
        os.close(descriptor)


def our_read(root: Root, path: str) -> str | bytes:
    try:
        return root.read(path, max_bytes=MAX_BYTES)
    except ToolError as error:
        return error.code


def kernel_kind(folder: int, path: str) -> str:
    """What the kernel finds under a path without opening it, or the code that stands for its answer."""
    try:
        descriptor = openat2(folder, path, os.O_PATH)
    except OSError as error:
        return CODES[error.errno or 0]
    try:
        mode = os.fstat(descriptor).st_mode
        return "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else "special"
    finally:
        os.close(descriptor)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("oracle"))


def build(base: Path) -> Path:
    root, outside = base / "root", base / "outside"
    (root / "a" / "b" / "a").mkdir(parents=True)
    outside.mkdir()
    (outside / "f").write_text("SECRET")
    for below in [root, root / "a", root / "a" / "b", root / "a" / "b" / "a"]:
        (below / "f").write_text(str(below.relative_to(base)))
        (below / "...").write_text("dots")
        for name, target in {"l": outside, "in": "f", "up": "..", "loop": "loop", "gone": "nowhere"}.items():
            (below / name).symlink_to(target)
        (below / "hard").hardlink_to(outside / "f")
        os.mkfifo(below / "p")
        with chdir(below), socket.socket(socket.AF_UNIX) as listener:
            listener.bind("s")
    return root


@pytest.fixture(scope="module")
def descriptor(folder: Path) -> Generator[int]:
    if not sys.platform.startswith("linux"):
        pytest.skip("openat2 is a call of Linux")
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.close(openat2(opened, "f"))
    except OSError as error:
        os.close(opened)
        pytest.skip(f"openat2 is not to be had here: {error.strerror}")
    yield opened
    os.close(opened)


@pytest.fixture(scope="module")
def root(folder: Path) -> Root:
    return Root(folder)


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(path=paths)
@example(path="l/f")
@example(path="a/b/up/f")
@example(path="in")
@example(path="f/f")
@example(path="p/f")
def test_both_decide_alike(descriptor: int, root: Root, path: str) -> None:
    ours = our_read(root, path)
    if ours == "bad_path":
        assert not path or path.startswith("/")
    elif parse_path(path).is_folder:
        # the walk need not look: what is spelled like a folder is no file to read
        assert ours == "wrong_kind"
        assert isinstance(kernel_read(descriptor, path), str)
    else:
        assert ours == kernel_read(descriptor, path)


@settings(max_examples=100, derandomize=True, database=None, deadline=None)
@given(path=st.lists(st.sampled_from([*NAMES, "", ".", "..", "~", " ", "\\"]), max_size=6).map("/".join))
def test_no_path_is_taken_that_the_kernel_refuses(descriptor: int, root: Root, path: str) -> None:
    ours = our_read(root, path)
    if isinstance(ours, bytes):
        assert ours == kernel_read(descriptor, path)


def test_every_listed_file_is_one_for_the_kernel(descriptor: int, root: Root, folder: Path) -> None:
    listed = root.list(max_entries=100)
    for path in listed:
        assert isinstance(kernel_read(descriptor, path), bytes)
    every = [path for path in folder.rglob("[!.]*") if path.is_file() and not path.is_symlink()]
    assert listed == sorted(str(path.relative_to(folder)) for path in every)


def test_every_unlisted_name_is_none(descriptor: int, root: Root) -> None:
    unlisted = {*NAMES} - {*root.list(pattern="*", max_entries=100), "..."}
    assert all(isinstance(kernel_read(descriptor, name), str) for name in unlisted)


@dataclass
class Ground:
    """A tree for one example, with the kernel's view of it."""

    root: Root
    descriptor: int
    outside: Path

    def outcome(self, operation: str, path: str) -> str:
        operations: dict[str, Callable[[], object]] = {
            "delete": lambda: self.root.delete(path),
            "move": lambda: self.root.move(path, "moved"),
            "move to": lambda: self.root.move("spare", path),
            "make_dir": lambda: self.root.make_dir(path),
        }
        try:
            operations[operation]()
        except ToolError as error:
            return error.code
        return "ok"

    def expected(self, operation: str, path: str) -> str:
        """What the kernel's view of the tree allows."""
        names = parse_path(path).names
        kind, parent = (kernel_kind(self.descriptor, each) for each in (path, "/".join(names[:-1]) or "."))
        if not names or kind == "special":
            return "wrong_kind"
        if operation in {"delete", "move"}:
            is_full = (
                kind == "folder" and operation == "delete" and any(self.root.path.joinpath(*names).iterdir())
            )
            return "denied" if is_full else "ok" if kind in {"file", "folder"} else kind
        if kind == "missing" and parent == "folder":
            return "wrong_kind" if operation == "move to" and parse_path(path).is_folder else "ok"
        if operation == "make_dir":
            return {"folder": "ok", "file": "wrong_kind"}.get(kind, kind)
        return "denied" if kind in {"file", "folder"} else kind


@contextmanager
def ground() -> Generator[Ground]:
    with TemporaryDirectory() as base:
        root = build(Path(base))
        (root / "spare").write_text("spare")
        (root / "empty").mkdir()
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield Ground(Root(root), descriptor, Path(base) / "outside")
        finally:
            os.close(descriptor)


@pytest.mark.slow
@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(
    operation=st.sampled_from(["delete", "move", "move to", "make_dir"]),
    path=st.lists(st.sampled_from([*NAMES, "empty", "."]), min_size=1, max_size=4).map("/".join),
)
@example(operation="delete", path="l/f")
@example(operation="delete", path="hard")
@example(operation="delete", path="empty")
@example(operation="move", path="a/b")
@example(operation="move", path="in")
@example(operation="move to", path="l/f")
@example(operation="move to", path="gone")
@example(operation="move to", path="empty")
@example(operation="make_dir", path="l/new")
@example(operation="make_dir", path="a/nope")
@pytest.mark.usefixtures("descriptor")
def test_changes_are_allowed_where_the_kernel_sees_what_can_change(operation: str, path: str) -> None:
    with ground() as here:
        want = here.expected(operation, path)
        before = kernel_kind(here.descriptor, path)
        assert here.outcome(operation, path) == want
        after = kernel_kind(here.descriptor, path)
        if want != "ok":
            assert after == before
        elif operation in {"delete", "move"}:
            assert after == "missing"
        else:
            assert after == ("file" if operation == "move to" else "folder")
        if want == "ok" and operation == "move":
            assert kernel_kind(here.descriptor, "moved") == before
        assert (here.outside / "f").read_text() == "SECRET"
        assert list(here.outside.iterdir()) == [here.outside / "f"]
