"""Source text of a Python file in, the toolsets, tools and entries it declares out; nothing is imported.

The scan sees every spelling of the reference documentation that is written down plainly. What only
running the file can tell is marked: a toolset whose `tools` is None, a file that is `opaque`.
"""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from llm_do.canonical import digest
from llm_do.errors import SpecError
from llm_do.python.ordinary import is_ordinary, ordinary_names, undo_renaming
from llm_do.python.statements import assignments, statements

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WRAPPING_METHODS: Final = frozenset(
    {"filtered", "prefixed", "renamed", "prepared", "approval_required", "with_metadata", "defer_loading"}
)
_WORD: Final = re.compile(r"\w+")
_FILLING_METHODS: Final = frozenset({"add_function", "add_tool"})
TABLES: Final = ("TOOLS", "TOOLSETS")


@dataclass(frozen=True, slots=True)
class DeclaredToolset:
    """A toolset by the name that workers use; `tools` is None where only running the file can tell."""

    name: str
    line: int
    tools: tuple[str, ...] | None
    alias: bool = False
    """A second name, given in a table, for a toolset that has one."""


@dataclass(frozen=True, slots=True)
class DeclaredEntry:
    """A Python entry: the name of its `EntrySpec`."""

    name: str
    line: int


@dataclass(frozen=True, slots=True)
class PythonFile:
    """What a Python file declares, in the order of the file."""

    path: Path
    toolsets: tuple[DeclaredToolset, ...]
    entries: tuple[DeclaredEntry, ...]
    bound: tuple[str, ...]
    opaque: bool = False
    sha256: str = ""
    """The digest of the bytes that were read; importing runs these and no others."""


def scan_python(path: Path, source: bytes) -> PythonFile:
    """Read a Python file by its syntax tree.

    Raises:
        SpecError: a syntax error, or a tool declared in a way that pydantic-ai 2 refuses.
    """
    try:
        return _scanned(path, source)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise SpecError(
            f"Python cannot read this file: {getattr(error, 'msg', error)}", path=path, line=line
        ) from error
    except (RecursionError, MemoryError) as error:
        raise SpecError("an expression is nested too deeply; flatten it", path=path) from error


def _scanned(path: Path, source: bytes) -> PythonFile:
    tree = ast.parse(source, filename=str(path))
    _refuse_plain_functions(tree, path)
    undo_renaming(tree)
    scan = _Scan(tree)
    for node in statements(tree.body):
        scan.statement(node)
    toolsets, entries = tuple(scan.toolsets.values()), tuple(scan.entries.values())
    return PythonFile(path, toolsets, entries, tuple(scan.bound), scan.opaque, digest(source))


