"""Paths of a project in, a registry of its own and a configured runtime for every run of a test out."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from llm_do.calling.models import ModelPool
from llm_do.errors import UsageError, nearest
from llm_do.linking.builtin import RESERVED_TOOLS
from llm_do.linking.entry import LinkedEntry
from llm_do.linking.pluginload import load_plugin
from llm_do.linking.plugins import find_plugins
from llm_do.linking.pythonload import PythonLoader
from llm_do.linking.registry import Registry, find_entry, link
from llm_do.links import Toolset
from llm_do.project.discover import read_project
from llm_do.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class ProjectUnderTest:
    """A project that has been read, imported and linked once; every run gets a registry of its own.

    Raises:
        SpecError: a file or a link is wrong; names file and line.
        UsageError: a path does not exist or is of no known kind.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._project = read_project(paths)
        self._loader = PythonLoader(self._project.root)
        self._linked = self._link()
        # looking a name up can load the package that offers it, which no run is to see
        self._known = self._linked.copy()
        self._pool = ModelPool()

    def entry(self, name: str | None) -> LinkedEntry:
        """Link the project and choose what to run: a worker, tool or Python entry; by default the entry."""
        registry = self._linked.copy()
        return LinkedEntry(find_entry(registry, name), registry, self._loader)

    def default_input(self) -> dict[str, Any] | None:
        """Return the input that the manifest gives its entry, if any."""
        given = self._project.manifest.entry_input
        return None if given is None else dict(given)

    def runtime(self, **options: Any) -> Runtime:
        """Make a runtime as the manifest wants it; `options` are further ones of `Runtime`."""
        config = self._project.manifest.runtime
        written = {key.name: getattr(config, key.name) for key in fields(config)}
        return Runtime(project_root=self._project.root, model_pool=self._pool, **written, **options)

    def check_callable(self, name: str) -> None:
        """Refuse a name that no call of this project can mean.

        Raises:
            UsageError: the project has no such worker or tool; offers the nearest.
        """
        target = self._known.names.get(name) or self._known.callable(name)
        if isinstance(target, Toolset) and self._known.callable(name) is None:
            tools = ", ".join(target.tools or ()) or "its tools"
            raise UsageError(f"stub {name!r}: that is a toolset; stub a tool of it: {tools}")
        if target is None and name not in RESERVED_TOOLS:
            raise UsageError(
                f"stub {name!r}: the project has no such worker or tool"
                f"{nearest(name, [*self._known.names, *RESERVED_TOOLS])}; for one that is made while it runs "
                f"pass late=True"
            )

    def check_worker(self, name: str) -> None:
        """Refuse a name that is no worker of this project. Raises UsageError, which offers the nearest."""
        if name not in self._known.workers:
            raise UsageError(
                f"use_model: the project has no worker {name!r}{nearest(name, self._known.workers)}"
            )

    def _link(self) -> Registry:
        loaded = self._loader.load(self._project.python)
        plugins = find_plugins(load=load_plugin)
        registry = link(self._project.workers, loaded.files, loaded.toolsets, loaded.entries, plugins=plugins)
        registry.loader = self._loader
        return registry
