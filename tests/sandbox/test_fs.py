from __future__ import annotations

import contextlib
import os
import resource
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from folders import fill, names

from llm_do.errors import ToolError, UsageError
from llm_do.sandbox.fs import Root

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

LIMIT = 1_000_000  # bytes
NOBODY = 65534


@contextlib.contextmanager
def limited(kind: int, soft: int) -> Generator[None]:
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


@contextlib.contextmanager
def rights_of_nobody() -> Generator[None]:
    """Let file modes refuse, which they never do for uid 0."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


def open_below(folder: Path) -> int:
    """How many open descriptors lead to a folder or to something in it."""
    known = {(status.st_dev, status.st_ino) for status in map(os.lstat, [folder, *folder.rglob("*")])}
    count = 0
    for name in names(Path("/dev/fd")):
        with contextlib.suppress(OSError):  # the one that listed the others is closed
            status = os.fstat(int(name))
            count += (status.st_dev, status.st_ino) in known
    return count


def operations(root: Root, path: str) -> list[Callable[[], object]]:
    return [
        lambda: root.read(path, max_bytes=LIMIT),
        lambda: root.write(path, b"new", max_bytes=LIMIT),
        lambda: root.list(path, max_entries=10),
        lambda: root.make_dir(path),
        lambda: root.move(path, f"{path}.moved"),
        lambda: root.delete(path),
    ]


def test_written_bytes_come_back(root: Root) -> None:
    content = bytes(range(256)) * 1000
    root.write("a/b/f", b"old", max_bytes=LIMIT)
    root.write("a/b/f", content, max_bytes=LIMIT)
    assert root.read("a/b/f", max_bytes=LIMIT) == content
    assert root.list(max_entries=10) == ["a/b/f"]


def test_write_leaves_nothing_else_behind(root: Root, folder: Path) -> None:
    root.write("f", b"new", max_bytes=LIMIT)
    assert names(folder) == ["f"]


@pytest.mark.parametrize("mode", [0o600, 0o755, 0o666, 0o4755])
def test_write_keeps_the_mode_of_a_replaced_file_but_no_set_id_bit(
    root: Root, folder: Path, mode: int
) -> None:
    fill(folder, "f")
    (folder / "f").chmod(mode)
    root.write("f", b"new", max_bytes=LIMIT)
    assert (folder / "f").read_bytes() == b"new"
    assert stat.S_IMODE((folder / "f").stat().st_mode) == mode & 0o777


def test_new_file_and_folder_follow_the_umask(root: Root, folder: Path) -> None:
    before = os.umask(0o027)
    try:
        root.write("a/f", b"new", max_bytes=LIMIT)
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "a" / "f").stat().st_mode) == 0o640
    assert stat.S_IMODE((folder / "a").stat().st_mode) == 0o750


def test_a_write_that_fails_midway_keeps_the_old_file_and_leaves_nothing(root: Root, folder: Path) -> None:
    fill(folder, "f")
    with limited(resource.RLIMIT_FSIZE, 1000), pytest.raises(ToolError) as caught:
        root.write("f", b"n" * 5000, max_bytes=LIMIT)
    assert caught.value.code == "denied"
    assert names(folder) == ["f"]
    assert (folder / "f").read_text() == "f"


def test_write_obeys_the_mode_of_the_file_in_a_folder_that_anyone_may_change(
    root: Root, folder: Path
) -> None:
    fill(folder, "f")
    (folder / "f").chmod(0o444)
    folder.chmod(0o777)
    with rights_of_nobody(), pytest.raises(ToolError) as caught:
        root.write("f", b"new", max_bytes=LIMIT)
    assert caught.value.code == "denied"
    assert (folder / "f").read_text() == "f"


def test_write_breaks_a_hard_link(root: Root, folder: Path, outside: Path) -> None:
    (folder / "h").hardlink_to(outside / "secret")
    root.write("h", b"new", max_bytes=LIMIT)
    assert (outside / "secret").read_text() == "SECRET"
    assert (folder / "h").read_text() == "new"


def test_a_reader_sees_one_whole_file_while_another_thread_writes(root: Root) -> None:
    contents = [bytes([letter]) * 200_000 for letter in b"ab"]
    root.write("f", contents[0], max_bytes=LIMIT)

    def write_by_turns() -> None:
        for turn in range(20):
            root.write("f", contents[turn % 2], max_bytes=LIMIT)

    writer = threading.Thread(target=write_by_turns)
    writer.start()
    while writer.is_alive():
        assert root.read("f", max_bytes=LIMIT) in contents
    writer.join()


def test_move_takes_the_content_along(root: Root, folder: Path) -> None:
    fill(folder, "a/b/f", "c/")
    root.move("a/b", "c/d")
    assert root.list(max_entries=10) == ["c/d/f"]
    assert names(folder / "a") == []


def test_delete_removes_one_name(root: Root, folder: Path) -> None:
    fill(folder, "a/", "f", "g")
    root.delete("f")
    root.delete("a")
    assert names(folder) == ["g"]


def test_every_listed_path_can_be_used_as_it_is(root: Root, folder: Path) -> None:
    fill(folder, "a/b/f", "a/x y", "c/", "d/é.md")
    for path in root.list(max_entries=10):
        assert root.read(path, max_bytes=LIMIT).decode() == path
    folders = root.list(pattern="**/", max_entries=10)
    assert folders == ["a/", "a/b/", "c/", "d/"]
    assert root.list(folders[1], max_entries=10) == ["a/b/f"]


@pytest.mark.parametrize(("asked", "known"), [("notes/tody.md", "today.md"), ("noted/today.md", "notes")])
def test_a_missing_name_comes_with_the_nearest_one(root: Root, folder: Path, asked: str, known: str) -> None:
    fill(folder, "notes/today.md", "notes/tody.md ")
    (folder / "notes" / "tody.mdx").symlink_to("today.md")
    with pytest.raises(ToolError, match=f"did you mean '{known}'"):
        root.read(asked, max_bytes=LIMIT)


def test_list_gives_up_after_its_looks_whatever_matches(root: Root, folder: Path) -> None:
    fill(folder, *[f"{where}/{number}" for where in "ab" for number in range(20)])
    assert root.list(pattern="*", max_entries=1, max_looks=2) == []
    with pytest.raises(ToolError, match="names to look at") as caught:
        root.list(pattern="**/nothing", max_entries=1, max_looks=30)
    assert caught.value.code == "too_many"
    assert root.list(pattern="**/nothing", max_entries=1, max_looks=50) == []


def test_list_returns_as_many_as_allowed(root: Root, folder: Path) -> None:
    fill(folder, "a", "b")
    assert root.list(max_entries=2) == ["a", "b"]
    with pytest.raises(ToolError, match="more than 1 matches"):
        root.list(max_entries=1)


def test_list_passes_over_a_folder_that_cannot_be_opened(root: Root, folder: Path) -> None:
    fill(folder, "a/f", "b/f")
    (folder / "a").chmod(0)
    with rights_of_nobody():
        assert root.list(max_entries=10) == ["b/f"]
        with pytest.raises(ToolError) as caught:
            root.list("a", max_entries=10)
    (folder / "a").chmod(0o700)
    assert caught.value.code == "denied"


def test_a_deep_tree_costs_looks_and_no_descriptors(root: Root) -> None:
    path = "d/" * 200 + "f"
    root.write(path, b"deep", max_bytes=LIMIT)
    spare = max(int(name) for name in names(Path("/dev/fd"))) + 10
    with limited(resource.RLIMIT_NOFILE, spare):
        assert root.read(path, max_bytes=LIMIT) == b"deep"
        assert root.list(max_entries=1) == [path]
        with pytest.raises(ToolError) as caught:
            root.list(max_entries=1, max_looks=1000)
    assert caught.value.code == "too_many"


def test_no_operation_leaks_a_descriptor(root: Root, folder: Path) -> None:
    fill(folder, "a/f", "d/")
    os.mkfifo(folder / "p")
    (folder / "l").symlink_to("a")
    for path in ["a/nope/x", "p", "p/f", "l", "l/f", "..", "a/f/x", "a", "a/f", "d"]:
        for operation in operations(root, path):
            with contextlib.suppress(ToolError):
                operation()
    assert open_below(folder) == 1


def test_a_root_closes_its_descriptor(folder: Path) -> None:
    kept = Root(folder)
    assert open_below(folder) == 1
    del kept
    assert open_below(folder) == 0


def test_root_stays_the_folder_it_was_opened_on(root: Root, folder: Path, outside: Path) -> None:
    fill(folder, "f")
    moved = folder.rename(folder.with_name("moved"))
    folder.symlink_to(outside)
    assert root.read("f", max_bytes=LIMIT) == b"f"
    root.write("g", b"new", max_bytes=LIMIT)
    assert (moved / "g").read_bytes() == b"new"
    assert names(outside) == ["secret"]


def test_a_deleted_root_holds_nothing_and_takes_nothing(root: Root, folder: Path) -> None:
    folder.rmdir()
    for operation in operations(root, "f"):
        with pytest.raises(ToolError) as caught:
            operation()
        assert caught.value.code == "missing"
    assert root.list(max_entries=1) == []


@pytest.mark.parametrize("spelling", ["{}", "{}/", "{}/."])
def test_root_refuses_a_link(folder: Path, outside: Path, spelling: str) -> None:
    link = folder / "l"
    link.symlink_to(outside)
    with pytest.raises(UsageError, match="is a link: give"):
        Root(spelling.format(link))


@pytest.mark.parametrize("name", ["f", "nope", "f/x", "a\0b"])
def test_root_refuses_what_is_no_folder(folder: Path, name: str) -> None:
    fill(folder, "f")
    with pytest.raises(UsageError, match="cannot be opened as a folder"):
        Root(folder / name)


@pytest.mark.parametrize("path", ["/", "//", "/usr/.."])
def test_root_refuses_the_whole_disk(path: str) -> None:
    with pytest.raises(UsageError, match="is the whole disk"):
        Root(path)


def test_root_refuses_the_home_folder_in_any_spelling(folder: Path) -> None:
    fill(folder, "d/")
    (folder / "l").symlink_to(folder)
    with pytest.raises(UsageError, match="is the home folder"):
        Root(folder / "d" / "..", home=folder / "l")
    assert Root(folder / "d", home=folder).list(max_entries=1) == []
    assert Root(folder, home=folder / "nowhere").list(max_entries=1) == []


def test_root_refuses_the_home_folder_of_the_process() -> None:
    with pytest.raises(UsageError, match=r"is (the home folder|the whole disk|a link)"):
        Root(Path.home())


def test_root_needs_a_posix_system(folder: Path) -> None:
    with pytest.raises(UsageError, match="need a POSIX system, not 'nt'"):
        Root(folder, system="nt")


def test_import_is_light() -> None:
    code = "import sys, llm_do.sandbox.fs; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    assert "llm_do.sandbox.fs" in loaded
    assert not {"asyncio", "jinja2", "pydantic", "pydantic_ai", "yaml"} & set(loaded)