class _Scan:
    """The state of one scan: what has been found so far."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.functions = {
            node.name: node
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.decorator_list
        }
        self.toolsets: dict[str, DeclaredToolset] = {}
        self.entries: dict[str, DeclaredEntry] = {}
        self.bound: list[str] = []
        self.classes: set[str] = set()
        self.ordinary = ordinary_names(tree)
        self.opaque = False

    def statement(self, node: ast.stmt) -> None:
        """Take in one statement of the module."""
        if isinstance(node, ast.ClassDef):
            self._class(node)
        assigned = list(assignments(node))
        for name, value in assigned:
            self.bound.append(name)
            if name in TABLES:
                self._table(name, value)
            elif is_ordinary(value, self.ordinary):
                self.ordinary.add(name)
            else:
                self.ordinary.discard(name)
                if not name.startswith("_"):
                    self._assigned(name, value)
        # a call for its effect, or a value put elsewhere than under a name, may add to what is there
        if not assigned and isinstance(node, ast.Expr | ast.Assign | ast.AugAssign):
            self.opaque |= not (is_ordinary(node.value, self.ordinary) or _is_filling(node.value))

    def _class(self, node: ast.ClassDef) -> None:
        self.bound.append(node.name)
        if any(self._is_toolset_class(_called(base)) for base in node.bases):
            self.classes.add(node.name)
            if not node.name.startswith("_"):
                self._add(DeclaredToolset(node.name, node.lineno, None))
        elif all(is_ordinary(base, self.ordinary) for base in node.bases):
            self.ordinary.add(node.name)
        else:
            self.opaque = True

    def _is_toolset_class(self, name: str) -> bool:
        return name.endswith("Toolset") or name in self.classes

    def _assigned(self, name: str, value: ast.expr) -> None:
        call = value if isinstance(value, ast.Call) else None
        entry = _name_argument(call) if call and _called(call.func) == "EntrySpec" else None
        if entry is not None:
            self.opaque |= name in self.entries
            self.entries[name] = DeclaredEntry(entry, value.lineno)
            self.ordinary.add(name)
        elif self._declared(value) is not None:
            self._add(self._listed(name, value))
        elif call and (found := self._toolset(name, call)) is not None:
            self._add(found)
        else:
            self.opaque = True

    def _add(self, found: DeclaredToolset) -> None:
        """Take in a toolset; which of two under one name there will be, only running can tell."""
        if found.name in self.toolsets:
            self.opaque = True
            found = replace(found, tools=None)
        self.toolsets[found.name] = found

    def _toolset(self, name: str, call: ast.Call) -> DeclaredToolset | None:
        callee = _called(call.func)
        if callee == "FunctionToolset":
            return DeclaredToolset(name, call.lineno, self._tools_of(name, call))
        if callee == "ToolsetSpec":
            return DeclaredToolset(name, call.lineno, self._tools_of_factory(_argument(call, "factory")))
        if callee == "Tool" and (tool := self._tool_name(call)) is not None:
            return DeclaredToolset(name, call.lineno, (tool,))
        if self._is_toolset_class(callee) or callee in WRAPPING_METHODS:
            self.opaque |= callee not in WRAPPING_METHODS
            return DeclaredToolset(name, call.lineno, None)
        return None

    def _tools_of(self, name: str, call: ast.Call) -> tuple[str, ...] | None:
        given = _argument(call, "tools")
        listed: list[ast.expr | None] = getattr(given, "elts", [given] if given else [])
        listed += [None for word in call.keywords if word.arg is None]
        filling = [each for each in _calls(self.tree, name) if _called(each.func) in _FILLING_METHODS]
        names = [*map(self._tool_name, listed)]
        names += [_renamed(each) or self._tool_name(_argument(each, "func")) for each in filling]
        if None in names:
            self.opaque = True
            return None
        return (*filter(None, names), *_decorated(self.tree, name))

    def _tools_of_factory(self, given: ast.expr | None) -> tuple[str, ...] | None:
        function = self.functions.get(given.id) if isinstance(given, ast.Name) else None
        if function is None or any(map(_hides_tools, _calls(function))):
            return None
        return tuple(_decorated(function, None)) or None

    def _table(self, table: str, value: ast.expr) -> None:
        if isinstance(value, ast.Dict):
            pairs = [
                (key.value, each)
                for key, each in zip(value.keys, value.values, strict=True)
                if isinstance(key, ast.Constant) and isinstance(key.value, str)
            ]
            self.opaque |= len(pairs) != len(value.keys)
            for key, each in pairs:
                self._list(table, key, each)
        elif isinstance(value, ast.List | ast.Tuple):
            for each in value.elts:
                same = self._declared(each)
                name = same.name if same else self._tool_name(each)
                self.opaque |= name is None
                if name is not None:
                    self._list(table, name, each)
        else:
            self.opaque = True

    def _list(self, table: str, name: str, value: ast.expr) -> None:
        """Take in an entry of a table, unless it lists a toolset under the name it has."""
        same = self._declared(value)
        if same is None or same.name != name:
            self._add(self._listed(name, value, table))

    def _listed(self, name: str, value: ast.expr, table: str = "") -> DeclaredToolset:
        same = self._declared(value)
        if same is not None:
            return DeclaredToolset(name, value.lineno, same.tools, alias=True)
        if isinstance(value, ast.Name) and value.id in self.functions:
            is_factory = table == "TOOLSETS"
            tools = self._tools_of_factory(value) if is_factory else (name,)
            return DeclaredToolset(name, value.lineno, tools)
        found = self._toolset(name, value) if isinstance(value, ast.Call) else None
        self.opaque |= found is None
        return found or DeclaredToolset(name, value.lineno, None)

    def _tool_name(self, value: ast.expr | None) -> str | None:
        """Name the tool that a function or `Tool(function, name=...)` makes; None for anything else."""
        if isinstance(value, ast.Call) and _called(value.func) == "Tool":
            return _renamed(value) or self._tool_name(_argument(value, "function"))
        return value.id if isinstance(value, ast.Name) and value.id in self.functions else None

    def _declared(self, value: ast.expr) -> DeclaredToolset | None:
        name = value.id if isinstance(value, ast.Name) else None
        return self.toolsets.get(name or "")


def _called(node: ast.expr) -> str:
    """Name what is called or derived from: `FunctionToolset` for `toolsets.FunctionToolset[X]`."""
    if isinstance(node, ast.Subscript):
        return _called(node.value)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _argument(call: ast.Call, name: str) -> ast.expr | None:
    """Find the argument that is given first or by this name."""
    named = next((word.value for word in call.keywords if word.arg == name), None)
    return call.args[0] if call.args else named


def _name_argument(call: ast.Call) -> str | None:
    given = _argument(call, "name")
    return given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else None


def _is_filling(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and _called(value.func) in _FILLING_METHODS


def _calls(tree: ast.AST, owner: str | None = None) -> Iterator[ast.Call]:
    """Yield the calls below a node; with an owner, those of its methods."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            holder = node.func.value if isinstance(node.func, ast.Attribute) else None
            if owner is None or (isinstance(holder, ast.Name) and holder.id == owner):
                yield node


