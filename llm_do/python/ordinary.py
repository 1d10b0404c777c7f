"""Parts of a syntax tree in, whether they are ordinary values out: surely no toolset, tool or entry.

An expression is ordinary if every name in it is: a builtin, something of the standard library or of
pydantic, or what the file has made of such before.
"""

from __future__ import annotations

import ast
import builtins
import sys
from typing import Final

_PACKAGES: Final = frozenset({"pydantic", *sys.stdlib_module_names} - {"importlib", "runpy", "pickle"})
_TYPES: Final = frozenset({"CallContext", "RunContext", "WorkerArgs", "WorkerContext", "WorkerRuntime"})
_DYNAMIC: Final = frozenset({"eval", "exec", "globals", "locals", "vars", "__import__"})
_OURS: Final = frozenset({"llm_do", "pydantic_ai"})


def ordinary_names(tree: ast.Module) -> set[str]:
    """Name what is ordinary before the first statement of a file: builtins and imports."""
    names = {*dir(builtins), "__file__", "__path__"} - _DYNAMIC
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for each in node.names:
                source = getattr(node, "module", None) or each.name
                is_known = source.partition(".")[0] in _PACKAGES and not getattr(node, "level", 0)
                bound = each.asname or each.name.partition(".")[0]
                if is_known or each.name in _TYPES:
                    names.add(bound)
                else:
                    names.discard(bound)
    defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return names - {node.name for node in tree.body if isinstance(node, defined)}


def is_ordinary(value: ast.AST, names: set[str]) -> bool:
    """Tell whether an expression is made of ordinary names only; names that it binds itself are."""
    inner = {node.id for node in ast.walk(value) if isinstance(node, ast.Name) and _is_stored(node)}
    return isinstance(value, ast.Lambda) or all(
        node.id in names | inner for node in ast.walk(value) if isinstance(node, ast.Name)
    )


def undo_renaming(tree: ast.Module) -> None:
    """Write what a file imports from llm_do or pydantic-ai `as` another name under its own name."""
    names = {
        each.asname: each.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in _OURS
        for each in node.names
        if each.asname
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not _is_stored(node):
            node.id = names.get(node.id, node.id)


def _is_stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)
