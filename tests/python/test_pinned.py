from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import pytest

from llm_do.canonical import digest
from llm_do.errors import SpecError
from llm_do.linking.entry import build_project
from llm_do.linking.pythonload import PythonLoader
from llm_do.project.discover import read_project
from llm_do.python.pinned import locked_imports
from llm_do.python.pythonfile import scan_python

if TYPE_CHECKING:
    from pathlib import Path

WORKER = "---\nname: main\ntoolsets: [calc]\noutput_schema: schemas.py:Answer\n---\nDo.\n"
TOOLS = "from pydantic_ai.toolsets import FunctionToolset\ncalc = FunctionToolset()\n"
SCHEMA = "from pydantic import BaseModel\nclass Answer(BaseModel):\n    a: int\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "main.worker").write_text(WORKER)
    (tmp_path / "tools.py").write_text(TOOLS)
    (tmp_path / "schemas.py").write_text(SCHEMA)
    return tmp_path


def test_what_was_scanned_is_what_runs(root: Path) -> None:
    project = read_project([root / "main.worker", root / "tools.py"])
    (root / "tools.py").write_text(TOOLS + f"open({str(root / 'canary')!r}, 'w').close()\n")
    with pytest.raises(
        SpecError, match=r"tools\.py: the file changed after it was read; start the run again"
    ):
        build_project(project, entry="main")
    assert not (root / "canary").exists()


def test_the_loader_tells_what_ran(root: Path) -> None:
    project = read_project([root / "main.worker", root / "tools.py"])
    loader = build_project(project, entry="main").entry.loader
    loader.reference("schemas.py:Answer")
    assert loader.digests() == {"schemas.py": digest(SCHEMA), "tools.py": digest(TOOLS)}
    assert not (root / "__pycache__").exists()


def test_with_pins_nothing_else_is_imported(root: Path) -> None:
    pins = {str(root / "tools.py"): digest(TOOLS)}
    loader = PythonLoader(root, pins=pins)
    loader.load([scan_python(root / "tools.py", TOOLS.encode())])
    with pytest.raises(SpecError, match=r"schemas\.py: the lock does not name this Python file; lock again"):
        loader.reference("schemas.py:Answer")
    with pytest.raises(SpecError, match=r"tools\.py: the file changed"):
        PythonLoader(root, pins={str(root / "tools.py"): digest("")}).module(root / "tools.py")


def test_locked_imports_hold_to_the_pins(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pinned_one", "changed_one", "unknown_one", "package_one"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "path", [str(root), *sys.path])
    (root / "package_one").mkdir()
    files = {"pinned_one.py": "X = 1\n", "changed_one.py": "X = 2\n", "package_one/__init__.py": "X = 3\n"}
    for name, text in {**files, "unknown_one.py": "X = 4\n"}.items():
        (root / name).write_text(text)
    pins = {str(root / name): digest(text) for name, text in files.items()}
    (root / "changed_one.py").write_text("X = 5\n")
    with locked_imports(root, pins):
        assert importlib.import_module("pinned_one").X == 1
        assert importlib.import_module("package_one").X == 3
        with pytest.raises(SpecError, match="the file changed after it was read"):
            importlib.import_module("changed_one")
        with pytest.raises(SpecError, match=r"^unknown_one\.py: a Python file imports it, but the lock does"):
            importlib.import_module("unknown_one")
        assert importlib.import_module("colorsys").__name__ == "colorsys"
        importlib.import_module("llm_do.calling.nativetool")
    assert importlib.import_module("unknown_one").X == 4
    for name in ("pinned_one", "unknown_one", "package_one"):
        del sys.modules[name]


@pytest.mark.parametrize("link", ["linked_one.py", "linked_one"])
def test_a_link_out_of_the_folder_is_not_imported(
    root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, link: str
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    for name in ("linked_one.py", "__init__.py"):
        (outside / name).write_text("X = 1\n")
    (root / link).symlink_to(outside / link if link.endswith(".py") else outside)
    monkeypatch.setattr(sys, "path", [str(root), *sys.path])
    with (
        locked_imports(root, {}),
        pytest.raises(SpecError, match=r"^linked_one\S*\.py: a Python"),
    ):
        importlib.import_module("linked_one")
    assert importlib.import_module("linked_one").X == 1, "the control: without pins it is imported"
    del sys.modules["linked_one"]
