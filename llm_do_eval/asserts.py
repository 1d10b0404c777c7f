"""A test function in, whether it, or a function that it calls, can find anything wrong out.

Read from the syntax tree: what counts is an `assert`, an `invariant`, `pytest.raises` or `pytest.fail` in
the test, or in functions of its module and of conftest files that it names.
"""

from __future__ import annotations

import ast
import functools
import inspect
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_OF_PYTEST = frozenset({"fail", "raises"})


def asserts_nothing(test: Any, conftests: Iterable[Path] = ()) -> bool:
    """Tell whether a test can only end well or by an exception; False where its source cannot be read."""
    code = inspect.unwrap(test).__code__
    sources = [_read(path) for path in (Path(code.co_filename), *conftests)]
    module = sources[0]
    start = module and module.function(code.co_name, code.co_firstlineno)
    if not start:
        return False
    known = [source for source in sources if source]
    waiting: list[_Function] = [start]
    seen: set[str] = set()
    while waiting:
        function = waiting.pop()
        if any(source.holds(function) for source in known):
            return False
        names = set(_names(function)) - seen
        seen |= names
        waiting += [each for source in known for name in names for each in source.functions.get(name, ())]
    return True


@dataclass(frozen=True, slots=True)
class _Source:
    """One file: its functions by name, and the names under which it knows pytest and parts of it."""

    functions: dict[str, list[_Function]] = field(default_factory=dict[str, list[_Function]])
    pytest: set[str] = field(default_factory=set[str])
    parts: set[str] = field(default_factory=set[str])

    def function(self, name: str, line: int) -> _Function | None:
        """Find the function whose first line, decorators included, is `line`."""
        return next((each for each in self.functions.get(name, ()) if _first_line(each) == line), None)

    def holds(self, function: _Function) -> bool:
        """Tell whether anything in a function can find something wrong."""
        return any(self._finds(node) for node in ast.walk(function))

    def _finds(self, node: ast.AST) -> bool:
        match node:
            case ast.Assert():
                return True
            case ast.Name(id=name, ctx=ast.Load()):
                return name == "invariant" or name in self.parts
            case ast.Attribute(value=ast.Name(id=module), attr=name):
                return module in self.pytest and name in _OF_PYTEST
            case _:
                return False


def _read(path: Path) -> _Source | None:
    try:
        return _parsed(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, SyntaxError):
        return None


@functools.lru_cache(maxsize=64)
def _parsed(path: Path, changed_ns: int) -> _Source:
    """Parse a file once for all the tests in it, and again when it has changed."""
    del changed_ns
    tree = ast.parse(path.read_bytes())
    source = _Source()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                source.functions.setdefault(node.name, []).append(node)
            case ast.Import(names=names):
                source.pytest.update(each.asname or each.name for each in names if each.name == "pytest")
            case ast.ImportFrom(module="pytest", names=names):
                source.parts.update(each.asname or each.name for each in names if each.name in _OF_PYTEST)
            case _:
                pass
    return source


def _first_line(function: _Function) -> int:
    return min(each.lineno for each in (function, *function.decorator_list))


def _names(function: _Function) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
