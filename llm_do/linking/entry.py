"""Paths or a project that was read in, a linked entry that can be run out; project code is imported here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from llm_do.linking.pluginload import load_plugin
from llm_do.linking.plugins import find_plugins
from llm_do.linking.pythonload import PythonLoader
from llm_do.linking.registry import Registry, find_entry, link
from llm_do.project.discover import read_project, with_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from llm_do.linking.plugins import Plugins
    from llm_do.links import Entry, Tool, Worker
    from llm_do.project.discover import Project
    from llm_do.project.setting import Setting
    from llm_do.project.spec import WorkerSpec
    from llm_do.python.pinned import Pins


@dataclass(frozen=True, slots=True)
class LinkedEntry:
    """What `build_entry` returns first: the entry to run, with the registry and loader it was linked by."""

    target: Worker | Tool | Entry
    registry: Registry
    loader: PythonLoader

    @property
    def name(self) -> str:
        """The entry's name."""
        return self.target.name


class Built(NamedTuple):
    """An entry, and the registry of everything it was linked with."""

    entry: LinkedEntry
    registry: Registry


def build_entry(
    worker_files: Iterable[str | Path],
    python_files: Iterable[str | Path] = (),
    *,
    project_root: str | Path,
    entry: str | None = None,
) -> Built:
    """Link worker and Python files into one entry and its registry; Python files are imported.

    Args:
        worker_files: paths of worker files, relative to `project_root`.
        python_files: paths of Python files, likewise.
        project_root: the folder that file tools, attachments and schema references start from.
        entry: the entry's name; by default the marked one, else `main`.

    Raises:
        SpecError: a file or a link is wrong; names file and line.
    """
    root = Path(project_root).absolute()
    paths = [root / path for path in (*worker_files, *python_files)]
    return build_project(read_project(paths, root=root), entry=entry)


def build_project(
    project: Project,
    *,
    entry: str | None = None,
    settings: Sequence[Setting] = (),
    pins: Pins | None = None,
    plugins: Plugins | None = None,
) -> Built:
    """Link a project that has been read, with `--set` applied; its Python files are imported.

    With `pins`, the digests of a lock, no Python file is imported that they do not name. `plugins` are those
    of the installed packages, unless given.
    """
    loader = PythonLoader(project.root, pins=pins)
    loaded = loader.load(project.python)
    plugins = plugins or find_plugins(load=load_plugin)

    def _link(workers: Iterable[WorkerSpec]) -> Registry:
        return link(workers, loaded.files, loaded.toolsets, loaded.entries, plugins=plugins)

    registry = _link(project.workers)
    if settings:
        registry = _link(with_settings(project, settings, find_entry(registry, entry).name).workers)
    registry.loader = loader
    return Built(LinkedEntry(find_entry(registry, entry), registry, loader), registry)
