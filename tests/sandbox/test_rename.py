from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from llm_do.sandbox.entry import Entry
from llm_do.sandbox.rename import kernel_rename, rename_to_free

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from llm_do.sandbox.rename import Rename


def unknown_call(source: Entry, target: Entry) -> int:
    """A system that has no rename which refuses taken names."""
    del source, target
    return errno.ENOSYS


WAYS: dict[str, Rename] = {"by the kernel": kernel_rename, "in two steps": unknown_call}


@pytest.fixture(params=WAYS)
def rename(request: pytest.FixtureRequest, folder: Path) -> Generator[Callable[[str, str], None]]:
    with opened(folder) as descriptor:

        def _rename(source: str, target: str) -> None:
            ends = Entry(descriptor, (source,)), Entry(descriptor, (target,))
            rename_to_free(*ends, rename=WAYS[request.param])

        yield _rename


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "f").write_text("f")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "inner").write_text("inner")
    return tmp_path


@contextmanager
def opened(folder: Path) -> Generator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_file_and_a_folder_get_a_free_name(rename: Callable[[str, str], None], folder: Path) -> None:
    rename("f", "g")
    rename("d", "e")
    assert names(folder) == ["e", "e/inner", "g"]
    assert (folder / "g").read_text() == "f"
    assert (folder / "g").stat().st_nlink == 1


@pytest.mark.parametrize("source", ["f", "d"])
@pytest.mark.parametrize("taken", ["file", "folder", "empty", "link"])
def test_a_taken_name_stays_what_it_was(
    rename: Callable[[str, str], None], folder: Path, source: str, taken: str
) -> None:
    (folder / "file").write_text("old")
    (folder / "empty").mkdir()
    (folder / "folder" / "x").mkdir(parents=True)
    (folder / "link").symlink_to("nowhere")
    before = names(folder)
    with pytest.raises(FileExistsError):
        rename(source, taken)
    assert names(folder) == before
    assert (folder / "file").read_text() == "old"


def test_the_control_overwrites(folder: Path) -> None:
    (folder / "file").write_text("old")
    (folder / "f").rename(folder / "file")
    assert (folder / "file").read_text() == "f"


@pytest.mark.parametrize("target", ["d/inside", "nope/g"])
def test_what_fails_leaves_everything(rename: Callable[[str, str], None], folder: Path, target: str) -> None:
    before = names(folder)
    with pytest.raises(OSError, match=r"Invalid argument|No such file"):
        rename("d", target)
    assert names(folder) == before


def test_a_missing_source_takes_no_name(rename: Callable[[str, str], None], folder: Path) -> None:
    before = names(folder)
    with pytest.raises(FileNotFoundError):
        rename("nope", "g")
    assert names(folder) == before


def test_a_system_without_any_such_call_is_told_apart(folder: Path) -> None:
    with opened(folder) as descriptor:
        source = Entry(descriptor, ("f",))
        assert kernel_rename(source, Entry(descriptor, ("d",))) == errno.EEXIST
        assert kernel_rename(source, Entry(descriptor, ("g",))) in {0, errno.EINVAL}
