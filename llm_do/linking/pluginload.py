"""A name that an installed package offers in, its toolset or workers out; here the package is imported."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from llm_do.errors import SpecError
from llm_do.linking.pythonload import made_toolset
from llm_do.links import Toolset, ToolsetSpec
from llm_do.project.spec import WorkerSpec, parse_worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

    from llm_do.linking.plugins import Plugin


def load_plugin(plugin: Plugin) -> Toolset | tuple[WorkerSpec, ...]:
    """Import what an entry point names.

    Raises:
        SpecError: the import fails, or what it gives is no toolset or worker; names the distribution.
    """
    try:
        value: Any = plugin.entry_point.load()
        if plugin.kind == "worker" and callable(value):
            value = value()
    except (Exception, SystemExit) as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise SpecError(f"{plugin.origin}: importing failed: {text}") from error
    if plugin.kind == "toolset":
        return toolset_of(plugin.name, value, plugin.origin)
    specs = tuple(_workers(plugin, value))
    if plugin.name not in [each.name for each in specs]:
        given = ", ".join(each.name for each in specs) or "none"
        raise SpecError(f"{plugin.origin}: it gives no worker of that name; the workers are: {given}")
    return specs


def toolset_of(name: str, value: Any, origin: str) -> Toolset:
    """Make a linked toolset of a `ToolsetSpec`, a factory, a toolset or a class of one.

    Raises:
        SpecError: it is nothing of these.
    """
    is_factory = callable(value) and hasattr(value, "__code__")
    made = made_toolset(name, ToolsetSpec(value) if is_factory else value, SpecError(""))
    if made is None:
        raise SpecError(
            f"{origin}: a {type(value).__name__} is no toolset; give a ToolsetSpec, a factory or a toolset"
        )
    return Toolset(name, origin, made.tools, made.spec)


def _workers(plugin: Plugin, value: Any) -> Iterator[WorkerSpec]:
    if isinstance(value, WorkerSpec):
        yield value
        return
    place = _place(plugin, value)
    files = [place] if place.is_file() else []
    if place.is_dir():
        files = sorted(
            (each for each in place.iterdir() if each.name.endswith(".worker")), key=lambda each: each.name
        )
    if not files:
        raise SpecError(f"{plugin.origin}: {str(place)!r} is neither a worker file nor a folder of them")
    for file in files:
        yield parse_worker(str(file), file.read_bytes())


def _place(plugin: Plugin, value: Any) -> Traversable:
    if isinstance(value, str | Path):
        # a path that is not absolute begins beside its module, never in the working directory
        module = sys.modules[plugin.entry_point.module]
        return Path(module.__file__ or "").parent / value
    if not hasattr(value, "iterdir"):
        given = type(value).__name__
        raise SpecError(f"{plugin.origin}: a {given} is no worker; give a WorkerSpec or a path")
    return cast("Traversable", value)
