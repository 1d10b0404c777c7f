"""Specs and declared Python names in, one linked name space out: after linking a link is an object.

Workers, toolsets and Python tools share the names. Linking needs no import of pydantic or of project
code, so `--check` uses the very same function as a run.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from llm_do.errors import SpecError, nearest
from llm_do.linking.builtin import BUILTIN_TOOLSETS, is_reserved, sandbox_toolset
from llm_do.linking.plugins import Plugins
from llm_do.links import (
    Entry,
    EntrySpec,
    Link,
    Target,
    Tool,
    Toolset,
    ToolsetSpec,
    Worker,
    clash,
    no_call,
    offered_tools,
)
from llm_do.project.document import brief
from llm_do.project.fields import NAME, NAME_RULE
from llm_do.project.spec import WorkerSpec

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from llm_do.linking.plugins import Plugin
    from llm_do.linking.pythonload import PythonLoader
    from llm_do.python.pythonfile import PythonFile


@dataclass(eq=False)
class Registry:
    """One name space of workers, toolsets, tools and Python entries; it can grow while a run goes on."""

    entries: dict[str, Entry] = field(default_factory=dict[str, Entry])
    opaque: str | None = None
    """A file whose names only running it can tell; unknown names are left to the run."""
    loader: PythonLoader | None = None
    """What imported the Python files; None where nothing was imported."""
    plugins: Plugins = field(default_factory=Plugins)
    """What installed packages offer; a name of theirs is loaded when it is used."""
    _own: dict[str, Target] = field(default_factory=dict[str, "Target"], init=False)
    _packaged: set[str] = field(default_factory=set[str], init=False)
    _loading: Plugin | None = field(default=None, init=False)

    @property
    def names(self) -> Mapping[str, Target]:
        """What every name means."""
        return self._own

    @property
    def workers(self) -> Mapping[str, Worker]:
        """The workers by name."""
        return {name: target for name, target in self.names.items() if isinstance(target, Worker)}

    @property
    def worker_names(self) -> tuple[str, ...]:
        """The names of the workers, those of installed packages included."""
        offered = [name for name, found in self.plugins.by_name.items() if found[0].kind == "worker"]
        return tuple(dict.fromkeys([*self.workers, *offered]))

    def owner(self, name: str) -> str | None:
        """Say who has a name, or one that differs only in case; None when it is free."""
        if is_reserved(name):
            return "a built-in tool"
        taken: dict[str, Target | Plugin] = {each: found[0] for each, found in self.plugins.by_name.items()}
        taken |= self.names
        same = next((each for each in taken if each.casefold() == name.casefold()), None)
        return None if same is None else f"{same!r} ({taken[same].origin})"

    @property
    def agents(self) -> Mapping[str, WorkerSpec]:
        """The specs of the workers by name."""
        return {name: worker.spec for name, worker in self.workers.items()}

    def callable(self, name: str) -> Worker | Tool | Entry | None:
        """Find what a call of a name means; a toolset cannot be called, a tool of the same name can."""
        target = self.names.get(name) or self.plugged(name)
        if isinstance(target, Toolset):
            return Tool(name, target) if target.tools and name in target.tools else None
        return target

    def add_workers(self, specs: Iterable[WorkerSpec]) -> None:
        """Add workers and link them against everything known by then.

        Raises:
            SpecError: a name is taken, reserved or unresolved, or tools clash; says where and what to do.
        """
        added = [Worker(spec, _origin(spec)) for spec in specs]
        with self.growing():
            for worker in added:
                self._claim(worker.name, worker)
            for worker in added:
                worker.links = self._links(worker)
                _refuse_clashes(worker)

    def replace_worker(self, spec: WorkerSpec) -> None:
        """Put a newer worker in the place of the one of its name; calls in progress keep the old one.

        Raises:
            SpecError: as for `add_workers`.
        """
        with self.growing():
            old = self._own.pop(spec.name)
            self.add_workers([spec])
            self.relink(old, self.names[spec.name])

    def relink(self, old: Target, new: Target) -> None:
        """Let every worker that links one thing link another."""
        for each in self.workers.values():
            each.links = tuple(cast("Link", new) if link is old else link for link in each.links)

    def copy(self) -> Registry:
        """Give a registry of the same names that grows by itself; its workers are copies: links change."""
        twins = {
            id(each): Worker(each.spec, each.origin, resolved=each.resolved) for each in self.workers.values()
        }
        for each in self.workers.values():
            twins[id(each)].links = tuple(twins.get(id(link), link) for link in each.links)
        copied = Registry(dict(self.entries), self.opaque, self.loader, self.plugins)
        copied._own = {name: twins.get(id(each), each) for name, each in self._own.items()}
        copied._packaged = set(self._packaged)
        return copied

    @contextmanager
    def growing(self, *, keep: bool = True) -> Generator[None]:
        """Leave everything as it was if the block fails, or only tries; nothing may be awaited in it."""
        own, links = dict(self._own), [(each, each.links) for each in self.workers.values()]
        is_kept = False
        try:
            yield
            is_kept = keep
        finally:
            if not is_kept:
                self._own = own
                for worker, before in links:
                    worker.links = before

    def add_toolset(self, toolset: Toolset, *, alias: bool = False) -> None:
        """Add a toolset and its tools, where they are known; an alias adds its name only.

        Raises:
            SpecError: a name is taken or reserved; nothing was added.
        """
        with self.growing():
            self._claim(toolset.name, toolset)
            for tool in () if alias else toolset.tools or ():
                if tool != toolset.name:
                    self._claim(tool, Tool(tool, toolset))

    def add_entry(self, entry: Entry) -> None:
        """Add a Python entry; its name may not be taken."""
        self._claim(entry.name, entry)
        self.entries[entry.name] = entry

    def _claim(self, name: str, target: Target) -> None:
        if not isinstance(target, Tool) and not NAME.fullmatch(name):
            raise SpecError(f"{target.origin}: the name {brief(name)} must be {NAME_RULE}")
        if is_reserved(name):
            raise SpecError(f"{target.origin}: the name {name!r} is a built-in tool's; choose another")
        taken = self.names.get(name) or self._plugin_of_others(name)
        if taken is not None and taken is not target:
            raise SpecError(
                f"{target.origin}: the name {name!r} is taken by {taken.origin}; rename one of them"
            )
        self._own[name] = target
        if self._loading is not None:
            self._packaged.add(name)

    def _links(self, worker: Worker) -> tuple[Link, ...]:
        named = tuple(self._resolve(worker, name) for name in worker.spec.toolsets)
        links = (*named, sandbox_toolset(worker.spec)) if worker.spec.sandboxes else named
        for each in links:
            if isinstance(each, Toolset) and each.builtin:
                self._refuse_offers_of(each)
        return links

    def _refuse_offers_of(self, toolset: Toolset) -> None:
        """Refuse packages that offer what is built in; nobody would see which of the two runs."""
        for name in (toolset.name, *(toolset.tools or ())):
            for plugin in self.plugins.by_name.get(name, ()):
                raise SpecError(
                    f"the name {name!r} is built in, and offered by {plugin.origin}; uninstall that package"
                )

    def _resolve(self, worker: Worker, name: str) -> Link:
        if name in BUILTIN_TOOLSETS:
            return BUILTIN_TOOLSETS[name]
        spec = worker.spec
        key = f"toolsets.{spec.toolsets.index(name)}"
        target = self.names.get(name) or self.plugged(name)
        later = self.known_later(name)
        if target is None and later is not None:
            plugin = self.plugins.get(name)
            is_worker = plugin is not None and plugin.kind == "worker"
            return Worker(WorkerSpec(name), later) if is_worker else Toolset(name, later, None)
        if target is None or isinstance(target, Entry):
            wrong = f"worker {worker.name!r} names {name!r} in toolsets, {self._fault(name, target)}"
            raise spec.error(wrong, key)
        return target

    def known_later(self, name: str) -> str | None:
        """Say who can tell what a name is, but only when it runs: a plug-in in a check, or a Python file."""
        plugin = self.plugins.get(name) if self.plugins.load is None else None
        return plugin.origin if plugin else self.opaque

    def may_enter(self, name: str) -> bool:
        """Say whether a name is of the project's own files: not of a package, nor of what a model made."""
        target = self.names.get(name)
        is_created = isinstance(target, Worker) and target.spec.created
        return target is not None and not is_created and name not in self._packaged

    def plugged(self, name: str) -> Target | None:
        """Load the plug-in that offers a name, and what it brings along."""
        plugin = self.plugins.get(name)
        if plugin is None or self.plugins.load is None:
            return None
        found = self.plugins.load(plugin)
        before, self._loading = self._loading, plugin
        try:
            if isinstance(found, Toolset):
                self.add_toolset(found)
            else:
                self.add_workers(found)
        finally:
            self._loading = before
        return self.names[name]

    def _plugin_of_others(self, name: str) -> Plugin | None:
        """Find a plug-in whose name this is, unless it, or its own package, is what is being loaded."""
        offered = self.plugins.by_name.get(name, ())
        own = self._loading.distribution if self._loading else None
        return next((each for each in offered if each.distribution != own), None)

    def _fault(self, name: str, entry: Entry | None) -> str:
        if entry is not None:
            return f"which is an entry ({entry.origin}); name a worker, toolset or tool"
        if is_reserved(name):
            return "but a built-in tool comes with its toolset; name that, e.g. filesystem_project"
        known = [*self.names, *BUILTIN_TOOLSETS, *self.plugins.by_name]
        return f"which no file given declares{nearest(name, known)}"


