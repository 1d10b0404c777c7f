"""Python files of a project in, the files of the project that these import out, as far as syntax tells."""

from __future__ import annotations

import ast
import os
import site
import sysconfig
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from llm_do.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence


def with_imports(
    files: Iterable[Path], root: Path, read: Callable[[Path], bytes], search: Sequence[str]
) -> dict[Path, bytes]:
    """Read files, and what they import from the project's folder, by real paths; nothing is imported.

    Args:
        files: where to begin.
        root: the project's folder.
        read: how to read a file.
        search: the folders of the import path; those outside the project do not count.

    Raises:
        SpecError: a file that they import is a link out of the project.
    """
    inside = os.path.realpath(root)
    folders = [Path(each).absolute() for each in ["", *search] if belongs(each, root)]
    found: dict[Path, bytes] = {}
    waiting = [Path(os.path.realpath(each)) for each in files]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found[path] = read(path)
            around = [path.parent, Path(inside), *folders]
            named = (each for name in _imports(found[path]) for each in _files(name, path, around))
            waiting += [_followed(each, inside) for each in named if belongs(each, root)]
    return found


def belongs(path: str | Path, root: Path) -> bool:
    """Tell whether a file is the project's, by its path as it is written or by where links lead.

    Packages that are installed within the project are not, nor is llm-do itself; a project that lies within
    such a folder is.
    """
    written, inside = os.path.normpath(Path(path).absolute()), os.path.realpath(root)
    return any(_is_within(Path(each), inside) for each in (written, os.path.realpath(path)))


def _is_within(path: Path, root: str) -> bool:
    around = (os.path.realpath(each) for each in (path, *path.parents))
    return next((each for each in around if each == root or each in _installed()), None) == root


@cache
def _installed() -> frozenset[str]:
    """Name the folders of Python's own modules, of installed packages, and of llm-do."""
    paths = sysconfig.get_paths()
    found = [paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    found += [*site.getsitepackages(), site.getusersitepackages()]
    ours = Path(__file__).parents[1]
    return frozenset(os.path.realpath(each) for each in [*found, ours, ours.with_name("llm_do_eval")])


def _followed(file: Path, root: str) -> Path:
    """Follow links within the project: what a reviewer of the project sees must be what runs."""
    real = Path(os.path.realpath(file))
    if not real.is_relative_to(root):
        raise SpecError("the file is a link out of the project; copy it into the project", path=file)
    return real


def _imports(source: bytes) -> Iterator[str]:
    """Yield the dotted names that a file imports; a leading dot is one folder up, as Python writes it."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # importing it will say so
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            begin = "." * node.level + (node.module or "")
            yield begin
            glue = "" if begin.endswith(".") else "."
            yield from (f"{begin}{glue}{each.name}" for each in node.names if each.name != "*")


def _files(name: str, path: Path, around: Sequence[Path]) -> Iterator[Path]:
    """Yield the files that importing a name may run: every package on the way, and the module itself."""
    steps = name.lstrip(".")
    up = len(name) - len(steps)
    starts = [path.parents[up - 1]] if 0 < up <= len(path.parents) else around
    for start in starts:
        at = start
        for step in filter(None, steps.split(".")):
            at /= step
            for file in (at / "__init__.py", at.with_name(f"{step}.py")):
                if file.is_file():
                    yield file