def _hides_tools(call: ast.Call) -> bool:
    """Tell whether a call in a factory fills or wraps a toolset otherwise than by decorators."""
    callee = _called(call.func)
    is_filled = callee != "FunctionToolset" or _argument(call, "tools") is not None
    return (callee.endswith("Toolset") and is_filled) or callee in _FILLING_METHODS | WRAPPING_METHODS


def _decorated(tree: ast.AST, owner: str | None) -> Iterator[str]:
    """Name the functions decorated `@OWNER.tool` or `@OWNER.tool_plain` below a node; any owner for None."""
    for function, decorator in _tool_functions(tree):
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        holder = target.value if isinstance(target, ast.Attribute) else None
        if owner is None or (isinstance(holder, ast.Name) and holder.id == owner):
            yield _renamed(decorator) or function.name


def _tool_functions(tree: ast.AST) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, ast.expr]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                target = decorator.func if isinstance(decorator, ast.Call) else decorator
                if isinstance(target, ast.Attribute) and target.attr in {"tool", "tool_plain"}:
                    yield node, decorator


def _renamed(decorator: ast.expr) -> str | None:
    words = decorator.keywords if isinstance(decorator, ast.Call) else []
    given = next((word.value for word in words if word.arg == "name"), None)
    return given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else None


def _refuse_plain_functions(tree: ast.Module, path: Path) -> None:
    """Refuse `@X.tool` over a function that takes no RunContext, in the words of the mend."""
    owners = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt)
        for name, value in assignments(node)
        if isinstance(value, ast.Call) and _called(value.func) == "FunctionToolset"
    }
    contexts = {"RunContext", *_other_contexts(tree)}
    for function, decorator in _tool_functions(tree):
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        owner = (
            ast.unparse(target.value) if isinstance(target, ast.Attribute) and target.attr == "tool" else ""
        )
        if owner in owners and _takes_no_context(function, contexts):
            raise SpecError(
                f"tool {function.name!r} takes no RunContext: pydantic-ai 2 wants @{owner}.tool_plain here, "
                f"or RunContext as the first parameter under @{owner}.tool",
                path=path,
                line=decorator.lineno,
            )


def _takes_no_context(function: ast.FunctionDef | ast.AsyncFunctionDef, contexts: set[str]) -> bool:
    parameters = [*function.args.posonlyargs, *function.args.args]
    if not parameters:
        return True
    annotation = parameters[0].annotation
    return annotation is not None and not contexts.intersection(_WORD.findall(ast.unparse(annotation)))


def _other_contexts(tree: ast.Module) -> Iterator[str]:
    """Name what may stand for RunContext: assigned types, and imports that only their package can explain."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            yield from (name for name, value in assignments(node) if "RunContext" in ast.unparse(value))
        elif isinstance(node, ast.ImportFrom):
            is_known = (node.module or "").partition(".")[0] in sys.stdlib_module_names
            yield from (each.asname or each.name for each in node.names if not is_known)
