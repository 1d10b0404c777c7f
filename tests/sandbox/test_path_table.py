"""Every row of tests/tables/paths.yaml, by the walk itself, in a sandbox and through the tools."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from llm_do.errors import ToolError
from llm_do.sandbox.box import Box, Boxes
from llm_do.sandbox.fs import Root
from llm_do.sandbox.path import parse_path
from llm_do.toolsets.files import FileToolset
from llm_do.toolsets.manage import ManageToolset

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

MAX_BYTES = 1_048_576
MAX_ENTRIES = 1000
NOBODY = 65534
GENERATED = {
    "LONG5000": "a" * 5000,
    "DEEP2000": "a/" * 1999 + "a",
    "SURROGATE": "\ud800",
    "NAME255": "n" * 255,
    "NAME256": "n" * 256,
}


@dataclass(frozen=True, slots=True)
class Case:
    id: str
    path: str
    want: str
    op: str = "read"
    to: str = ""
    fs: list[str] = field(default_factory=list[str])
    max_bytes: int = MAX_BYTES
    why: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    root: Path
    outside: Path

    def filled(self, text: str) -> str:
        named = GENERATED.get(text, text)
        return named.replace("$ABS", str(self.root)).replace("$OUT", str(self.outside))

    def build(self, layout: list[str]) -> None:
        for line in layout:
            if line == "MANY1200":
                for number in range(1200):
                    (self.root / f"{number}").touch()
            else:
                self._build(self.filled(line))

    def _build(self, line: str) -> None:
        match = re.fullmatch(r"(.+?)(/| => .*| == .*| \||  ?%| \^| @\d+)?", line, re.DOTALL)
        assert match is not None
        name, mark = match[1], (match[2] or "").strip()
        target = self.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        match mark[:2].strip():
            case "/":
                target.mkdir(exist_ok=True)
            case "=>":
                target.symlink_to(mark[3:])
            case "==":
                os.link(self.root / mark[3:], target, follow_symlinks=False)
            case "|":
                os.mkfifo(target)
            case "%":
                with contextlib.chdir(target.parent), socket.socket(socket.AF_UNIX) as listener:
                    listener.bind(target.name)
            case _:
                target.write_text(name)
                if mark.startswith("@"):
                    os.truncate(target, int(mark[1:]))
                if mark == "^":
                    target.chmod(0)


def _cases() -> list[Case]:
    table = yaml.safe_load((Path(__file__).parents[1] / "tables" / "paths.yaml").read_text())
    return [Case(**row) for row in table["cases"]]


CASES = _cases()
TILDES = {
    "tilde": "missing",
    "tilde-user": "missing",
    "tilde-after-dot": "ok:~f",
    "list-hides-odd-names": "ok:f\n~d/f\n~f",
}
"""Below the name of a sandbox a tilde is a character like others."""
CROSSED = [case for case in CASES if case.want in {"bad_path", "link"} and case.op not in {"glob", "move"}]


@pytest.fixture(autouse=True)
def no_hang() -> Generator[None]:
    """End a test that waits for the other end of a pipe."""

    def end(number: int, frame: object) -> None:
        raise TimeoutError(f"signal {number} at {frame}")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path / "root", tmp_path / "outside")
    made.root.mkdir()
    made.outside.mkdir()
    (made.outside / "secret").write_text("SECRET")
    (made.outside / "passwd").write_text("public")
    return made


@pytest.fixture
def root(place: Place) -> Root:
    return Root(place.root)


def tree(folder: Path) -> dict[str, tuple[int, ...]]:
    """Every name below a folder with what a change would change; nothing is opened but folders."""
    found: dict[str, tuple[int, ...]] = {}
    for base, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            status = os.lstat(Path(base, name))
            found[os.path.join(base, name)] = (  # noqa: PTH118 a Path cannot hold every name
                status.st_mode,
                status.st_ino,
                status.st_size,
                status.st_mtime_ns,
            )
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@contextlib.contextmanager
def without_rights(*, wanted: bool) -> Generator[None]:
    """Give up the rights of uid 0, for which no file mode is a refusal."""
    if not wanted or os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def by_root(place: Place, case: Case) -> Callable[[], str]:
    root, path, to = Root(place.root), place.filled(case.path), place.filled(case.to)
    operations: dict[str, Callable[[], Any]] = {
        "read": lambda: root.read(path, max_bytes=case.max_bytes).decode(),
        "write": lambda: root.write(path, b"new", max_bytes=case.max_bytes),
        "list": lambda: "\n".join(root.list(path, max_entries=MAX_ENTRIES)),
        "glob": lambda: "\n".join(root.list(".", path, max_entries=MAX_ENTRIES)),
        "mkdir": lambda: root.make_dir(path),
        "delete": lambda: root.delete(path),
        "move": lambda: root.move(path, to),
    }
    return lambda: operations[case.op]() or ""


def by_sandbox(place: Place, case: Case) -> Callable[[], str]:
    root = Root(place.root, name="box")
    boxes = Boxes(
        (Box(Root(place.outside, name="out")), Box(root, is_writable=True, max_bytes=case.max_bytes))
    )
    path, to = (
        text if not text or text.startswith("/") else f"box/{text}"
        for text in (place.filled(case.path), place.filled(case.to))
    )
    operations: dict[str, Callable[[], Any]] = {
        "read": lambda: boxes.read(path).decode(),
        "write": lambda: boxes.write(path, b"new"),
        "list": lambda: boxes.list(path, "**/*", max_entries=MAX_ENTRIES),
        "glob": lambda: boxes.list("box", place.filled(case.path), max_entries=MAX_ENTRIES),
        "mkdir": lambda: root.make_dir(path),
        "delete": lambda: root.delete(path),
        "move": lambda: root.move(path, to),
    }
    return lambda: in_lines(operations[case.op]() or "").replace("box/", "")


def by_tools(place: Place, case: Case) -> Callable[[], str]:
    root, path, to = Root(place.root), place.filled(case.path), place.filled(case.to)
    files = FileToolset(Boxes((Box(root, is_writable=True, max_bytes=case.max_bytes),)))
    manage = ManageToolset(root)
    operations: dict[str, Callable[[], Any]] = {
        "read": lambda: files.read_file(path),
        "write": lambda: files.write_file(path, "new"),
        "list": lambda: files.list_files(path),
        "glob": lambda: files.list_files(".", path),
        "mkdir": lambda: manage.make_dir(path),
        "delete": lambda: manage.delete_file(path),
        "move": lambda: manage.move_file(path, to),
    }
    return lambda: in_lines(asyncio.run(operations[case.op]()))


def in_lines(result: str | list[str]) -> str:
    return result if isinstance(result, str) else "\n".join(result)


def outcome(act: Callable[[], str], case: Case) -> str:
    """`ok:<text>` or the code of the refusal, whose sentence is one printable line with a cure."""
    try:
        with without_rights(wanted=any(line.endswith(" ^") for line in case.fs)):
            return f"ok:{act()}"
    except ToolError as error:
        refused = error
    assert refused.message.isprintable()
    assert ";" in refused.message
    assert len(refused.message) < 300
    assert "SECRET" not in refused.message
    return refused.code


@pytest.mark.parametrize("by", [by_root, by_sandbox, by_tools], ids=lambda by: by.__name__)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_path(case: Case, place: Place, by: Callable[[Place, Case], Callable[[], str]]) -> None:
    place.build(case.fs)
    if case.id.endswith("-is-another-name") and os.path.lexists(place.root / case.path):
        pytest.skip("this file system takes both spellings for one name")
    outside, inside = tree(place.outside), tree(place.root)
    act = by(place, case)

    result = outcome(act, case)

    want = TILDES.get(case.id, case.want) if by is by_sandbox else case.want
    assert result == want if want != "ok" else result.startswith("ok:")
    assert "SECRET" not in result
    assert tree(place.outside) == outside
    assert contents(place.outside) == {"secret": b"SECRET", "passwd": b"public"}
    if not result.startswith("ok:"):
        assert tree(place.root) == inside


@pytest.mark.parametrize("case", CROSSED, ids=lambda case: case.id)
def test_path_is_refused_by_every_operation(case: Case, place: Place, root: Root) -> None:
    place.build([*case.fs, "other"])
    outside, inside = tree(place.outside), tree(place.root)
    path = place.filled(case.path)
    operations: list[Callable[[], object]] = [
        lambda: root.list(path, max_entries=MAX_ENTRIES),
        lambda: root.make_dir(path),
        lambda: root.delete(path),
        lambda: root.move(path, "new"),
        lambda: root.move("other", path),
    ]
    if case.want == "bad_path" or not parse_path(path).is_folder:
        operations += [
            lambda: root.read(path, max_bytes=MAX_BYTES),
            lambda: root.write(path, b"new", max_bytes=MAX_BYTES),
        ]
    for operation in operations:
        with pytest.raises(ToolError) as caught:
            operation()
        assert caught.value.code == case.want
    assert tree(place.outside) == outside
    assert tree(place.root) == inside
