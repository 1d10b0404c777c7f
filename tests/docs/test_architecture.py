"""The page about the architecture names every module there is, in the layers in which imports are held."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import shape
from page_tables import names_in, tables_below

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "architecture.md"
PACKAGES = ("llm_do", "llm_do_eval")
ROOMS = sorted(path.parent.name for path in (ROOT / "llm_do").glob("*/__init__.py"))
UNORDERED = {"toolsets", "ui", "sandbox"}
MADE_UP = """
Say `journal.write_line` and `Run.dispatch`, `Gate.passes` and `json.loads`.

## Modules of `llm_do`

| modules | what they do |
|---|---|
| `cli` `made_up` | nothing |
"""


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_is_named(package: str) -> None:
    assert names_in(rows(PAGE, package)) == modules(ROOT / package)


def test_every_room_is_named() -> None:
    assert names_in(tables_below(PAGE, "Modules of `llm_do`")[1]) == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_of_a_room_is_named(room: str) -> None:
    named = [name for row in rows_of(room) for name in names_in([row])]
    assert sorted(named) == sorted(modules(ROOT / "llm_do" / room))


def test_the_layers_are_those_of_the_imports() -> None:
    assert [names_in([row]) for row in rows(PAGE, "llm_do")] == layers("llm_do")


@pytest.mark.parametrize("room", sorted(set(ROOMS) - UNORDERED))
def test_the_layers_of_a_room_are_those_of_its_imports(room: str) -> None:
    assert [names_in([row]) for row in rows_of(room)] == layers(f"llm_do.{room}")


def test_what_a_dotted_name_says_is_there() -> None:
    assert unknown(PAGE.read_text(encoding="utf-8"), members()) == []


def test_what_is_missing_or_made_up_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(MADE_UP, encoding="utf-8")
    named, there = names_in(rows(page, "llm_do")), modules(ROOT / "llm_do")
    assert named - there == {"made_up"}
    assert "gate" in there - named
    assert unknown(MADE_UP, members()) == ["journal.write_line", "Gate.passes"]


def rows(page: Path, package: str) -> list[list[str]]:
    return tables_below(page, f"Modules of `{package}`")[0]


def rows_of(room: str) -> list[list[str]]:
    """Give the rows of a room, from the cell that names its modules."""
    return [row[1:] for row in tables_below(PAGE, "Modules of `llm_do`")[1] if row[0] == f"`{room}`"]


def layers(container: str) -> list[set[str]]:
    """Read what import-linter holds the modules of a package to, from the top."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = config["tool"]["importlinter"]["contracts"]
    [found] = [each["layers"] for each in contracts if each.get("containers") == [container]]
    return [set(re.findall(r"\w+", layer)) for layer in found]


def modules(package: Path) -> set[str]:
    """List the modules and packages right below a package."""
    files = {path.stem for path in package.glob("*.py")} - {"__init__"}
    return files | {path.parent.name for path in package.glob("*/__init__.py")}


def members() -> Mapping[str, set[str]]:
    """Map modules and classes, by their last names, to what they hold."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for module in shape.read_modules([ROOT / package for package in PACKAGES]):
        above, _, name = module.name.rpartition(".")
        found[above.rpartition(".")[2]].add(name)
        found[name].update(bound(module.tree))
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                found[node.name].update(bound(node))
    return found


def bound(node: ast.Module | ast.ClassDef) -> Iterator[str]:
    for each in node.body:
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield each.name
        elif isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            yield each.target.id


def unknown(text: str, known: Mapping[str, set[str]]) -> list[str]:
    """List the names `holder.member` whose holder is ours and has no such member."""
    dotted = re.findall(r"`(\w+)\.(\w+)\b", text)
    ours = known.keys() - PACKAGES  # groups of entry points are named like modules
    return [f"{holder}.{name}" for holder, name in dotted if holder in ours and name not in known[holder]]
