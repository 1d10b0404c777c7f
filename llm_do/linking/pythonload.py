"""Scanned Python files in, their imported toolsets and entries out: the only importer of project code."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from pydantic_ai.tools import Tool as FunctionTool
from pydantic_ai.toolsets import AbstractToolset, FunctionToolset

from llm_do.canonical import digest
from llm_do.errors import SpecError, nearest
from llm_do.links import EntrySpec, ToolsetSpec
from llm_do.project.discover import shown
from llm_do.project.fields import NAME, NAME_RULE
from llm_do.python.pinned import PinnedLoader
from llm_do.python.pythonfile import TABLES, DeclaredEntry, DeclaredToolset, PythonFile
from llm_do.schemas.schema import WorkerArgs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import ModuleType

    from llm_do.python.pinned import Pins


@dataclass(slots=True)
class Loaded:
    """What importing the Python files of a project gave."""

    files: list[PythonFile] = field(default_factory=list[PythonFile])
    toolsets: dict[str, ToolsetSpec] = field(default_factory=dict[str, ToolsetSpec])
    entries: dict[str, EntrySpec] = field(default_factory=dict[str, EntrySpec])


class PythonLoader:
    """Imports each file of a project once, under a private module name; `sys.path` stays as it is."""

    def __init__(self, root: Path, *, pins: Pins | None = None) -> None:
        """Take the project's folder and, for a locked run, all that may be imported with its digests."""
        self.root = root
        self._is_locked = pins is not None
        self._pins = dict(pins or {})
        self._modules: dict[Path, ModuleType] = {}

    def load(self, files: Iterable[PythonFile]) -> Loaded:
        """Import the files and collect what they declare, now with the objects.

        Raises:
            SpecError: an import fails, or a declaration is not what it looked like; names file and line.
        """
        loaded = Loaded()
        for file in files:
            if file.sha256:
                self._pins.setdefault(os.path.realpath(file.path), file.sha256)
            module = self.module(file.path)
            collected = _collect(file, module)
            loaded.files.append(collected.files[0])
            loaded.toolsets |= collected.toolsets
            loaded.entries |= collected.entries
        return loaded

    def digests(self) -> dict[str, str]:
        """Give the digests of the files that were imported, by their paths from the project's folder."""
        modules = {os.path.relpath(path, self.root): each for path, each in sorted(self._modules.items())}
        return {path: cast("PinnedLoader", each.__loader__).sha256 for path, each in modules.items()}

    def reference(self, text: str) -> object:
        """Resolve `path.py:Class` below the project root, or `module.Class` of an installed module.

        Raises:
            SpecError: there is no such file, module or name.
        """
        if ":" in text:
            path, _, name = text.partition(":")
            if not (self.root / path).is_file():
                raise SpecError(f"schema {text!r}: there is no file {path!r}; correct the path")
            module: Any = self.module(self.root / path)
        else:
            module_name, _, name = text.rpartition(".")
            try:
                module = importlib.import_module(module_name)
            except (ImportError, ValueError) as error:
                raise SpecError(
                    f"schema {text!r}: cannot import {module_name!r} ({error}); write path.py:Class"
                ) from error
        if not hasattr(module, name):
            raise SpecError(f"schema {text!r}: no {name!r} there{nearest(name, dir(module))}")
        return getattr(module, name)

    def module(self, path: Path) -> ModuleType:
        """Import one file, once; what was scanned or locked before must be what runs."""
        path = path.absolute()
        if path not in self._modules:
            sha256 = self._pins.get(os.path.realpath(path))
            if sha256 is None and self._is_locked:
                raise SpecError("the lock does not name this Python file; lock again", path=shown(path))
            self._modules[path] = _import(path, sha256)
        return self._modules[path]


def _import(path: Path, sha256: str | None) -> ModuleType:
    name = f"llm_do_project_{digest(str(path))[:12]}_{path.stem}"
    loader = PinnedLoader(name, str(path), sha256)
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None or spec.loader is None or not path.is_file():
        raise SpecError("the Python file does not exist", path=shown(path))
    module = importlib.util.module_from_spec(spec)
    # pydantic resolves the annotations of a class through the module of its name
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        if isinstance(error, SpecError) and error.path == str(path):
            raise SpecError(str(error).removeprefix(f"{path}: "), path=shown(path)) from error
        line = _line_in(path, error)
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise SpecError(f"importing failed: {text}", path=shown(path), line=line) from error
    return module


def _line_in(path: Path, error: BaseException) -> int | None:
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename == str(path)), None)


