from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from llm_do.command.lock import FILE, Lock, lock_of, refuse_differences, write_lock
from llm_do.errors import UsageError
from llm_do.linking.registry import find_entry, link
from llm_do.project.discover import Project, read_project, with_settings
from llm_do.project.setting import parse_set

if TYPE_CHECKING:
    from collections.abc import Callable

TOOLS = """
from pydantic_ai.toolsets import FunctionToolset
from llm_do.runtime import WorkerArgs
import deep.inner

calc = FunctionToolset()

@calc.tool_plain
def add(a: int) -> int:
    return a

class Ticket(WorkerArgs):
    text: str
"""


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def worker(root: Path, name: str, body: str = "Do.", **front: Any) -> None:
    lines = [f"{key}: {json.dumps(value)}" for key, value in {"name": Path(name).name, **front}.items()]
    write(root, f"{name}.worker", "\n".join(["---", *lines, "---", body, ""]))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "proj"
    worker(root, "main", toolsets=["calc", "sub"], input_schema="tools.py:Ticket", model_settings={"seed": 1})
    worker(root, "sub", output_schema={"type": "string", "enum": ["a", "b"]}, temperature=0.5)
    write(root, "tools.py", TOOLS)
    write(root, "deep/inner.py", "from . import leaf\nimport json\n")
    write(root, "deep/leaf.py", "X = 1\n")
    manifest = {"version": 1, "worker_files": ["*.worker"], "python_files": ["tools.py"]}
    write(root, "project.json", json.dumps(manifest))
    return root


def locked(root: Path, *settings: str, model: str | None = None, entry: str | None = None) -> Lock:
    project = read_project([root])
    return described(with_settings(project, [parse_set(each) for each in settings], entry or "main"), model)


def described(project: Project, model: str | None = None) -> Lock:
    registry = link(project.workers, project.python)
    return lock_of(project, registry, find_entry(registry), default_model=model)


def test_what_a_lock_says(root: Path) -> None:
    value = locked(root, model="openai:m").value
    assert list(value["manifest"]) == ["project.json"]
    assert sorted(value["worker_files"]) == ["main.worker", "sub.worker"]
    assert sorted(value["python_files"]) == ["deep/inner.py", "deep/leaf.py", "tools.py"]
    assert value["names"] == {
        "calc": {"kind": "toolset", "impl": "python", "tools": ["add"]},
        "add": {"kind": "tool", "impl": "python", "toolset": "calc"},
        "main": {"kind": "worker", "impl": "worker"},
        "sub": {"kind": "worker", "impl": "worker"},
    }
    main, sub = value["workers"]["main"], value["workers"]["sub"]
    assert (main["model"], main["settings"]) == ("openai:m", {"seed": 1})
    assert (sub["model"], sub["settings"]) == ("openai:m", {"temperature": 0.5})
    assert main["input_schema"] == {"class": "tools.py:Ticket", "sha256": value["python_files"]["tools.py"]}
    assert (sub["output_schema"]["class"], len(sub["output_schema"]["sha256"])) == (None, 64)


def test_a_lock_is_stable_and_says_nothing_of_the_machine(root: Path, tmp_path: Path) -> None:
    path = write_lock(root, locked(root))
    before = path.read_bytes()
    assert str(tmp_path).encode() not in before
    write_lock(root, locked(root))
    assert path.read_bytes() == before
    moved = root.rename(tmp_path / "elsewhere")
    assert write_lock(moved, locked(moved)).read_bytes() == before
    assert json.loads(before) == locked(moved).value


def test_an_unchanged_project_passes(root: Path) -> None:
    write_lock(root, locked(root, "temperature=0", model="openai:m"))
    refuse_differences(root, locked(root, "temperature=0", model="openai:m"))


def test_plain_files_are_locked_beside_the_first(root: Path) -> None:
    project = read_project([root / "main.worker", root / "sub.worker", root / "tools.py"])
    value = described(project).value
    assert (project.root, value["manifest"]) == (root, {})
    assert sorted(value["worker_files"]) == ["main.worker", "sub.worker"]


CHANGES: list[tuple[Callable[[Path], None], list[str]]] = [
    (lambda root: worker(root, "sub", "Do it well."), ["worker file 'sub.worker' changed"]),
    (lambda root: worker(root, "new"), ["worker file 'new.worker' was added", "name 'new' was added"]),
    (lambda root: worker(root, "workers/generated/made"), ["file 'workers/generated/made.worker' was a"]),
    (lambda root: write(root, "deep/leaf.py", "X = 2\n"), ["Python file 'deep/leaf.py' changed"]),
    (lambda root: write(root, "tools.py", TOOLS + "import extra\n"), ["Python file 'tools.py' changed"]),
    (lambda root: write(root, "json.py", ""), ["Python file 'json.py' was added"]),
    (
        lambda root: write(root, "tools.py", TOOLS.replace("add", "plus")),
        ["'tools.py' changed", "name 'add' was removed", "name 'calc' changed", "name 'plus' was added"],
    ),
    (
        lambda root: write(root, "project.json", '{"version":1,"worker_files":["*.worker"],'
                           '"python_files":["tools.py"],"runtime":{"approval_mode":"approve_all"}}'),
        ["manifest 'project.json' changed"],
    ),
    (
        lambda root: worker(root, "sub", model="openai:other", output_schema={"type": "string"}),
        ["worker 'sub': model none -> 'openai:other'", "worker 'sub': output_schema {",
         "worker 'sub': settings {\"temperature\": 0.5} -> {}"],
    ),
]  # fmt: skip


