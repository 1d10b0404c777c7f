"""A project that was read and linked in, what `llm-do.lock` says of it out, and how two such texts differ.

Nothing of the project is imported. What is hashed here is what runs: the importer takes these very digests.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from llm_do.canonical import canonical_json, digest
from llm_do.errors import ToolError, UsageError
from llm_do.links import Entry, Tool, Toolset, Worker
from llm_do.project.discover import project_bytes, shown
from llm_do.project.document import brief
from llm_do.project.spec import decoding_settings, definition_digest
from llm_do.python.imported import with_imports
from llm_do.sandbox.fs import Root
from llm_do.secrets import Secrets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from llm_do.linking.registry import Registry
    from llm_do.links import Target
    from llm_do.project.discover import Project
    from llm_do.project.spec import SchemaSource, WorkerSpec
    from llm_do.python.pinned import Pins

FILE: Final = "llm-do.lock"
VERSION: Final = 1
_MOST_BYTES: Final = 20_000_000
_MOST_NAMED: Final = 10
_HASHED_SETTINGS: Final = ("extra_headers", "extra_body")
"""Settings that may carry keys: the lock tells whether they changed, not what they are."""


@dataclass(frozen=True, slots=True)
class Lock:
    """What a lock file says, as JSON values, and the digests that the importer is to hold to."""

    value: Mapping[str, Any]
    pins: Pins


def lock_of(project: Project, registry: Registry, entry: Target, *, default_model: str | None) -> Lock:
    """Describe a project for its lock file.

    Args:
        project: the project with `--set` applied.
        registry: what its files were linked to, without an import.
        entry: where the chain of models begins.
        default_model: `--model`, else `LLM_DO_MODEL`.

    Raises:
        SpecError: a Python file cannot be read.
    """
    root, known = project.root, {os.path.realpath(each.path): each.sha256 for each in project.python}
    begin = [Path(each.path) for each in project.python]
    begin += [root / path for spec in project.workers for path in _schema_files(spec)]
    sources = with_imports(begin, root, project_bytes, sys.path)
    pins = {str(path): known.get(str(path)) or digest(source) for path, source in sources.items()}
    python = {_relative(root, path): sha256 for path, sha256 in pins.items()}
    manifest = project.manifest
    models = _models(registry, entry, default_model)
    value = {
        "version": VERSION,
        "manifest": {_relative(root, manifest.path): manifest.sha256} if manifest.path else {},
        "worker_files": {
            _relative(root, spec.path): spec.sha256 for spec in project.workers if spec.path is not None
        },
        "python_files": python,
        "names": {name: _described(target) for name, target in registry.names.items()},
        "workers": {
            name: {
                "file": None if spec.path is None else _relative(root, spec.path),
                "model": models.get(name),
                "settings": _settings(spec),
                "input_schema": _schema(spec.input_schema, python),
                "output_schema": _schema(spec.output_schema, python),
                "definition": definition_digest(spec),
                "packages": _packages(registry, spec),
            }
            for name, spec in registry.agents.items()
        },
    }
    return Lock(value, pins)


def write_lock(root: Path, lock: Lock) -> Path:
    """Write the lock file of a project as a whole or not at all; equal projects give equal bytes.

    Raises:
        UsageError: it cannot be written.
    """
    text = json.dumps(lock.value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    try:
        Root(root.resolve()).write(FILE, text.encode(), max_bytes=_MOST_BYTES)
    except ToolError as error:
        raise UsageError(f"{shown(root / FILE)}: {error.message}") from error
    return root / FILE


def refuse_differences(root: Path, lock: Lock) -> None:
    """Compare a project with its lock file.

    Raises:
        UsageError: there is no lock file, it is torn or of another version, or the project differs in
            anything; the message names what.
    """
    found = list(_differences(_read(root), lock.value))
    if found:
        more = f"; and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
        raise UsageError(
            f"the project is not what {FILE} says: {'; '.join(found[:_MOST_NAMED])}{more}; "
            f"review that, then write the lock anew with --lock"
        )


def _read(root: Path) -> Mapping[str, Any]:
    path = shown(root / FILE)
    try:
        source = Root(root.resolve()).read(FILE, max_bytes=_MOST_BYTES)
        value: Any = json.loads(source, parse_constant=_refused)
    except ToolError as error:
        if error.code != "missing":
            raise UsageError(f"{path}: {error.message}") from error
        raise UsageError(f"{path}: there is no lock file; write it with --lock") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: the lock file is torn; write it anew with --lock") from error
    version = cast("dict[str, Any]", value).get("version") if isinstance(value, dict) else None
    if type(version) is not int or version != VERSION:
        raise UsageError(
            f"{path}: a lock file of version {brief(str(version))}, not {VERSION}; write it anew with --lock"
        )
    return cast("dict[str, Any]", value)


def _refused(constant: str) -> Any:
    raise ValueError(constant)


def _differences(locked: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Name what differs, in one phrase each; nothing that differs stays unnamed."""
    changed: set[str] = set()
    for section, kind in _FILES.items():
        for path in _differing(locked.get(section), now[section]):
            changed.add(path)
            yield f"{kind} {brief(path)} {_how(path, locked.get(section), now[section])}"
    names = _differing(locked.get("names"), now["names"])
    for name in names:
        yield f"name {brief(name)} {_how(name, locked.get('names'), now['names'])}"
    for name in _differing(locked.get("workers"), now["workers"]):
        if name not in names:
            before = _mapping(_mapping(locked.get("workers")).get(name))
            yield from _worker_differences(name, before, now["workers"].get(name, {}), changed)
    if unknown := sorted(locked.keys() - now.keys()):
        yield f"it holds {brief(unknown[0])}, which this version does not know"


