"""Workers that ran in, their files by path and digest out, and later which of them have changed.

In a meta line `workers` maps names to `{file, sha256, model}`, with the model that the file names if any, and
`tool_files` maps files to the digest of what they declare; files are relative to the cassette's folder.
"""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from llm_do.canonical import digest
from llm_do.errors import SpecError
from llm_do.links import Tool, Toolset
from llm_do_eval.cassette.file.place import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from llm_do.links import Worker
    from llm_do.project.spec import WorkerSpec

Sources = dict[str, Any]
_CHANGED: Final = "changed since it was recorded"
_GONE: Final = "is gone since it was recorded"
_ORIGIN: Final = re.compile(r"(?P<file>.+\.py):\d+")


class Change(NamedTuple):
    """A file, named from where one stands, that is not as it was; `worker` is None for a file of tools."""

    file: str
    worker: str | None = None
    how: str = _CHANGED

    def __str__(self) -> str:
        what = (
            f"what {self.file} declares" if self.worker is None else f"worker {self.worker!r} ({self.file})"
        )
        return f"{what} {self.how}"


def sources_of(workers: Iterable[Worker]) -> Sources:
    """Name the files of workers, and of the Python tools they use, by absolute paths.

    Workers without a file of the project, as those that Python made, are left out.
    """
    found: Sources = {"workers": {}, "tool_files": []}
    for worker in workers:
        spec = worker.spec
        if isinstance(spec.path, Path) and spec.sha256 and not spec.created:
            found["workers"][worker.name] = _source(spec)
        for link in worker.links:
            origin = _ORIGIN.fullmatch(link.origin) if isinstance(link, Tool | Toolset) else None
            found["tool_files"] += [str(Path(origin["file"]).absolute())] if origin else []
    return found


def project_sources(path: Path) -> Sources:
    """Name the files of a project, given its manifest or folder, by absolute paths.

    Raises:
        SpecError: a file of it is wrong.
        UsageError: there is no project.
    """
    from llm_do.project.discover import read_project  # readers of files need YAML, which replays do without

    project = read_project([path])
    workers = {each.name: _source(each) for each in project.workers}
    return {"workers": workers, "tool_files": [str(each.path) for each in project.python if each.toolsets]}


def _is_made_by_runs(file: str) -> bool:
    from llm_do.project.workerfile import GENERATED  # readers of files need YAML, which replays do without

    return Path(file).absolute().parent.as_posix().endswith(f"/{GENERATED}")


def placed(meta: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Write the sources in a meta line as a cassette in `folder` keeps them; other keys stay.

    Workers that runs make, and make again, are no sources.
    """
    kept = {key: value for key, value in meta.items() if key not in ("workers", "tool_files")}
    workers = {
        name: {**_mapping(each), "file": _relative(str(_mapping(each).get("file")), folder)}
        for name, each in _mapping(meta.get("workers")).items()
        if not _is_made_by_runs(str(_mapping(each).get("file")))
    }
    digests = {_relative(file, folder): surface(Path(file)) for file in meta.get("tool_files") or ()}
    tools = {file: known for file, known in sorted(digests.items()) if known}
    return kept | ({"workers": workers} if workers else {}) | ({"tool_files": tools} if tools else {})


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Merge the meta line of what is kept with that of what is new; of a source, the older digest counts.

    A recording looks no fresher than its oldest part.
    """
    sources = {
        key: _mapping(new.get(key)) | _mapping(old.get(key))
        for key in ("workers", "tool_files")
        if old.get(key) or new.get(key)
    }
    return {**old, **new, **sources}


def changed(meta: Mapping[str, Any], folder: Path) -> list[Change]:
    """List the sources of a recording in `folder` that are not as they were."""
    found: list[Change] = []
    for name, each in _mapping(meta.get("workers")).items():
        recorded, file = _mapping(each), str(_mapping(each).get("file"))
        source = _bytes_of(folder / file)
        if source is None or digest(source) != recorded.get("sha256"):
            found.append(Change(shown(folder / file), name, _how(file, source, recorded)))
    for file, recorded in _mapping(meta.get("tool_files")).items():
        now = surface(folder / file)
        if now != recorded:
            found.append(Change(shown(folder / file), how=_CHANGED if now else _GONE))
    return found


def surface(path: Path) -> str | None:
    """Digest what a Python file declares, which is all but the bodies of its functions; None if unreadable.

    Signatures, docstrings, decorators and values are what tools are made of.
    """
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = _declared(node)
    return digest(ast.dump(tree))


def _declared(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
    """Keep of a body its docstring, and the functions and classes in it: factories make tools there."""
    inner = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    documented = ast.get_docstring(function) is not None
    return [
        each for n, each in enumerate(function.body) if (n == 0 and documented) or isinstance(each, inner)
    ]


def _source(spec: WorkerSpec) -> dict[str, Any]:
    named = {} if spec.model is None else {"model": spec.model}
    return {"file": str(Path(spec.path or "").absolute()), "sha256": spec.sha256, **named}


def _how(file: str, source: bytes | None, recorded: Mapping[str, Any]) -> str:
    if source is None:
        return _GONE
    from llm_do.project.spec import parse_worker

    before = recorded.get("model")
    try:
        now = parse_worker(file, source).model
    except SpecError:
        return _CHANGED
    if now == before:
        return _CHANGED
    named = "named none" if before is None else f"named {before!r}"
    return (
        f"now names {'no model' if now is None else f'the model {now!r}'}, and {named} when it was recorded"
    )


def _mapping(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _bytes_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _relative(file: str, folder: Path) -> str:
    return Path(os.path.relpath(file, folder.absolute())).as_posix()
