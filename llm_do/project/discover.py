"""Paths in, the files of one project out: the only reader of project files, and it imports none of them."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from llm_do.errors import SpecError, UsageError, nearest
from llm_do.project.document import brief
from llm_do.project.manifest import Manifest, load_manifest
from llm_do.project.setting import override
from llm_do.project.spec import WorkerSpec, parse_worker
from llm_do.project.workerfile import GENERATED
from llm_do.python.pythonfile import PythonFile, scan_python

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from llm_do.project.setting import Setting

MANIFEST: Final = "project.json"
_MOST_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Project:
    """The files of a project, read and parsed: nothing is linked or imported yet."""

    root: Path
    manifest: Manifest
    workers: tuple[WorkerSpec, ...]
    python: tuple[PythonFile, ...]

    @property
    def name(self) -> str:
        """What journals call the project: the folder's name."""
        return self.root.name


def read_project(paths: Sequence[Path], *, root: Path | None = None) -> Project:
    """Read a manifest, a folder that holds one, or worker and Python files.

    Args:
        paths: one manifest or folder, or any number of files.
        root: the project root for plain files; by default the folder of the first.

    Raises:
        UsageError: a path does not exist or is of no known kind.
        SpecError: a file is wrong; says file and line.
    """
    if not paths:
        raise UsageError("no project file given; name at least one .worker or .py file")
    first = paths[0]
    _refuse_missing(first)
    if first.is_dir() or first.suffix == ".json":
        if len(paths) > 1:
            raise UsageError(f"{paths[1]}: a manifest already lists its files; drop one of the two")
        return _from_manifest(first / MANIFEST if first.is_dir() else first)
    for path in paths:
        _refuse_missing(path)
        if path.suffix not in (".worker", ".py"):
            raise UsageError(f"{path}: not a .worker or .py file, a manifest or a folder with {MANIFEST}")
    folder = (root or first.parent).absolute()
    return _read(folder, Manifest(), list(dict.fromkeys(path.absolute() for path in paths)))


def with_settings(project: Project, settings: Sequence[Setting], entry: str) -> Project:
    """Apply `--set [WORKER:]dotted.key=VALUE`; without WORKER it speaks of the entry worker."""
    workers = {spec.name: spec for spec in project.workers}
    for setting in settings:
        name = setting.worker or entry
        if name not in workers:
            raise UsageError(
                f"--set: {name!r} is no worker of this project{nearest(name, workers) or _known(workers)}"
            )
        workers[name] = override(workers[name], setting.key, setting.value)
    return replace(project, workers=tuple(workers.values()))


def check_schemas(project: Project) -> None:
    """Check inline schemas, and look up every `path.py:Class` of the workers without importing a file.

    Raises:
        SpecError: a schema is none or takes no fields; there is no such file, it is no Python, or the class
            is not named in it.
    """
    for spec in project.workers:
        for key in ("input_schema", "output_schema"):
            reference = getattr(spec, key)
            if isinstance(reference, str) and ":" in reference:
                path, _, name = reference.partition(":")
                _look_up(spec, key, project.root / path, name)
            if isinstance(reference, Mapping):
                _check_inline(spec, key, cast("Mapping[str, Any]", reference))


def _check_inline(spec: WorkerSpec, key: str, schema: Mapping[str, Any]) -> None:
    from llm_do.schemas.inline import checked_schema  # jsonschema takes a while to import

    try:
        kind = checked_schema(schema, key).get("type", "object")
    except SpecError as error:
        raise spec.error(str(error), key) from error
    if key == "input_schema" and kind != "object":
        raise spec.error(f"{key} is of type {kind!r}; an input is an object with fields", key)


def _look_up(spec: WorkerSpec, key: str, path: Path, name: str) -> None:
    if not path.is_file():
        raise spec.error(f"{key}: there is no file {str(shown(path))!r}; correct the path", key)
    source = project_bytes(path)
    bound = scan_python(shown(path), source).bound
    # what is not defined in the file may still be imported into it
    if name not in bound and not re.search(rf"\b{name}\b".encode(), source):
        raise spec.error(f"{key}: no {name!r} in {str(shown(path))!r}{nearest(name, bound)}", key)


