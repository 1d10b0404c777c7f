"""The Python files that a run is made of are protected wherever they lie; other Python files are not."""

from __future__ import annotations

import json
import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from gated import APPROVE_ALL
from scripted import call

from llm_do.toolsets.protected import preset_of_reading

if TYPE_CHECKING:
    from scripted import Bench

SHAPE = """
from llm_do.runtime import WorkerArgs

class Shape(WorkerArgs):
    input: str
"""
CODE = [
    "tools.py",  # linked
    "TOOLS.py",  # the same file, on some file systems
    "shared/real.py",  # where a linked name leads
    "shapes/input.py",  # a schema
    "shapes/late.py",  # a schema of a worker that does not run
    "package/__init__.py",  # imported by a function that does not run
    "package/inner.py",
]
OTHERS = ["package/other.py", "shapes/other.py", "shared/other.py", "shapes/new.py", "notes.txt"]


@pytest.fixture
def project(bench: Bench) -> Bench:
    """A project with Python files that its run is made of, and with others."""
    for path in [*CODE[2:], *OTHERS]:
        if path != "shapes/new.py":
            bench.write(path, SHAPE if path.startswith("shapes/") else "x = 1")
    bench.tools("def lazy(path: str) -> str:\n    import package.inner\n    return path")
    (bench.root / "linked.py").symlink_to("shared/real.py")
    tools = ["filesystem_project", "filesystem_manage"]
    bench.worker("main", toolsets=tools, input_schema="shapes/input.py:Shape")
    bench.worker("later", input_schema="shapes/late.py:Shape")
    return bench


def runs(bench: Bench, name: str, **args: str) -> bool:
    """Tell whether a call runs where everything is approved."""
    bench.script("main", call(name, **args), "done")
    bench.events.clear()
    bench.run("hi", APPROVE_ALL, entry="main")
    (line,) = bench.calls(name)
    assert line["ok"] or line["error"]["type"] == "denied"
    return line["ok"]


@pytest.mark.policy("self-modification")
@pytest.mark.parametrize("path", CODE)
def test_a_write_to_the_code_of_the_run_asks(project: Bench, path: str) -> None:
    assert not runs(project, "write_file", path=path, content="evil")


@pytest.mark.parametrize("path", [*CODE[2:], "shared", "shapes", "package"])
def test_it_is_neither_moved_nor_deleted(project: Bench, path: str) -> None:
    assert not runs(project, "move_file", path=path, to="elsewhere")
    if path.endswith(".py"):
        assert not runs(project, "delete_file", path=path)


@pytest.mark.parametrize("path", OTHERS)
def test_other_files_are_written_moved_and_deleted(project: Bench, path: str) -> None:
    assert runs(project, "write_file", path=path, content="x = 2")
    assert runs(project, "move_file", path=path, to="moved.txt")
    assert runs(project, "delete_file", path="moved.txt")


@pytest.mark.parametrize("glob", ["plug/*.py", "./plug/*.py", "plug/**/*.py", "**/*.py", "PLUG/*.py"])
def test_a_file_that_the_manifest_would_link_next_asks(project: Bench, glob: str) -> None:
    manifest = {"version": 1, "worker_files": ["*.worker"], "python_files": ["tools.py", glob]}
    project.write("project.json", json.dumps(manifest))
    assert not runs(project, "write_file", path="plug/new.py", content="evil")
    assert not runs(project, "move_file", path="notes.txt", to="plug/new.py")
    assert runs(project, "write_file", path="plug/new.txt", content="x")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"python_files": 1}', '{"python_files": [1]}'])
def test_a_manifest_that_links_nothing_protects_no_other_file(project: Bench, text: str) -> None:
    project.write("project.json", text)
    assert runs(project, "write_file", path="plug/new.py", content="x = 1")


def test_what_python_has_imported_in_any_way_counts(project: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("other_of_the_run")
    module.__file__ = str(project.root / "package/other.py")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert not runs(project, "write_file", path="package/other.py", content="evil")
    assert runs(project, "write_file", path="shapes/other.py", content="x = 2")


@pytest.mark.parametrize(
    ("path", "preset"),
    [
        (".git/config", "insist"),
        ("sub/.GIT/config", "insist"),
        (".llm-do/runs/a.jsonl", "insist"),
        (".env", "ask"),
        ("sub/.ENV.local", "ask"),
        ("tls/server.pem", "ask"),
        ("home/id_ed25519", "ask"),
        ("environment", "approve"),
        ("pem/a.txt", "approve"),
        ("main.worker", "approve"),
        ("", "approve"),
    ],
)
def test_where_a_file_lies_and_its_name_say_how_it_is_read(path: str, preset: str) -> None:
    assert preset_of_reading(path.split("/") if path else []) == preset