NAMES = ["body", "added", "generated", "imported", "python", "shadow", "tools", "manifest", "model"]


@pytest.mark.parametrize(("change", "says"), CHANGES, ids=NAMES)
def test_every_difference_is_named(root: Path, change: Callable[[Path], None], says: list[str]) -> None:
    write_lock(root, locked(root))
    change(root)
    with pytest.raises(UsageError) as caught:
        refuse_differences(root, locked(root))
    text = str(caught.value)
    assert text.startswith("the project is not what llm-do.lock says: ")
    assert text.endswith("; review that, then write the lock anew with --lock")
    assert [each for each in says if each not in text] == []
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ({}, {"model": "openai:m"}, "worker 'main': model none -> 'openai:m'; worker 'sub': model none -> "),
        ({"model": "a:b"}, {"model": "c:d"}, "worker 'main': model 'a:b' -> 'c:d'"),
        ({}, {"set": "temperature=0"}, "'main': settings {\"seed\": 1} -> {\"seed\": 1, \"temperature\": 0}"),
        ({}, {"set": "sub:temperature=1"}, "worker 'sub': settings"),
        ({}, {"set": "sub:approvals=[]"}, ""),
        ({}, {"set": 'sub:toolsets=["calc"]'}, "worker 'sub': another definition, by --set"),
        ({}, {"set": "sub:timeout_s=5"}, "worker 'sub': another definition, by --set"),
    ],
)  # fmt: skip
def test_what_the_command_line_changes_is_named(
    root: Path, before: dict[str, str], after: dict[str, str], says: str
) -> None:
    def made(options: dict[str, str]) -> Lock:
        return locked(root, *([options["set"]] if "set" in options else []), model=options.get("model"))

    write_lock(root, made(before))
    if not says:
        refuse_differences(root, made(after))
        return
    with pytest.raises(UsageError) as caught:
        refuse_differences(root, made(after))
    assert says in str(caught.value)


def test_many_differences_are_counted(root: Path) -> None:
    write_lock(root, locked(root))
    for number in range(20):
        worker(root, f"w{number}")
    with pytest.raises(UsageError, match=r"; and 30 more; review that") as caught:
        refuse_differences(root, locked(root))
    assert len(str(caught.value)) < 1000


def test_a_worker_with_several_callers_may_have_several_models(root: Path) -> None:
    worker(root, "main", toolsets=["sub", "other"], model="a:x")
    worker(root, "other", toolsets=["sub"], model="b:y")
    models = {name: each["model"] for name, each in locked(root, model="c:z").value["workers"].items()}
    assert models == {"main": "a:x", "other": "b:y", "sub": ["a:x", "b:y"]}


def test_recursion_ends(root: Path) -> None:
    worker(root, "main", toolsets=["main", "sub"])
    worker(root, "sub", toolsets=["main"])
    assert locked(root, model="a:x").value["workers"]["sub"]["model"] == "a:x"


def test_no_key_stands_in_a_lock(root: Path) -> None:
    def text(secret: str) -> str:
        settings = {"extra_headers": {"x-key": secret}, "seed": 1}
        worker(root, "main", model_settings=settings, toolsets=["sub"])
        return json.dumps(locked(root).value["workers"])

    assert "hunter2hunter2" not in text("hunter2hunter2")
    assert text("hunter2hunter2") != text("hunter3hunter3")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "there is no lock file; write it with --lock"),
        ("", "the lock file is torn; write it anew with --lock"),
        ('{"version": 1, "names": {', "the lock file is torn"),
        ('{"version": 1, "names": NaN}', "the lock file is torn"),
        ("[" * 100_000, "the lock file is torn"),
        ("[1]", "a lock file of version 'None', not 1"),
        ('{"version": 2}', "a lock file of version '2', not 1; write it anew with --lock"),
        ('{"version": true}', "a lock file of version 'True', not 1"),
        ('{"version": 1}', "manifest 'project.json' was added"),
        ('{"version": 1, "workers": [], "manifest": "x"}', "manifest 'project.json' was added"),
    ],
)
def test_a_lock_file_that_is_missing_or_wrong(root: Path, content: str | None, says: str) -> None:
    if content is not None:
        write(root, FILE, content)
    with pytest.raises(UsageError) as caught:
        refuse_differences(root, locked(root))
    assert says in str(caught.value)


def test_what_a_later_version_added_is_a_difference(root: Path) -> None:
    lock = locked(root)
    write_lock(root, replace(lock, value={**lock.value, "signature": "x"}))
    with pytest.raises(UsageError, match="it holds 'signature', which this version does not know"):
        refuse_differences(root, lock)


def test_a_lock_file_that_is_a_link_is_neither_read_nor_written(root: Path, tmp_path: Path) -> None:
    (tmp_path / "target").write_text("untouched")
    (root / FILE).symlink_to(tmp_path / "target")
    with pytest.raises(UsageError, match="link"):
        refuse_differences(root, locked(root))
    with pytest.raises(UsageError, match="link"):
        write_lock(root, locked(root))
    assert (tmp_path / "target").read_text() == "untouched"
