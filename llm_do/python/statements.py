"""The syntax tree of a Python file in, the statements and assignments that importing it runs out."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Assignment(NamedTuple):
    """A name, and the expression it is bound to."""

    name: str
    value: ast.expr


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements an import runs: those under `if`, `try` and `with` too, but none of functions."""
    for node in body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'":
            continue
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for part in ast.iter_child_nodes(node):
                if isinstance(part, ast.stmt):
                    yield from statements([part])
                elif isinstance(part, ast.ExceptHandler | ast.match_case):
                    yield from statements(part.body)


def assignments(node: ast.stmt) -> Iterator[Assignment]:
    """Yield what a statement binds by `=`, those of `a, b = x, y` one by one."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign):
        targets = [node.target]
    value = getattr(node, "value", None)
    if value is not None:
        yield from (Assignment(target.id, value) for target in targets if isinstance(target, ast.Name))
        for target in targets:
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                pairs = zip(target.elts, value.elts, strict=False)
                yield from (Assignment(each.id, given) for each, given in pairs if isinstance(each, ast.Name))
