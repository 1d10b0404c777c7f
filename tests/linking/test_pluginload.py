from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import Path as ZipPath
from zipfile import ZipFile

import pytest
from installed import Offered, plugins
from pydantic_ai.toolsets import FunctionToolset

from llm_do.errors import SpecError
from llm_do.linking.pluginload import load_plugin, toolset_of
from llm_do.links import Toolset, ToolsetSpec
from llm_do.runtime import AgentSpec

if TYPE_CHECKING:
    from llm_do.project.spec import WorkerSpec

POET = "---\nname: poet\n---\nRhyme.\n"


class Calc(FunctionToolset[Any]):
    pass


def calc() -> FunctionToolset[Any]:
    toolset = FunctionToolset[Any]()
    toolset.add_function(add)
    return toolset


def add(a: int) -> int:
    return a + 1


def loaded(kind: str, value: Any, name: str = "poet") -> Any:
    plugin = plugins(Offered(kind, name, value)).get(name)
    assert plugin is not None
    return load_plugin(plugin)


def refused(kind: str, value: Any) -> str:
    with pytest.raises(SpecError) as caught:
        loaded(kind, value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "tools"),
    [(ToolsetSpec(calc), None), (calc, None), (calc(), ("add",)), (Calc, None)],
)
def test_a_toolset_is_what_a_python_file_may_hold(value: Any, tools: tuple[str, ...] | None) -> None:
    made = loaded("toolsets", value, "calc")
    assert isinstance(made, Toolset)
    assert (made.name, made.origin, made.tools) == ("calc", "toolset plug-in 'calc' of acme 1.0", tools)
    assert made.make is not None
    assert isinstance(made.make.factory(), FunctionToolset)


def names(found: tuple[WorkerSpec, ...]) -> list[str]:
    return [each.name for each in found]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "poet.worker").write_text(POET)
    (tmp_path / "bard.worker").write_text(POET.replace("poet", "bard"))
    (tmp_path / "notes.txt").write_text("no worker")
    return tmp_path


def test_a_worker_is_a_file_a_folder_of_them_or_a_spec(folder: Path) -> None:
    file = folder / "poet.worker"
    assert names(loaded("workers", file)) == ["poet"]
    assert names(loaded("workers", str(file))) == ["poet"]
    assert names(loaded("workers", folder)) == ["bard", "poet"]
    assert names(loaded("workers", lambda: file)) == ["poet"]
    assert loaded("workers", AgentSpec("poet")) == (AgentSpec("poet"),)
    assert names(loaded("workers", lambda: AgentSpec("poet"))) == ["poet"]
    (spec,) = loaded("workers", file)
    assert (spec.path, spec.instructions) == (str(file), "Rhyme.")
    assert spec.sha256


def test_a_worker_may_lie_in_an_archive(folder: Path) -> None:
    with ZipFile(folder / "a.zip", "w") as archive:
        archive.write(folder / "poet.worker", "in/poet.worker")
    with ZipFile(folder / "a.zip") as archive:
        assert names(loaded("workers", ZipPath(archive, "in/"))) == ["poet"]


def test_a_path_begins_beside_its_module_never_where_the_command_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    here = str(Path(__file__).parents[1] / "support" / "poet.worker")
    assert refused("workers", "poet.worker") == (
        f"worker plug-in 'poet' of acme 1.0: {here!r} is neither a worker file nor a folder of them"
    )


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("toolsets", ImportError("no\nsuch"), "importing failed: ImportError: no such"),
        ("workers", SystemExit(3), "importing failed: SystemExit: 3"),
        ("workers", lambda: 1 / 0, "importing failed: ZeroDivisionError: division by zero"),
        ("toolsets", 3, "a int is no toolset; give a ToolsetSpec, a factory or a toolset"),
        ("workers", 3, "a int is no worker; give a WorkerSpec or a path"),
        ("workers", AgentSpec("bard"), "it gives no worker of that name; the workers are: bard"),
    ],
)
def test_what_is_wrong_is_told_with_the_package(kind: str, value: Any, message: str) -> None:
    assert refused(kind, value) == f"{kind[:-1]} plug-in 'poet' of acme 1.0: {message}"


def test_a_broken_worker_file_is_named(folder: Path) -> None:
    (folder / "poet.worker").write_text(POET.replace("name", "nmae"))
    assert refused("workers", folder).startswith(f"{folder / 'poet.worker'}:2: unknown key 'nmae'")


def test_a_toolset_of_anything_else_is_refused() -> None:
    with pytest.raises(SpecError, match="here: a list is no toolset"):
        toolset_of("calc", [], "here")
