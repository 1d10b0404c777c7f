from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

import pytest

import llm_do
from llm_do.errors import SpecError
from llm_do.python.imported import belongs, with_imports


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import one", {"one.py"}),
        ("import one as two, package.leaf", {"one.py", "package/__init__.py", "package/leaf.py"}),
        ("from package import leaf", {"package/__init__.py", "package/leaf.py"}),
        ("from package.leaf import x", {"package/__init__.py", "package/leaf.py"}),
        ("from plain.inner import x", {"plain/inner.py"}),
        ("from . import one", {"one.py"}),
        ("from .package import *", {"package/__init__.py"}),
        ("from ...... import one", set[str]()),
        ("def f():\n    import one", {"one.py"}),
        ("import cycle", {"cycle.py", "main.py"}),
        ("import json, pydantic, missing, outside", set[str]()),
        ("import (", set[str]()),
        ("\0", set[str]()),
    ],
)
def test_what_a_file_imports(tmp_path: Path, source: str, found: set[str]) -> None:
    root = tmp_path / "root"
    for name in ("one.py", "package/__init__.py", "package/leaf.py", "plain/inner.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    (root / "cycle.py").write_text("import main, cycle")
    (tmp_path / "outside.py").write_text("")
    (root / "main.py").write_text(source)
    read = with_imports([root / "main.py"], root, Path.read_bytes, [str(tmp_path), str(root / "package")])
    assert {str(path.relative_to(root)) for path in read} == found | {"main.py"}
    assert read[root / "main.py"] == source.encode()


@pytest.mark.parametrize(
    ("link", "target", "source"),
    [
        ("helper.py", "../shared/helper.py", "import helper"),
        ("helper.py", "../shared/helper.py", "from . import helper"),
        ("helper", "../shared", "import helper"),
        ("helper", "../shared", "from helper.helper import x"),
        ("below", "../shared", "import helper"),
    ],
)
def test_a_link_out_of_the_project_is_refused(tmp_path: Path, link: str, target: str, source: str) -> None:
    root, shared = tmp_path / "root", tmp_path / "shared"
    for folder in (root, shared):
        folder.mkdir()
    for name in ("helper.py", "__init__.py"):
        (shared / name).write_text("")
    (root / link).symlink_to(target)
    (root / "main.py").write_text(source)
    search = [str(tmp_path), str(root / "below")]
    with pytest.raises(SpecError, match=r"root/(below/)?helper.*: the file is a link out of the project"):
        with_imports([root / "main.py"], root, Path.read_bytes, search)
    (root / link).unlink()
    (root / "helper.py").write_text("")
    (root / "main.py").write_text("import helper")
    assert set(with_imports([root / "main.py"], root, Path.read_bytes, search)) == {
        root / "main.py", root / "helper.py"
    }  # fmt: skip


def test_a_link_within_the_project_is_followed(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "real.py").write_text("")
    (tmp_path / "helper.py").symlink_to("lib/real.py")
    (tmp_path / "main.py").write_text("import helper")
    read = with_imports([tmp_path / "main.py"], tmp_path, Path.read_bytes, [])
    assert set(read) == {tmp_path / "main.py", tmp_path / "lib" / "real.py"}


SITE = Path(sysconfig.get_paths()["purelib"])
PREFIX = Path(sys.prefix)


@pytest.mark.parametrize(
    ("file", "root", "is_one"),
    [
        (PREFIX / "proj" / "a.py", PREFIX / "proj", True),
        (PREFIX / "src" / "a.py", PREFIX, True),
        (SITE / "proj" / "a.py", SITE / "proj", True),
        (SITE / "pydantic" / "a.py", PREFIX, False),
        (SITE / "a.py", PREFIX.parent, False),
        (Path(llm_do.__file__).with_name("new.py"), Path(llm_do.__file__).parents[1], False),
        (Path(os.__file__), PREFIX, False),
        (PREFIX / "proj" / ".." / "other" / "a.py", PREFIX / "proj", False),
    ],
    ids=str,
)
def test_what_is_installed_within_a_project_is_not_the_projects(
    file: Path, root: Path, *, is_one: bool
) -> None:
    assert belongs(file, root) is is_one


def test_a_file_belongs_by_either_of_its_paths(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root, outside):
        folder.mkdir()
        (folder / "a.py").write_text("")
    (root / "out.py").symlink_to(outside / "a.py")
    (outside / "in.py").symlink_to(root / "a.py")
    (root / "site").symlink_to(SITE)
    (tmp_path / "again").symlink_to(root)
    ours = [root / "a.py", root / "out.py", outside / "in.py", tmp_path / "again" / "out.py"]
    assert [belongs(each, root) for each in ours] == [True] * 4
    assert [belongs(each, tmp_path / "again") for each in ours] == [True] * 4
    assert not belongs(outside / "a.py", root)
    assert not belongs(root / "site" / "pydantic" / "__init__.py", root)
