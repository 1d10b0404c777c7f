from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from installed import Offered, plugins
from pydantic_ai.toolsets import FunctionToolset
from scripted import Bench, call

from llm_do.command.graph import graph
from llm_do.errors import SpecError
from llm_do.linking.entry import build_project
from llm_do.linking.registry import find_entry, link
from llm_do.links import Entry, Toolset, Worker
from llm_do.project.discover import read_project
from llm_do.project.spec import SandboxSpec, WorkerSpec
from llm_do.runtime import AgentSpec, RunApprovalPolicy

if TYPE_CHECKING:
    from llm_do.linking.entry import Built
    from llm_do.linking.registry import Registry


def calc() -> FunctionToolset[Any]:
    toolset = FunctionToolset[Any]()
    toolset.add_function(add)
    return toolset


def add(a: int) -> int:
    return a + 1


def linked(*specs: WorkerSpec, offered: tuple[Offered, ...], loads: bool = True) -> Registry:
    return link(specs, [], plugins=plugins(*offered, loads=loads))


def test_a_name_of_a_package_is_loaded_when_a_worker_names_it() -> None:
    used, unused = Offered("toolsets", "calc", calc()), Offered("toolsets", "other", calc)
    poet = Offered("workers", "poet", AgentSpec("poet", toolsets=("calc",)))
    registry = linked(WorkerSpec("main", toolsets=("poet", "calc")), offered=(used, unused, poet))
    main = registry.workers["main"]
    assert [type(each) for each in main.links] == [Worker, Toolset]
    assert registry.workers["poet"].links == (registry.names["calc"],)
    assert sorted(registry.names) == ["add", "calc", "main", "poet"]
    assert (used.loads, poet.loads, unused.loads) == (1, 1, 0)
    assert registry.worker_names == ("main", "poet")


def test_a_name_of_a_package_is_loaded_when_it_is_called() -> None:
    poet = Offered("workers", "poet", AgentSpec("poet"))
    registry = linked(offered=(poet, Offered("toolsets", "calc", calc)))
    assert registry.callable("none") is None
    assert registry.callable("calc") is None
    assert isinstance(registry.callable("poet"), Worker)
    assert registry.callable("poet") is registry.callable("poet")
    assert poet.loads == 1
    assert find_entry(registry, "poet").name == "poet"


def test_a_folder_of_workers_brings_those_beside_it(tmp_path: Path) -> None:
    (tmp_path / "poet.worker").write_text("---\nname: poet\ntoolsets: [bard]\n---\n")
    (tmp_path / "bard.worker").write_text("---\nname: bard\n---\n")
    both = (Offered("workers", "poet", tmp_path), Offered("workers", "bard", tmp_path))
    registry = linked(WorkerSpec("main", toolsets=("poet",)), offered=both)
    assert registry.workers["poet"].links == (registry.workers["bard"],)
    assert [each.loads for each in both] == [1, 0]
    others = (both[0], Offered("workers", "bard", AgentSpec("bard"), "other"))
    with pytest.raises(SpecError, match=r"the name 'bard' is taken by worker plug-in 'bard' of other 1\.0"):
        linked(WorkerSpec("main", toolsets=("poet",)), offered=others)


def test_a_check_loads_nothing() -> None:
    offered = (Offered("toolsets", "calc", calc), Offered("workers", "poet", AgentSpec("poet")))
    registry = linked(WorkerSpec("main", toolsets=("calc", "poet")), offered=offered, loads=False)
    assert graph(registry, find_entry(registry)).splitlines()[2:] == [
        "  -> toolset calc (toolset plug-in 'calc' of acme 1.0): tools known when it runs",
        "  -> worker poet (worker plug-in 'poet' of acme 1.0)",
    ]
    assert isinstance(find_entry(registry, "poet"), Entry)
    assert [each.loads for each in offered] == [0, 0]


