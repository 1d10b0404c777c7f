"""Measures the shape of Python trees: package folders in, one sentence for each broken rule out."""

from __future__ import annotations

import ast
import graphlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

FUNCTION_MAX = 60
FUNCTION_P95 = 35
MODULE_MAX = 350
VAGUE_NAMES = {"utils", "helpers", "common", "base", "manager"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """One source file: `name` is dotted, without `__init__`."""

    name: str
    path: Path
    source: str
    tree: ast.Module

    @property
    def package(self) -> str:
        """The package that relative imports start from."""
        return self.name if self.path.stem == "__init__" else self.name.rpartition(".")[0]


def read_modules(roots: Sequence[Path]) -> list[Module]:
    """Parse every Python file under the package folders `roots`."""
    return [
        Module(
            name=".".join(path.relative_to(root.parent).with_suffix("").parts).removesuffix(".__init__"),
            path=path,
            source=(source := path.read_text(encoding="utf-8")),
            tree=ast.parse(source),
        )
        for root in roots
        for path in sorted(root.rglob("*.py"))
    ]


def long_functions(modules: Sequence[Module]) -> Iterator[str]:
    """No function is over `FUNCTION_MAX` lines, 95 % have up to `FUNCTION_P95`; docstrings do not count."""
    lengths = [
        (_length(node), f"{module.path}:{node.lineno} {node.name}")
        for module in modules
        for node in _functions(module)
    ]
    lengths.sort(reverse=True)
    for lines, place in lengths:
        if lines > FUNCTION_MAX:
            yield f"{place} has {lines} lines, over {FUNCTION_MAX}"
    if lengths and (p95 := lengths[-1 - int(0.95 * (len(lengths) - 1))][0]) > FUNCTION_P95:
        longest = ", ".join(f"{place} ({lines})" for lines, place in lengths if lines > FUNCTION_P95)
        yield f"95 % of the functions have up to {p95} lines, over {FUNCTION_P95}: {longest}"


def long_modules(modules: Sequence[Module]) -> Iterator[str]:
    """No module is over `MODULE_MAX` lines, the empty one after the last line end included."""
    for module in modules:
        if (lines := module.source.count("\n") + 1) > MODULE_MAX:
            yield f"{module.path} has {lines} lines, over {MODULE_MAX}"


def import_cycles(modules: Sequence[Module]) -> Iterator[str]:
    """No modules import each other in a circle; imports in functions and for types do not count."""
    names = {module.name for module in modules}
    graph = {
        module.name: names.intersection(_imports(module.tree.body, module.package)) - {module.name}
        for module in modules
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        yield f"import cycle: {' <- '.join(error.args[1])}"


def missing_docstrings(modules: Sequence[Module]) -> Iterator[str]:
    """Every module, public class, function and method has a docstring."""
    for module in modules:
        if not ast.get_docstring(module.tree):
            yield f"{module.path}:1 the module has no docstring"
        for node in _public(module.tree.body):
            if not ast.get_docstring(node):
                yield f"{module.path}:{node.lineno} {node.name} has no docstring"


def missing_annotations(modules: Sequence[Module]) -> Iterator[str]:
    """Every parameter and every return is annotated, in private and nested functions too."""
    for module in modules:
        methods = {
            item
            for node in ast.walk(module.tree)
            if isinstance(node, ast.ClassDef)
            for item in node.body
            if isinstance(item, Function) and "staticmethod" not in _decorators(item)
        }
        for node in _functions(module):
            if missing := list(_unannotated(node, is_method=node in methods)):
                yield f"{module.path}:{node.lineno} {node.name} lacks annotations: {', '.join(missing)}"


def vague_names(modules: Sequence[Module]) -> Iterator[str]:
    """No module or package has a name that says nothing about what is inside."""
    for module in modules:
        if module.name.rpartition(".")[2] in VAGUE_NAMES:
            yield f"{module.path} is named after no concept"


RULES: tuple[Callable[[Sequence[Module]], Iterator[str]], ...] = (
    long_functions,
    long_modules,
    import_cycles,
    missing_docstrings,
    missing_annotations,
    vague_names,
)


def _functions(module: Module) -> Iterator[Function]:
    return (node for node in ast.walk(module.tree) if isinstance(node, Function))


def _length(node: Function) -> int:
    return _lines(node) - (_lines(node.body[0]) if ast.get_docstring(node) is not None else 0)


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _public(body: Sequence[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    for node in body:
        if not isinstance(node, Function):
            yield from _public(_inner(node))
        if isinstance(node, Function | ast.ClassDef) and not _undocumented_by_custom(node):
            yield node


def _undocumented_by_custom(node: Function | ast.ClassDef) -> bool:
    """Tell what needs no docstring: private names, overloads, and setters, for which the getter speaks."""
    return node.name.startswith("_") or bool(_decorators(node) & {"overload", "setter", "deleter"})


def _inner(node: ast.AST) -> list[ast.stmt]:
    """List the statements directly inside a statement, those of except and case branches included."""
    return [
        statement
        for child in ast.iter_child_nodes(node)
        for statement in (_inner(child) if isinstance(child, ast.ExceptHandler | ast.match_case) else [child])
        if isinstance(statement, ast.stmt)
    ]


def _decorators(node: Function | ast.ClassDef) -> set[str]:
    return {ast.unparse(decorator).partition("(")[0].rpartition(".")[2] for decorator in node.decorator_list}


def _unannotated(node: Function, *, is_method: bool) -> Iterator[str]:
    positional = [*node.args.posonlyargs, *node.args.args]
    rest = [item for item in (node.args.vararg, node.args.kwarg) if item]
    for argument in [*positional[is_method:], *node.args.kwonlyargs, *rest]:
        if argument.annotation is None:
            yield argument.arg
    if node.returns is None:
        yield "return"


def _imports(body: Sequence[ast.stmt], package: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*parents, *([node.module] if node.module else [])])
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from _imports(node.orelse, package)
        elif not isinstance(node, Function):
            yield from _imports(_inner(node), package)
