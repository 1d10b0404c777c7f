from __future__ import annotations

import ast

import pytest

from llm_do.python.ordinary import is_ordinary, ordinary_names, undo_renaming


@pytest.mark.parametrize(
    ("head", "value", "expected"),
    [
        ("", "5", True),
        ("", "len('x') + int(__file__[0])", True),
        ("", "[x for x in range(3)]", True),
        ("", "unknown", False),
        ("", "eval('x')", False),
        ("import os.path", "os.environ", True),
        ("import importlib", "importlib", False),
        ("from re import compile as c", "c('x')", True),
        ("from re import compile as c\nfrom lib import c", "c('x')", False),
        ("from .re import compile", "compile('x')", False),
        ("from pydantic import BaseModel", "BaseModel", True),
        ("from pydantic_ai import RunContext, Tool", "RunContext[None]", True),
        ("from pydantic_ai import RunContext, Tool", "Tool(print)", False),
        ("def print(): ...", "print()", False),
    ],
)
def test_an_expression_is_ordinary_by_its_names(head: str, value: str, expected: bool) -> None:  # noqa: FBT001
    names = ordinary_names(ast.parse(head))
    assert is_ordinary(ast.parse(value, mode="eval").body, names) is expected


def test_renamed_imports_of_ours_get_their_own_names() -> None:
    tree = ast.parse(
        "from llm_do.runtime import EntrySpec as ES\nfrom lib import A as B\nx = ES(B)\ny = ES = 1"
    )
    undo_renaming(tree)
    assert ast.unparse(tree).splitlines()[2:] == ["x = EntrySpec(B)", "y = ES = 1"]
