"""A cassette in, the test that is missing for it out; modules are read by their syntax, not imported."""

from __future__ import annotations

import ast
import fnmatch
from typing import TYPE_CHECKING, Final

from llm_do_eval.cassette.file.place import had_to_change, may_belong
from llm_do_eval.cassettes.files import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_MODULES: Final = ("test_*", "*_test")
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_ANY: Final = "*"


def missing_test(cassette: Path) -> str | None:
    """Say which test a cassette has lost, None where it has one, or where it is the cassette of no test.

    Tests that only running a module could show, as those of an imported base class, are taken to be there.
    """
    folder = cassette.absolute().parent
    if folder.parent.name != FOLDER:
        return None
    module = folder.parent.parent / f"{folder.name}.py"
    if not module.is_file():
        named = any(fnmatch.fnmatch(folder.name, pattern) for pattern in _MODULES)
        return f"there is no module {module.name} beside its folder" if named else None
    try:
        tests = list(_tests(ast.parse(module.read_bytes())))
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None
    if any(_fits(cassette.stem, test) for test in tests):
        return None
    return f"{module.name} has no test {cassette.stem.partition('[')[0]!r}"


def node_id(cassette: Path) -> str | None:
    """Name the test of a cassette as pytest does, None where the file name does not tell it."""
    folder, (names, bracket, parameters) = cassette.parent, cassette.stem.partition("[")
    module = folder.parent.parent / f"{folder.name}.py"
    if folder.parent.name != FOLDER or not module.is_file() or had_to_change(cassette.stem):
        return None
    return f"{module}::{names.replace('.', '::')}{bracket}{parameters}"


def _fits(stem: str, test: str) -> bool:
    return stem.startswith(test[:-1]) if test.endswith(_ANY) else may_belong(stem, test)


def _tests(module: ast.Module) -> Iterator[str]:
    """Name what may be a test, `Class.test` in dots; with a star at the end: whatever begins like this."""
    classes = {each.name: each for each in ast.walk(module) if isinstance(each, ast.ClassDef)}
    yield from _names(module.body, "", classes)


def _names(body: list[ast.stmt], prefix: str, classes: Mapping[str, ast.ClassDef]) -> Iterator[str]:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield prefix + node.name
            case ast.ClassDef():
                yield from _names_in(node, f"{prefix}{node.name}.", classes, seen=(node.name,))
            case ast.Import() | ast.ImportFrom():
                for each in node.names:
                    yield from [_ANY] if each.name == _ANY else _bound(each.asname or each.name, prefix)
            case ast.Assign():
                for each in node.targets:
                    yield from _bound(each.id, prefix) if isinstance(each, ast.Name) else ()
            case ast.If() | ast.Try() | ast.With():
                yield from _names(
                    [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.stmt)],
                    prefix,
                    classes,
                )
            case _:
                pass


def _bound(name: str, prefix: str) -> Iterator[str]:
    """Name what a name can be that is bound to something else: a test, or a class of tests."""
    yield prefix + name
    yield f"{prefix}{name}.{_ANY}"


def _names_in(
    node: ast.ClassDef, prefix: str, classes: Mapping[str, ast.ClassDef], *, seen: tuple[str, ...]
) -> Iterator[str]:
    yield from _names(node.body, prefix, classes)
    for base in node.bases:
        name = base.id if isinstance(base, ast.Name) else ""
        if name in classes and name not in seen:
            yield from _names_in(classes[name], prefix, classes, seen=(*seen, name))
        elif name not in seen and name != "object":
            yield f"{prefix}{_ANY}"
