"""Workers and toolsets that Python registers in, the registries of runs that know them out."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from llm_do.errors import SpecError, UsageError
from llm_do.linking.pluginload import toolset_of
from llm_do.linking.registry import Registry
from llm_do.links import Worker
from llm_do.project.document import found
from llm_do.project.spec import WorkerSpec

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from llm_do.links import Target, Toolset


class Registered:
    """What was registered with one runtime so far, and the registries of its runs that are going on."""

    def __init__(self) -> None:
        self._workers: dict[str, WorkerSpec] = {}
        self._toolsets: dict[str, Toolset] = {}
        self._running: list[RunRegistry] = []
        self._made: WeakKeyDictionary[Registry, dict[str, WorkerSpec]] = WeakKeyDictionary()
        """By project, the workers that its runs made and that name what was registered."""

    def add_workers(self, workers: Mapping[str, WorkerSpec]) -> None:
        """Add workers by their names, also to the runs that are going on.

        Raises:
            UsageError: it is no mapping from names to workers of these names.
            SpecError: a name is taken, or a link does not resolve.
        """
        _refuse_others(workers)
        for registry in self._running:
            registry.register(workers, {})
        self._workers.update(workers)

    def add_toolset(self, name: str, value: Any) -> None:
        """Add a toolset, also to the runs that are going on. Raises SpecError."""
        if not isinstance(cast("object", name), str):
            raise UsageError(f"register_toolset takes a name first, found {found(name)}")
        toolset = toolset_of(name, value, f"toolset {name!r} (registered by Python)")
        if name in self._toolsets:
            raise SpecError(f"{toolset.origin}: the name {name!r} was registered before; choose another")
        Registry().add_toolset(toolset)  # refuses a name that is free in no run
        for registry in self._running:
            registry.register({}, {name: toolset})
        self._toolsets[name] = toolset

    @contextmanager
    def running(self, project: Registry) -> Generator[RunRegistry]:
        """Give the registry of a run of a project, which learns what is registered while the block runs.

        Raises:
            SpecError: what was registered does not go with the project.
        """
        registry, made = RunRegistry(project), self._made.setdefault(project, {})
        lost = {name: each for name, each in made.items() if name not in project.names}
        if lost or self._workers or self._toolsets:
            registry.register({**lost, **self._workers}, self._toolsets)
        self._running.append(registry)
        try:
            yield registry
        finally:
            self._running.remove(registry)
            made |= {each.name: each for each in registry.own_workers() if each.created}


class RunRegistry(Registry):
    """What one run knows: the project's names and, above them, those that were registered with its runtime.

    Plug-ins that the run loads are the project's, and known to its later runs; so are workers that it makes,
    unless they name what was registered.
    """

    def __init__(self, project: Registry) -> None:
        super().__init__(project.entries, project.opaque, project.loader, project.plugins)
        self._project = project

    @property
    def names(self) -> Mapping[str, Target]:
        """What every name means."""
        return ChainMap(self._own, cast("dict[str, Target]", self._project.names))

    def own_workers(self) -> list[WorkerSpec]:
        """Give the workers that only this registry has."""
        return [each.spec for each in self._own.values() if isinstance(each, Worker)]

    def register(self, workers: Mapping[str, WorkerSpec], toolsets: Mapping[str, Toolset]) -> None:
        """Learn workers and toolsets, all or none; what the project has as it is stays. Raises SpecError."""
        known = self.agents
        with self.growing():
            for toolset in toolsets.values():
                self.add_toolset(toolset)
            super().add_workers(spec for spec in workers.values() if known.get(spec.name) != spec)

    def add_workers(self, specs: Iterable[WorkerSpec]) -> None:
        """Add workers that the run made. Raises SpecError."""
        made = [replace(each, created=True) for each in specs]
        try:
            self._project.add_workers(made)
        except SpecError:
            super().add_workers(made)

    def replace_worker(self, spec: WorkerSpec) -> None:
        """Put a newer worker that the run made in the place of the one of its name. Raises SpecError."""
        if spec.name in self._own:
            super().replace_worker(spec)
            return
        old = self.names[spec.name]
        self._project.replace_worker(replace(spec, created=True))
        self.relink(old, self.names[spec.name])

    @contextmanager
    def growing(self, *, keep: bool = True) -> Generator[None]:
        """Leave everything as it was if the block fails, or only tries; nothing may be awaited in it."""
        with self._project.growing(keep=keep), super().growing(keep=keep):
            yield

    def plugged(self, name: str) -> Target | None:
        """Have the project load the plug-in that offers a name."""
        return self._project.plugged(name)


def _refuse_others(workers: object) -> None:
    """Refuse what is no mapping from names to workers of these names."""
    if not isinstance(workers, Mapping):
        raise UsageError(f"register_agents takes a mapping from names to AgentSpecs, found {found(workers)}")
    for name, spec in cast("Mapping[object, object]", workers).items():
        if not isinstance(spec, WorkerSpec):
            raise UsageError(f"register_agents: {name!r} is to be an AgentSpec, found {found(spec)}")
        if spec.name != name:
            raise UsageError(f"register_agents: {name!r} is worker {spec.name!r}; use its own name")