def test_a_name_of_the_project_and_of_a_package_is_refused() -> None:
    with pytest.raises(SpecError) as caught:
        linked(WorkerSpec("calc"), offered=(Offered("toolsets", "calc", calc),), loads=False)
    assert str(caught.value) == (
        "worker 'calc' (registered by Python): the name 'calc' is taken by "
        "toolset plug-in 'calc' of acme 1.0; rename one of them"
    )


def test_a_tool_of_a_package_takes_no_name_of_the_project() -> None:
    specs = (WorkerSpec("main", toolsets=("calc",)), WorkerSpec("add"))
    with pytest.raises(SpecError, match=r"toolset plug-in 'calc' of acme 1\.0: the name 'add' is taken by"):
        linked(*specs, offered=(Offered("toolsets", "calc", calc()),))


@pytest.mark.parametrize("name", ["filesystem_project", "read_file"])
@pytest.mark.parametrize("loads", [True, False])
def test_a_package_that_offers_what_is_built_in_is_refused_where_that_is_used(
    name: str, *, loads: bool
) -> None:
    sly = Offered("toolsets", name, calc)
    with pytest.raises(SpecError) as caught:
        linked(WorkerSpec("main", toolsets=("filesystem_project",)), offered=(sly,), loads=loads)
    assert str(caught.value) == (
        f"the name {name!r} is built in, and offered by toolset plug-in {name!r} of acme 1.0; "
        f"uninstall that package"
    )
    with pytest.raises(SpecError, match="the name 'read_file' is built in"):
        linked(
            WorkerSpec("main", sandboxes={"in": SandboxSpec("in")}),
            offered=(Offered("toolsets", "read_file", calc),),
        )
    linked(WorkerSpec("main"), offered=(sly,), loads=loads)
    assert sly.loads == 0


@pytest.mark.parametrize("loads", [True, False])
def test_a_package_with_a_name_that_is_none_is_refused_where_it_is_used(*, loads: bool) -> None:
    odd = Offered("toolsets", "bad name", calc)
    linked(WorkerSpec("main"), offered=(odd,), loads=loads)
    with pytest.raises(
        SpecError, match=r"^toolset plug-in 'bad name' of acme 1\.0: its name must be a letter"
    ):
        linked(WorkerSpec("main", toolsets=("bad name",)), offered=(odd,), loads=loads)


@pytest.mark.parametrize("name", ["main", "poet"])
def test_a_worker_of_a_package_is_the_entry_only_where_it_is_asked_for(name: str) -> None:
    poet = Offered("workers", name, AgentSpec(name, entry=True))
    registry = linked(WorkerSpec("other", toolsets=(name,)), offered=(poet,))
    assert registry.workers[name].spec.entry
    with pytest.raises(SpecError, match=r"^no entry: mark a worker"):
        find_entry(registry)
    assert find_entry(registry, name) is registry.workers[name]


def test_a_tool_of_a_package_is_no_entry_by_its_name() -> None:
    toolset = FunctionToolset[Any]()
    toolset.add_function(add, name="main")
    registry = linked(
        WorkerSpec("other", toolsets=("calc",)), offered=(Offered("toolsets", "calc", toolset),)
    )
    assert registry.callable("main") is not None
    with pytest.raises(SpecError, match=r"^no entry: mark a worker"):
        find_entry(registry)


def test_a_misspelt_name_of_a_package_is_offered() -> None:
    with pytest.raises(SpecError, match="did you mean 'calculator'"):
        linked(
            WorkerSpec("main", toolsets=("calculater",)), offered=(Offered("toolsets", "calculator", calc),)
        )


def test_what_has_a_name_is_found_whatever_its_case() -> None:
    registry = linked(WorkerSpec("main"), offered=(Offered("workers", "poet", AgentSpec("poet")),))
    assert registry.owner("MAIN") == "'main' (worker 'main' (registered by Python))"
    assert registry.owner("Poet") == "'poet' (worker plug-in 'poet' of acme 1.0)"
    assert registry.owner("read_file") == registry.owner("worker_tools") == "a built-in tool"
    assert registry.owner("free") is None


