"""An attacker swaps a folder for a link outside; whoever checks by name and then uses the name loses."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from llm_do.errors import ToolError
from llm_do.sandbox.fs import Root

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

pytestmark = pytest.mark.slow

SECONDS = 1.0
PATIENCE = 60.0  # seconds for the attacker to win against the naive form
SWAP = """
import os, shutil, sys

def clear(path):
    try:
        os.unlink(path)
    except IsADirectoryError:  # made by a write while the folder was away
        shutil.rmtree(path, ignore_errors=True)
    except OSError:
        pass

def put(act, source, target):
    while True:
        clear(target)
        try:
            return act(source, target)
        except OSError:
            pass

folder, outside = sys.argv[1:]
while True:
    os.rename(folder, folder + ".aside")
    put(os.symlink, outside, folder)
    put(os.rename, folder + ".aside", folder)
"""


@dataclass(frozen=True, slots=True)
class Field:
    """`root/d/f` is ours, `outside/f` is not; `mine` is a descriptor of `d`, whatever its name."""

    root: Path
    outside: Path
    mine: int

    def reset(self) -> None:
        (self.outside / "f").write_text("SECRET")
        with open("f", "w", opener=lambda name, flags: os.open(name, flags, dir_fd=self.mine)) as file:
            file.write("public")
        (self.root / "g").write_text("public")
        with contextlib.suppress(OSError):  # moved here before, or a folder
            os.unlink("new", dir_fd=self.mine)

    def is_lost(self, result: object) -> bool:
        """Tell whether a result shows the outside, or the outside shows a change."""
        if "SECRET" in str(result) or "only-outside" in str(result):
            return True
        outside = self.outside / "f"
        return not outside.exists() or outside.read_text() != "SECRET" or (self.outside / "new").exists()


@pytest.fixture
def field(tmp_path: Path) -> Generator[Field]:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "d").mkdir(parents=True)
    outside.mkdir()
    (outside / "only-outside").touch()
    mine = os.open(root / "d", os.O_RDONLY | os.O_DIRECTORY)
    yield Field(root, outside, mine)
    os.close(mine)


@contextlib.contextmanager
def attack(field: Field) -> Generator[None]:
    attacker = subprocess.Popen([sys.executable, "-c", SWAP, str(field.root / "d"), str(field.outside)])
    try:
        yield
        assert attacker.poll() is None, "the attacker gave up"
    finally:
        attacker.kill()
        attacker.wait()


def checked(root: Path, name: str) -> Path:
    """The usual check: resolve the name, see that it lies below the root, and hand the name on."""
    path = (root / name).resolve()
    if not path.is_relative_to(root):
        raise PermissionError(name)
    return path


def naive_write(root: Path, name: str) -> None:
    checked(root, name).write_text("new")


def naive_make_dir(root: Path) -> None:
    with contextlib.suppress(FileExistsError):
        checked(root, "d/new").mkdir()


CONTESTS: dict[str, tuple[Callable[[Path], object], Callable[[Root], object]]] = {
    "read": (lambda root: checked(root, "d/f").read_text(), lambda root: root.read("d/f", max_bytes=100)),
    "write": (lambda root: naive_write(root, "d/f"), lambda root: root.write("d/f", b"new", max_bytes=100)),
    "list": (
        lambda root: list(checked(root, "d").iterdir()),
        lambda root: root.list("d", max_entries=10) + root.list(pattern="**/*", max_entries=10),
    ),
    "move into": (
        lambda root: (root / "g").rename(checked(root, "d/new")),
        lambda root: root.move("g", "d/new"),
    ),
    "make_dir": (naive_make_dir, lambda root: root.make_dir("d/new")),
    "delete": (lambda root: checked(root, "d/f").unlink(), lambda root: root.delete("d/f")),
    "move": (
        lambda root: checked(root, "d/f").rename(root / "taken"),
        lambda root: root.move("d/f", "taken") or root.read("taken", max_bytes=100),
    ),
}


@pytest.mark.parametrize("operation", CONTESTS)
def test_the_naive_form_loses_and_the_walk_never_does(field: Field, operation: str) -> None:
    naive, ours = CONTESTS[operation]
    root = Root(field.root)
    with attack(field):
        assert losses(field, lambda: naive(field.root), seconds=PATIENCE, enough=1) == 1
        clear(field.outside / "new")
        assert losses(field, lambda: ours(root), seconds=SECONDS, enough=1) == 0


def clear(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.rmdir() if path.is_dir() else path.unlink()


def losses(field: Field, act: Callable[[], object], *, seconds: float, enough: int) -> int:
    """Act until so many losses or seconds; some acts must succeed, or nothing was shown."""
    lost = done = 0
    end = time.monotonic() + seconds
    while lost < enough and (time.monotonic() < end or (not done and time.monotonic() < end + PATIENCE)):
        field.reset()
        (field.root / "taken").unlink(missing_ok=True)
        result: object = ""
        with contextlib.suppress(OSError, ToolError):
            result = act()
            done += 1
        lost += field.is_lost(result)
    assert done > 0
    return lost