def link(
    specs: Iterable[WorkerSpec],
    files: Iterable[PythonFile],
    made: Mapping[str, ToolsetSpec] | None = None,
    entries: Mapping[str, EntrySpec] | None = None,
    *,
    plugins: Plugins | None = None,
) -> Registry:
    """Link worker specs and Python files into one registry.

    Args:
        specs: the workers.
        files: what the Python files declare.
        made: the imported toolsets by name; None for a check, which imports nothing.
        entries: the imported entries by name, likewise.
        plugins: what installed packages offer.

    Raises:
        SpecError: duplicate, reserved or unresolved names, clashing tools.
    """
    registry = Registry(plugins=plugins or Plugins())
    for file in files:
        for declared in file.toolsets:
            make = (made or {}).get(declared.name)
            origin = f"{file.path}:{declared.line}"
            registry.add_toolset(Toolset(declared.name, origin, declared.tools, make), alias=declared.alias)
        for declared in file.entries:
            spec = (entries or {}).get(declared.name)
            registry.add_entry(Entry(declared.name, f"{file.path}:{declared.line}", spec))
        if file.opaque:
            registry.opaque = str(file.path)
    registry.add_workers(specs)
    return registry


def find_entry(registry: Registry, name: str | None = None) -> Worker | Tool | Entry:
    """Choose the entry: the one asked for, else the marked one, else `main`.

    Unless it is asked for by name, it is one that the project's own files declare. In a check of a file that
    only running can tell of, an entry that is not found is left to the run.

    Raises:
        SpecError: two are marked, or none fits; the message names the candidates.
    """
    if name is not None:
        target = registry.callable(name)
        later = registry.known_later(name)
        toolset = registry.names.get(name) if target is None else None
        if isinstance(toolset, Toolset) and (toolset.tools is not None or later is None):
            raise SpecError(f"--entry {no_call(toolset)}")
        if target is None and later is not None:
            return Entry(name, f"{later}, known when it runs")
        if target is None:
            known = f"; they declare {', '.join(sorted(registry.names)) or 'nothing'}"
            raise SpecError(
                f"--entry {name!r} is not declared by the files given{nearest(name, registry.names) or known}"
            )
        return target
    marked: list[Worker | Entry] = [
        worker
        for worker in registry.workers.values()
        if worker.spec.entry and registry.may_enter(worker.name)
    ]
    marked += registry.entries.values()
    if len(marked) > 1:
        places = " and ".join(f"{each.name!r} ({each.origin})" for each in marked[:2])
        raise SpecError(
            f"two entries: {places}; keep one `entry: true` or EntrySpec, or choose with --entry NAME"
        )
    found = marked[0] if marked else registry.callable("main") if registry.may_enter("main") else None
    if found is None and registry.opaque is not None:
        return Entry("?", f"{registry.opaque}, known when it runs")
    if found is None:
        known = ", ".join(sorted(registry.workers)) or "none"
        raise SpecError(f"no entry: mark a worker `entry: true` or pass --entry NAME; workers: {known}")
    return found


def _refuse_clashes(worker: Worker) -> None:
    owner: dict[str, Link] = {}
    for each in worker.links:
        for tool in offered_tools(each):
            other = owner.setdefault(tool, each)
            if other is not each:
                raise clash(worker, other, each, tool)


def _origin(spec: WorkerSpec) -> str:
    if spec.path is None:
        return f"worker {spec.name!r} (registered by Python)"
    return f"{spec.path}:{spec.lines.get('name', 1)}"