def test_a_run_uses_what_packages_offer(bench: Bench) -> None:
    bench.worker("main", toolsets=["worker_tools", "calc"], workers={"allow": ["poet"]})
    poet = Offered("workers", "poet", AgentSpec("poet", description="Rhymes."))
    unused = Offered("workers", "bard", ImportError("broken"))
    broken = Offered("workers", "poet2", ImportError("broken"))
    turns = [call("add", a=1), call("worker_call", worker="poet", input="x"), "done"]
    main = bench.script("main", *turns)
    bench.script("poet", "drip")
    found = plugins(Offered("toolsets", "calc", calc), poet, unused, broken)
    built: Built = build_project(read_project([bench.root / "main.worker"]), plugins=found)
    bench.runtime(RunApprovalPolicy("approve_all")).run(built.entry, "hi")
    assert main.tool_results == [2, "drip"]
    listed = [
        (info.function_tools[0].description or "").splitlines()[-1] for info in (main.infos[0], main.infos[2])
    ]
    assert listed == ["- poet", "- poet: Rhymes."]
    assert (unused.loads, broken.loads) == (0, 0)


INSTALLED = {
    "acme/__init__.py": "print('acme was imported')\nFOLDER = __path__[0]\n",
    "acme/tools.py": (
        "from pydantic_ai.toolsets import FunctionToolset\n"
        "def calc():\n"
        "    tools = FunctionToolset()\n"
        "    tools.add_function(lambda a: a + 1, name='add')\n"
        "    return tools\n"
    ),
    "acme/poet.worker": "---\nname: poet\ntoolsets: [acme_calc]\n---\nRhyme.\n",
    "acme-1.2.dist-info/METADATA": "Metadata-Version: 2.1\nName: acme\nVersion: 1.2\n",
    "acme-1.2.dist-info/entry_points.txt": (
        "[llm_do.toolsets]\nacme_calc = acme.tools:calc\nbroken = acme.gone:calc\n"
        "[llm_do.workers]\npoet = acme:FOLDER\n"
    ),
    "main.worker": "---\nname: main\ntoolsets: [poet]\n---\n",
    "other.worker": "---\nname: other\ntoolsets: [broken]\n---\n",
}
CHECK = "import sys; from llm_do.cli import run; sys.exit(run(sys.argv[1:]))"
RUN = """
import sys
from llm_do.linking.entry import build_entry
registry = build_entry(["main.worker"], project_root=".").registry
print([each.name for each in registry.workers["poet"].links])
build_entry(["other.worker"], project_root=".", entry="other")
"""


@pytest.mark.slow
def test_a_package_that_is_really_installed(tmp_path: Path) -> None:
    for name, text in INSTALLED.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    here = Path(__file__).parents[2]

    def python(code: str, *argv: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(here)!r})\n{code}", *argv]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)

    checked = python(CHECK, "main.worker", "--check")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "-> worker poet (worker plug-in 'poet' of acme 1.2)\n" in checked.stdout
    assert "imported" not in checked.stdout
    done = python(RUN)
    assert done.stdout == "acme was imported\n['acme_calc']\n"
    assert done.stderr.splitlines()[-1] == (
        "llm_do.errors.SpecError: toolset plug-in 'broken' of acme 1.2: importing failed: "
        "ModuleNotFoundError: No module named 'acme.gone'"
    )


def test_what_a_copy_loads_is_unknown_to_the_registry_it_was_copied_from() -> None:
    poet, calculator = Offered("workers", "poet", AgentSpec("poet")), Offered("toolsets", "calc", calc)
    registry = linked(WorkerSpec("main", toolsets=("calc",)), offered=(poet, calculator))
    copied = registry.copy()
    assert copied.callable("poet")
    assert "poet" not in registry.names
    assert not any(each.may_enter("calc") for each in (registry, copied, registry.copy()))
