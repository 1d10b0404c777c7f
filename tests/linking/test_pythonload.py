from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from scripted import Bench, call

from llm_do.errors import SpecError
from llm_do.linking.pythonload import PythonLoader
from llm_do.linking.registry import link
from llm_do.project.discover import read_project
from llm_do.python.pythonfile import scan_python
from llm_do.runtime import RunApprovalPolicy

if TYPE_CHECKING:
    from pathlib import Path

APPROVE_ALL = RunApprovalPolicy("approve_all")
HEAD = """
from pydantic_ai import RunContext, Tool
from pydantic_ai.toolsets import AbstractToolset, FunctionToolset, WrapperToolset
from llm_do.runtime import EntrySpec, ToolsetSpec, WorkerArgs, WorkerRuntime

def add(a: int, b: int) -> int:
    return a + b

"""

# spelling: source, the name a worker lists, the tool its model calls
SPELLINGS: dict[str, tuple[str, str, str]] = {
    "a bare toolset": ("calc = FunctionToolset([add])", "calc", "add"),
    "decorated": ("calc = FunctionToolset()\ncalc.tool_plain(add)", "calc", "add"),
    "filled by a call": ("calc = FunctionToolset()\ncalc.add_function(add, name='plus')", "calc", "plus"),
    "a single tool": ("calc = FunctionToolset([add])", "add", "add"),
    "a single filled tool": ("calc = FunctionToolset()\ncalc.add_function(add)", "add", "add"),
    "a single computed tool": ("calc = FunctionToolset([*[add]])", "add", "add"),
    "a spec": ("calc = ToolsetSpec(lambda: FunctionToolset([add]))", "calc", "add"),
    "a spec with a context": (
        "calc = ToolsetSpec(factory=lambda ctx: FunctionToolset([add]))",
        "calc",
        "add",
    ),
    "an instance": ("calc = WrapperToolset(FunctionToolset([add]))", "calc", "add"),
    "a prefixed instance": ("calc = FunctionToolset([add]).prefixed('x')", "calc", "x_add"),
    "a subclass": (
        "class calc(FunctionToolset):\n    def __init__(self):\n        super().__init__([add])",
        "calc",
        "add",
    ),
    "a tool": ("plus = Tool(add)", "plus", "add"),
    "TOOLS list": ("TOOLS = [add]", "add", "add"),
    "TOOLS tuple": ("TOOLS = (add,)", "add", "add"),
    "TOOLS list of objects": ("TOOLS = [Tool(add, name='plus')]", "plus", "plus"),
    "TOOLS list of bound objects": ("plus = Tool(add)\nTOOLS = [plus]", "plus", "add"),
    "TOOLS dict": ("TOOLS = {'plus': add}", "plus", "plus"),
    "TOOLS dict of objects": ("TOOLS = {'plus': Tool(add)}", "plus", "add"),
    "TOOLS computed": ("TOOLS = [add] + []", "add", "add"),
    "TOOLSETS list": ("calc = FunctionToolset([add])\nTOOLSETS = [calc]", "calc", "add"),
    "TOOLSETS list with an id": ("TOOLSETS = [FunctionToolset([add], id='calc')]", "calc", "add"),
    "TOOLSETS list of a class": (
        (
            "class calc(FunctionToolset):\n    def __init__(self):\n        super().__init__([add])\n"
            "TOOLSETS = [calc]"
        ),
        "calc",
        "add",
    ),
    "TOOLSETS dict, same name": ("calc = FunctionToolset([add])\nTOOLSETS = {'calc': calc}", "calc", "add"),
    "TOOLSETS dict, alias": ("calc = FunctionToolset([add])\nTOOLSETS = {'math': calc}", "math", "add"),
    "TOOLSETS dict of specs": (
        "TOOLSETS = {'calc': ToolsetSpec(lambda: FunctionToolset([add]))}",
        "calc",
        "add",
    ),
    "TOOLSETS dict, private": ("_calc = FunctionToolset([add])\nTOOLSETS = {'calc': _calc}", "calc", "add"),
    "TOOLSETS dict of factories": (
        "def build(ctx):\n    return FunctionToolset([add])\nTOOLSETS = {'calc': build}",
        "calc",
        "add",
    ),
    "TOOLSETS list of factories": (
        "def calc():\n    return FunctionToolset([add])\nTOOLSETS = [calc]",
        "calc",
        "add",
    ),
    "bound twice": ("calc = FunctionToolset([add])\nmath = calc", "math", "add"),
    "under a condition": ("if True:\n    calc = FunctionToolset([add])", "calc", "add"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_runs(bench: Bench, spelling: str) -> None:
    source, name, tool = SPELLINGS[spelling]
    bench.tools(HEAD + source)
    bench.worker("main", toolsets=[name])
    script = bench.script("main", call(tool, a=1, b=2), "done")
    bench.run("hi", APPROVE_ALL)
    assert [each.name for each in script.infos[0].function_tools] == [tool]
    assert script.tool_results == [3]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_check_links_what_a_run_links(bench: Bench, spelling: str) -> None:
    source, name, _ = SPELLINGS[spelling]
    bench.tools(HEAD + source)
    main = bench.worker("main", toolsets=[name])
    project = read_project([main, bench.root / "tools.py"])
    (linked,) = link(project.workers, project.python).workers["main"].links
    assert linked.name == name


def load(bench: Bench, source: str) -> Any:
    bench.tools(HEAD + source)
    bench.worker("main")
    return bench.build()


def refused(bench: Bench, source: str) -> str:
    with pytest.raises(SpecError) as caught:
        load(bench, source)
    assert "\n" not in str(caught.value)
    place = f"{bench.root / 'tools.py'}:"
    assert str(caught.value).startswith(place)
    return str(caught.value).removeprefix(place)


LINE = HEAD.count("\n")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "import no_such_module",
            f"{LINE}: importing failed: ModuleNotFoundError: No module named 'no_such_module'",
        ),
        (
            "def f():\n    return 1 / 0\n\nf()",
            f"{LINE + 1}: importing failed: ZeroDivisionError: division by zero",
        ),
        ("raise SystemExit(3)", f"{LINE}: importing failed: SystemExit: 3"),
        ("raise ValueError('a\\nb')", f"{LINE}: importing failed: ValueError: a b"),
        ("x = 1\nreturn x", f"{LINE + 1}: importing failed: SyntaxError: 'return' outside function"),
        ("x = [].pop()", f"{LINE}: importing failed: IndexError: pop from empty list"),
        ("TOOLS = 5", " TOOLS is a int; make it a dict or a list"),
        ("TOOLSETS = [5]", " TOOLSETS holds a int, which is no tool or toolset"),
        ("TOOLSETS = {'a': None}", " TOOLSETS holds a NoneType, which is no tool or toolset"),
        (
            "TOOLSETS = [FunctionToolset()]",
            " a FunctionToolset in TOOLSETS has no name; use a dict, or give it an id",
        ),
        ("def f(*, x: 'nope'): ...\nTOOLS = [f]", f"{LINE + 1}: tool 'f': "),
        (
            "async def go(x, ctx): ...\nstart = EntrySpec('start', go, dict)",
            f"{LINE + 1}: EntrySpec 'start': schema_in is no subclass of llm_do.runtime.WorkerArgs",
        ),
        (
            "def go(x, ctx): open('effect', 'w')\nstart = EntrySpec('start', go)",
            f"{LINE + 1}: EntrySpec 'start': main must be an async function",
        ),
        ("start = EntrySpec('start', 3)", f"{LINE}: EntrySpec 'start': main must be an async function"),
        (
            "async def go(x): ...\nstart = EntrySpec('start', go)",
            f"{LINE + 1}: EntrySpec 'start': main must take two arguments: async def main(input, ctx)",
        ),
        (
            "async def go(x, ctx): ...\nstart = EntrySpec('go now', go)",
            f"{LINE + 1}: EntrySpec 'go now': its name must be a letter, then at most 63 letters",
        ),
    ],
)
def test_errors_name_file_and_line(bench: Bench, source: str, message: str) -> None:
    assert refused(bench, source).startswith(message)


