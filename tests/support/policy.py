"""The rows of `tests/tables/policy.yaml`, and which tests make them true.

A row is made true by a test that carries its id in a mark, or whose cases are the executable rows of a layer.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _pytest.mark import ParameterSet

TESTS = Path(__file__).parents[1]
ROWS: list[dict[str, Any]] = yaml.safe_load((TESTS / "tables" / "policy.yaml").read_text("utf-8"))["cases"]
LATER = ("oauth", "tui")
"""Layers that are not part of this version."""

GENERATED = {
    "laughs": "a0: &a0 [x]\n"
    + "".join(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 10)),
    "merge": "a0: &a0 {k: 1}\n"
    + "".join(f"a{level}: &a{level}\n  <<: [*a{level - 1}, *a{level - 1}]\n" for level in range(1, 22)),
    "deep": "a: " + "[" * 5000 + "]" * 5000,
    "many": "a: [" + ", ".join(map(str, range(200_000))) + "]",
    "huge": "a: |\n" + "  text\n" * 86_000,
}
"""What the word `gen` of a row stands for."""


def policy_cases(layer: str) -> list[ParameterSet]:
    """The rows of a layer that hold what to run, as cases named and marked by their ids."""
    return [
        pytest.param(row, id=row["id"], marks=pytest.mark.policy(row["id"]))
        for row in ROWS
        if row["layer"] == layer and "expect" not in row
    ]


def marked(sources: Iterable[str]) -> Iterator[str]:
    """The ids that tests are marked with, read from their sources."""
    for source in sources:
        for node in ast.walk(ast.parse(source if "policy" in source else "")):
            if isinstance(node, ast.Call):
                words = [each.value for each in node.args if isinstance(each, ast.Constant)]
                called = ast.unparse(node.func)
                if called == "pytest.mark.policy":
                    yield from map(str, words)
                elif called == "policy_cases":
                    for layer in words:
                        yield from (str(case.id) for case in policy_cases(str(layer)))