def _collect(file: PythonFile, module: ModuleType) -> Loaded:
    """Match what was scanned with what is there; what only running could tell is added."""
    scanned = {each.name: each.tools for each in file.toolsets}
    lines = {each.name: each.line for each in (*file.toolsets, *file.entries)}
    found = Loaded()
    toolsets: list[DeclaredToolset] = []
    entries: list[DeclaredEntry] = []
    names: dict[int, str] = {}
    for name, value in _candidates(file, module):
        known = names.get(id(value))
        names.setdefault(id(value), name)
        if isinstance(value, EntrySpec):
            if known is None:
                found.entries[value.name] = _checked(value, file.path, lines.get(value.name))
                entries.append(DeclaredEntry(value.name, lines.get(value.name, 1)))
            continue
        made = made_toolset(name, value, SpecError("", path=file.path, line=lines.get(name)))
        if made is not None and known != name:
            found.toolsets[name] = made.spec
            tools = made.tools or scanned.get(name)
            toolsets.append(DeclaredToolset(name, lines.get(name, 1), tools, alias=known is not None))
    found.files = [replace(file, toolsets=tuple(toolsets), entries=tuple(entries), opaque=False)]
    return found


def _candidates(file: PythonFile, module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Yield the module's own values by name: bound in this file, not imported into it, tables unfolded."""
    bound = {name: getattr(module, name, None) for name in file.bound}
    public = {name: value for name, value in bound.items() if not name.startswith("_")}
    plain = {name: each for name, each in public.items() if name not in TABLES and not _is_function(each)}
    yield from plain.items()
    for name in TABLES:
        if name in public:
            yield from _unfolded(name, public[name], plain, file.path)


def _unfolded(title: str, table: Any, bound: Mapping[str, Any], path: Path) -> Iterator[tuple[str, Any]]:
    if not isinstance(table, dict | list | tuple):
        raise SpecError(f"{title} is a {type(table).__name__}; make it a dict or a list", path=path)
    if isinstance(table, dict):
        pairs = list(cast("Mapping[str, Any]", table).items())
    else:
        listed = cast("Sequence[Any]", table)
        pairs = [(_name_of(each, bound) or "", each) for each in listed]
    for name, each in pairs:
        if not (_is_one_of(each, _KINDS) or _is_function(each) or _is_toolset_class(each)):
            raise SpecError(f"{title} holds a {type(each).__name__}, which is no tool or toolset", path=path)
        if not name:
            raise SpecError(
                f"a {type(each).__name__} in {title} has no name; use a dict, or give it an id", path=path
            )
        yield name, ToolsetSpec(each) if title == "TOOLSETS" and _is_function(each) else each


def _name_of(value: Any, bound: Mapping[str, Any]) -> str | None:
    """Name an unnamed entry of a table: as its variable, else as it names itself."""
    variable = next((name for name, each in bound.items() if each is value), None)
    return variable or next(
        (name for key in ("name", "id", "__name__") if isinstance(name := getattr(value, key, None), str)),
        None,
    )


class Made(NamedTuple):
    """A toolset by its factory, and the names of its tools where they can be known."""

    spec: ToolsetSpec
    tools: tuple[str, ...] | None = None


def made_toolset(name: str, value: Any, place: SpecError) -> Made | None:
    """Turn a value into a toolset: a spec, a toolset, a class of one, or a function that is its only tool.

    None where it is something else. Raises SpecError, with the file and line of `place`, for a function that
    can be no tool.
    """
    if isinstance(value, ToolsetSpec):
        return Made(value)
    if isinstance(value, AbstractToolset):
        instance = cast("Any", value)
        return Made(ToolsetSpec(lambda: instance), tuple(getattr(instance, "tools", None) or ()) or None)
    if _is_toolset_class(value):
        return Made(ToolsetSpec(value))
    if isinstance(value, FunctionTool) or _is_function(value):
        tool = cast("Any", value if isinstance(value, FunctionTool) else _function_tool(name, value, place))
        return Made(ToolsetSpec(lambda: FunctionToolset[Any]([tool])), (tool.name,))
    return None


def _function_tool(name: str, function: Any, place: SpecError) -> FunctionTool[Any]:
    try:
        return FunctionTool(function, name=name)
    except Exception as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise SpecError(f"tool {name!r}: {text}", path=place.path, line=place.line) from error


def _checked(entry: EntrySpec, path: Path, line: int | None) -> EntrySpec:
    fault = _fault(entry)
    if fault:
        raise SpecError(f"EntrySpec {entry.name!r}: {fault}", path=path, line=line)
    return entry


def _fault(entry: EntrySpec) -> str | None:
    name, schema = cast("object", entry.name), cast("Any", entry.schema_in)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return f"its name must be {NAME_RULE}"
    if not any(map(inspect.iscoroutinefunction, (entry.main, getattr(entry.main, "__call__", None)))):  # noqa: B004
        return "main must be an async function"
    try:
        inspect.signature(entry.main).bind(None, None)
    except TypeError:
        return "main must take two arguments: async def main(input, ctx)"
    if schema is not None and not (isinstance(schema, type) and issubclass(schema, WorkerArgs)):
        return "schema_in is no subclass of llm_do.runtime.WorkerArgs"
    return None


def _is_one_of(value: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, kinds)


def _is_toolset_class(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, AbstractToolset)


def _is_function(value: Any) -> bool:
    return callable(value) and hasattr(value, "__code__")


_KINDS: Final = (ToolsetSpec, AbstractToolset, FunctionTool)