def test_what_is_imported_into_a_file_is_not_its_own(bench: Bench) -> None:
    built = load(
        bench, "from pydantic_ai.toolsets import FunctionToolset as Imported\nx = 5\n_y = FunctionToolset()"
    )
    assert sorted(built.registry.names) == ["main"]


def test_an_entry_that_is_bound_twice_is_one(bench: Bench) -> None:
    built = load(bench, "async def go(x, ctx): ...\nstart = EntrySpec('start', go)\nagain = start")
    assert list(built.registry.entries) == ["start"]
    assert built.registry.entries["start"].origin.endswith(f"tools.py:{LINE + 1}")


def test_a_file_is_imported_once_whoever_needs_it(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.tools(
        f"{HEAD}print('imported')\ncalc = FunctionToolset([add])\nclass Topic(WorkerArgs):\n    topic: str"
    )
    bench.worker("main", toolsets=["calc"], input_schema="tools.py:Topic")
    script = bench.script("main", "done")
    built = bench.build()
    for _ in range(2):
        bench.runtime().run(built.entry, "x")
    assert capsys.readouterr().out == "imported\n"
    assert len(script.requests) == 2


def test_importing_leaves_the_import_path_alone(bench: Bench) -> None:
    before = list(sys.path)
    load(bench, "import sys\nPATH = list(sys.path)")
    assert sys.path == before
    assert "tools" not in sys.modules


def test_a_module_that_fails_is_forgotten(bench: Bench) -> None:
    before = set(sys.modules)
    refused(bench, "raise ValueError")
    assert not [each for each in set(sys.modules) - before if each.startswith("llm_do_project_")]


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("tools.py:Topics", "schema 'tools.py:Topics': no 'Topics' there; did you mean 'Topic'?"),
        ("gone.py:Topic", "schema 'gone.py:Topic': "),
        (
            "no_such_module.Topic",
            "schema 'no_such_module.Topic': cannot import 'no_such_module' (No module named",
        ),
        ("json.Topic", "schema 'json.Topic': no 'Topic' there"),
    ],
)
def test_a_reference_that_leads_nowhere(tmp_path: Path, reference: str, words: str) -> None:
    (tmp_path / "tools.py").write_text("class Topic: pass")
    with pytest.raises(SpecError) as caught:
        PythonLoader(tmp_path).reference(reference)
    assert str(caught.value).startswith(words)


