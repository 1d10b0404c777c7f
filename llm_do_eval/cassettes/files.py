"""Paths in, the cassettes below them out, and what recordings left beside them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from llm_do.errors import FormatError
from llm_do_eval.cassette.session import STOCK_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FOLDER: Final = "cassettes"
SUFFIXES: Final = (".jsonl", *STOCK_SUFFIXES)
# the name of a test may hold the same words
_LEFT_OVER: Final = re.compile(r"\.journal\Z|\.unclean(?:\.\d+)?\Z|\.tmp\.\d+\Z")
_NOT_OURS: Final = frozenset({"node_modules", "site-packages", "__pycache__"})


class Files(NamedTuple):
    """Cassettes, and files of recordings that did not end well; both sorted."""

    cassettes: tuple[Path, ...]
    left_over: tuple[Path, ...]


def find_files(paths: Iterable[Path]) -> Files:
    """Find the files to look at: those named, and those in folders `cassettes` below a folder that is named.

    Raises:
        FormatError: a path does not exist, or nothing is found at all.
    """
    named = list(paths) or [Path()]
    found = Files((), ())
    for path in named:
        if not path.exists():
            raise FormatError(f"{path}: there is no such file or folder")
        here = files_in(path) if path.is_dir() else sorted_out([path])
        found = Files(found.cassettes + here.cassettes, found.left_over + here.left_over)
    if not any(found):
        where = ", ".join(str(path) for path in named)
        raise FormatError(f"no cassette below {where}: there is no file in a folder named {FOLDER!r}")
    return Files(*(tuple(sorted(set(each))) for each in found))


def files_in(folder: Path) -> Files:
    """Sort out the files of a folder that lie in folders `cassettes`, itself included."""
    return sorted_out(path for path in _walk(folder) if FOLDER in path.absolute().parent.parts)


def sorted_out(files: Iterable[Path]) -> Files:
    """Tell cassettes from what recordings left, by name; other files are none of ours."""
    left_over, cassettes = list[Path](), list[Path]()
    for path in files:
        if _LEFT_OVER.search(path.name):
            left_over.append(path)
        elif path.suffix in SUFFIXES:
            cassettes.append(path)
    return Files(tuple(cassettes), tuple(left_over))


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in _NOT_OURS
            and not (Path(root) / name / "pyvenv.cfg").exists()
        )
        yield from (Path(root) / name for name in sorted(files))