def _from_manifest(path: Path) -> Project:
    if not path.is_file():
        raise UsageError(f"{path.parent}: the folder holds no {MANIFEST}; add one, or name its .worker files")
    manifest = load_manifest(path, project_bytes(path))
    root = path.parent.absolute()
    found: list[Path] = []
    for key, patterns, suffix in (
        ("worker_files", manifest.worker_files, ".worker"),
        ("python_files", manifest.python_files, ".py"),
    ):
        for index, pattern in enumerate(patterns):
            line = manifest.lines.get(f"{key}.{index}", manifest.lines.get(key))
            found += _matches(root, pattern, suffix, SpecError("", path=path, line=line))
    if not found:
        raise SpecError("its 'worker_files' and 'python_files' match no file; correct them", path=path)
    return _read(root, manifest, list(dict.fromkeys(found)))


def _matches(root: Path, pattern: str, suffix: str, place: SpecError) -> list[Path]:
    if any(sign in pattern for sign in "*?["):
        return sorted(path for path in root.glob(pattern) if path.suffix == suffix)
    path = root / pattern
    if not path.is_file():
        raise SpecError(f"{pattern!r} does not exist; correct or remove it", path=place.path, line=place.line)
    if path.suffix != suffix:
        raise SpecError(f"{pattern!r} is no {suffix} file", path=place.path, line=place.line)
    return [path]


def _read(root: Path, manifest: Manifest, files: list[Path]) -> Project:
    workers = [_worker(root, path) for path in files if path.suffix == ".worker"]
    # of plain files, those can call created workers that have the tool to call any by name
    if manifest.path is not None or any("worker_tools" in spec.toolsets for spec in workers):
        generated = sorted((root / GENERATED).glob("*.worker"))
        workers += [_worker(root, path) for path in generated if path not in files]
    python = [path for path in files if path.suffix == ".py"]
    for path in python:
        _refuse_links(root, path)
    scanned = tuple(scan_python(shown(path), project_bytes(path)) for path in python)
    return Project(root, manifest, tuple(workers), scanned)


def _worker(root: Path, path: Path) -> WorkerSpec:
    _refuse_links(root, path)
    spec = parse_worker(shown(path), project_bytes(path))
    return replace(spec, created=Path(os.path.normpath(path)).is_relative_to(root / GENERATED))


def project_bytes(path: Path) -> bytes:
    """Read a file of a project: a regular one of at most a million bytes.

    Raises:
        SpecError: it is something else, larger, or cannot be read.
    """
    try:
        mode = path.stat().st_mode
        # a pipe would wait for its other end, and a device may never end
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise SpecError("is no regular file; name another", path=path)
        with path.open("rb") as file:
            source = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise SpecError(
            f"cannot be read ({error.strerror}); check the path and its permissions", path=path
        ) from error
    if len(source) > _MOST_BYTES:
        raise SpecError(f"the file is larger than {_MOST_BYTES} bytes", path=path)
    return source


def shown(path: Path) -> Path:
    """Give the path that messages show: from the working directory if it lies below, else absolute."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


def _known(names: Iterable[str]) -> str:
    return f"; it has {', '.join(sorted(names)) or 'none'}"


def _refuse_links(root: Path, path: Path) -> None:
    """Refuse a project file that a link leads out of the project: what a reviewer sees must be what runs."""
    is_inside = Path(os.path.normpath(path)).is_relative_to(root)
    if (is_inside or path.is_symlink()) and not path.resolve().is_relative_to(root.resolve()):
        raise SpecError("the file is a link out of the project; copy it into the project", path=path)


def _refuse_missing(path: Path) -> None:
    try:
        path.stat()
    except OSError as error:
        if " " in path.name:
            mend = "; if it is the prompt, name a project before it, or put -- in front of it"
        else:
            siblings = (each.name for each in path.parent.iterdir()) if path.parent.is_dir() else ()
            mend = nearest(path.name, siblings) or f"; give a folder with {MANIFEST}, a manifest, or files"
        raise UsageError(f"{brief(str(path))}: {error.strerror or error}{mend}") from None