def test_references(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/tools.py").write_text("class Topic: pass")
    loader = PythonLoader(tmp_path)
    assert loader.reference("sub/tools.py:Topic") is loader.module(tmp_path / "sub/tools.py").Topic
    assert loader.reference("json.JSONDecoder") is __import__("json").JSONDecoder


def test_a_file_that_vanished_is_told(tmp_path: Path) -> None:
    path = tmp_path / "tools.py"
    with pytest.raises(SpecError, match=r"tools\.py: the Python file does not exist"):
        PythonLoader(tmp_path).load([scan_python(path, b"x = 1")])


def test_annotations_of_a_project_class_resolve(bench: Bench) -> None:
    source = "from __future__ import annotations\nfrom datetime import date\n" + HEAD.replace(
        "\nfrom", "from", 1
    )
    bench.tools(f"{source}class Due(WorkerArgs):\n    day: date\n")
    bench.worker("main", input_schema="tools.py:Due")
    bench.script("main", "done")
    assert bench.run("2024-01-02") == "done"
    assert bench.calls()[0]["input"] == {"day": "2024-01-02"}


def test_whatever_is_called_and_awaited_may_be_the_function_of_an_entry(bench: Bench) -> None:
    bench.tools(
        HEAD
        + """
from functools import partial

class Main:
    async def __call__(self, given, ctx):
        return "called"

async def greet(greeting, given, ctx):
    return greeting

first = EntrySpec("first", Main())
second = EntrySpec("second", partial(greet, "hello"))
"""
    )
    assert [bench.run("hi", entry=name) for name in ("first", "second")] == ["called", "hello"]