def _worker_differences(
    name: str, before: Mapping[str, Any], after: Mapping[str, Any], changed: set[str]
) -> Iterator[str]:
    keys = [key for key in _differing(before, after) if not _is_told(before.get(key), after.get(key))]
    told = [key for key in keys if key != "definition"]
    yield from (f"worker {brief(name)}: {_word(key)} {_from_to(before, after, key)}" for key in told)
    if "definition" in keys and not told and after.get("file") not in changed:
        yield f"worker {brief(name)}: another definition, by --set"


def _is_told(before: Any, after: Any) -> bool:
    """Tell whether a schema differs only by the file of its class, which is named as a file."""
    return _mapping(before).get("class") is not None and before["class"] == _mapping(after).get("class")


_FILES: Final = {"manifest": "manifest", "worker_files": "worker file", "python_files": "Python file"}


def _differing(before: object, after: Mapping[str, Any]) -> list[str]:
    old = _mapping(before)
    return sorted(
        key
        for key in old.keys() | after.keys()
        if key not in old or key not in after or canonical_json(old[key]) != canonical_json(after[key])
    )


def _mapping(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _how(key: str, before: Any, after: Mapping[str, Any]) -> str:
    if key not in after:
        return "was removed"
    return "changed" if key in _mapping(before) else "was added"


def _from_to(before: Mapping[str, Any], after: Mapping[str, Any], key: str) -> str:
    return f"{_shown(before.get(key))} -> {_shown(after.get(key))}"


def _shown(value: Any) -> str:
    return "none" if value is None else brief(value) if isinstance(value, str) else json.dumps(value)


def _word(key: str) -> str:
    return key if key.isidentifier() else brief(key)


def _relative(root: Path, path: Path | str) -> str:
    """Write a path as the lock file does: from the project's root, the same on every machine."""
    return Path(os.path.relpath(os.path.realpath(path), os.path.realpath(root))).as_posix()


def _described(target: Target) -> dict[str, Any]:
    match target:
        case Worker():
            return {"kind": "worker", "impl": "worker"}
        case Tool():
            return {"kind": "tool", "impl": "python", "toolset": target.toolset.name}
        case Toolset():
            tools = None if target.tools is None else sorted(target.tools)
            return {"kind": "toolset", "impl": "python", "tools": tools}
        case Entry():
            return {"kind": "entry", "impl": "python"}


def _settings(spec: WorkerSpec) -> dict[str, Any]:
    settings = cast("dict[str, Any]", Secrets(()).value(decoding_settings(spec)))
    hashed = {key: digest(canonical_json(settings[key])) for key in _HASHED_SETTINGS if key in settings}
    return {**settings, **hashed}


def _packages(registry: Registry, spec: WorkerSpec) -> dict[str, str]:
    """Name the installed packages, with their versions, that offer a worker's toolsets."""
    offered = {name: registry.plugins.get(name) for name in spec.toolsets}
    return {name: plugin.distribution for name, plugin in offered.items() if plugin is not None}


def _schema_files(spec: WorkerSpec) -> Iterator[str]:
    for declared in (spec.input_schema, spec.output_schema):
        if isinstance(declared, str) and ":" in declared:
            yield declared.partition(":")[0]


def _schema(declared: SchemaSource | None, python: Mapping[str, str]) -> dict[str, Any] | None:
    """Describe a schema: a class of the project by its file's digest, one of a package by its name alone."""
    if declared is None:
        return None
    if isinstance(declared, str):
        path = Path(os.path.normpath(declared.partition(":")[0])).as_posix()
        return {"class": declared, "sha256": python.get(path) if ":" in declared else None}
    return {"class": None, "sha256": digest(canonical_json(declared))}


def _models(registry: Registry, entry: Target, default: str | None) -> dict[str, str | list[str] | None]:
    """Follow the chain of models along the links: one name a worker, several where its callers differ.

    It begins at the entry and at workers that nobody links; Python code may begin it at any worker.
    """
    workers = list(registry.workers.values())
    linked = {id(each) for worker in workers for each in worker.links if each is not worker}
    starts = [each for each in workers if each is entry or id(each) not in linked]
    found: dict[str, set[str]] = {}
    seen: set[tuple[str, str | None]] = set()
    waiting: list[tuple[Worker, str | None]] = [
        (each, default) for each in (starts if isinstance(entry, Worker) else workers)
    ]
    while waiting:
        worker, caller = waiting.pop()
        if (worker.name, caller) not in seen:
            seen.add((worker.name, caller))
            model = worker.spec.model or caller
            found.setdefault(worker.name, set()).update([model] if model else [])
            waiting += [(each, model) for each in worker.links if isinstance(each, Worker)]
    return {name: _one_or_all(sorted(models)) for name, models in found.items()}


def _one_or_all(names: list[str]) -> str | list[str] | None:
    return names if len(names) > 1 else names[0] if names else None
