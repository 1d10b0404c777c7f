"""`--check` links everything, prints the graph, and imports no code of the project."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from command import Here

ROOT = Path(__file__).parents[2]
CANARY = """
from pathlib import Path
Path("imported").touch()
from pydantic_ai.toolsets import FunctionToolset
tools = FunctionToolset()
@tools.tool_plain
def add(a: int) -> int: ...
raise RuntimeError("this must not run")
"""
SCHEMA = f"{CANARY}class Label: ...\n"
MAIN = "---\nname: main\ntoolsets: [tools]\noutput_schema: schema.py:Label\n---\nAdd.\n"
GRAPH = """\
entry main (proj/main.worker:2)
worker main (proj/main.worker:2), model of its caller
  -> toolset tools (proj/tools.py:4): add
"""


@pytest.mark.policy("registry-import-side-effects")
def test_the_graph_is_the_result(write: Callable[..., Path], here: Here, tmp_path: Path) -> None:
    root = write(main_worker=MAIN, tools_py=CANARY, schema_py=SCHEMA)
    done = here("proj/main.worker", "proj/tools.py", "--check")
    assert (done.code, done.out, done.err) == (0, GRAPH, "")
    assert not (tmp_path / "imported").exists()
    assert not (root / ".llm-do").exists()


def test_the_graph_as_json(write: Callable[..., Path], here: Here) -> None:
    write(main_worker=MAIN, tools_py=CANARY, schema_py=SCHEMA)
    done = here("proj/main.worker", "proj/tools.py", "--check", "--json")
    assert done.json["output"] == GRAPH.rstrip("\n")
    assert done.json["run"] is None


@pytest.mark.parametrize(
    "argv", [[], ["hi"], ["--input-json", "{}"], ["--model", "nosuch"], ["--approve-all"]]
)
def test_a_check_needs_no_input_model_or_key(argv: list[str], write: Callable[..., Path], here: Here) -> None:
    write(main_worker=MAIN, tools_py=CANARY, schema_py=SCHEMA)
    done = here("proj/main.worker", "proj/tools.py", *argv, "--check")
    assert (done.code, done.out, done.err) == (0, GRAPH, "")


@pytest.mark.parametrize(
    ("worker", "argv", "line"),
    [
        (MAIN.replace("tools]", "tolls]"), [], "proj/main.worker:3: worker 'main' names 'tolls' in toolsets"),
        (MAIN.replace("toolsets", "toolset"), [], "proj/main.worker:3: unknown key 'toolset'"),
        (
            MAIN.replace("schema.py", "no.py"),
            [],
            "proj/main.worker:4: output_schema: there is no file 'proj/no.py'",
        ),
        (
            MAIN.replace("Label", "toolz"),
            [],
            "proj/main.worker:4: output_schema: no 'toolz' in 'proj/schema.py'",
        ),
        (
            MAIN.replace("Add.", "Add\n{% if %}").replace("output", "template: jinja2\noutput"),
            [],
            "proj/main.worker:8: template: Expected an expression",
        ),
        (
            MAIN.replace("Add.", "{{ x|uper }}").replace("output", "template: jinja2\noutput"),
            [],
            "proj/main.worker:7: template: No filter named 'uper'",
        ),
        (MAIN, ["--entry", "other"], "--entry 'other' is not declared by the files given"),
        (MAIN, ["--set", "toolsets=[]", "--set", "tols=1"], "--set main:tols: unknown key 'tols'"),
    ],
)
def test_what_is_wrong_is_found(
    *, worker: str, argv: list[str], line: str, write: Callable[..., Path], here: Here
) -> None:
    write(main_worker=worker, tools_py=CANARY, schema_py=SCHEMA)
    done = here("proj/main.worker", "proj/tools.py", "--check", *argv)
    assert done.code == 2
    assert done.line.startswith(line)


def test_settings_are_checked_too(write: Callable[..., Path], here: Here) -> None:
    write(main_worker=MAIN, tools_py=CANARY, schema_py=SCHEMA)
    done = here("proj/main.worker", "proj/tools.py", "--check", "--set", "toolsets=[]")
    assert done.out.endswith("model of its caller\ntoolset tools (proj/tools.py:4): linked by no worker\n")


IMPORTS = """\
from pydantic_ai.toolsets import FunctionToolset
from pydantic_ai.toolsets import FunctionToolset as FT
from llm_do.runtime import EntrySpec, ToolsetSpec
from llm_do.runtime import EntrySpec as ES

def add(a: int) -> int:
    return a

async def start(parts, ctx):
    return await ctx.call("main", {"input": "hi"})

"""
FILES = "class Files(FunctionToolset):\n    def __init__(self):\n        super().__init__([add])\n"
MAKE = "def make():\n    return FunctionToolset([add])\n"
# the toolset or tool that the worker names, in a spelling of which the source tells little or much
SPELLINGS = {
    "an instance of a class": ("s", f"{FILES}s = Files()"),
    "an instance of a private class": ("s", f"{FILES.replace('Files', '_Files')}s = _Files()"),
    "a tool of such an instance": ("add", f"{FILES}s = Files()"),
    "a class": ("Files", FILES),
    "a class under two names": ("s", f"{FILES}Other = Files\ns = Other()"),
    "imported under another name": ("s", "s = FT([add])"),
    "assigned under another name": ("s", "Made = FunctionToolset\ns = Made([add])"),
    "a class of a renamed one": ("s", "class Files(FT): ...\ns = Files([add])"),
    "made by a function": ("s", f"{MAKE}s = make()"),
    "a tool of a made one": ("add", f"{MAKE}s = make()"),
    "made, private, then public": ("s", f"{MAKE}_s = make()\ns = _s"),
    "made in a table": ("s", f"{MAKE}TOOLSETS = {{'s': make()}}"),
    "a tool of one in a table": ("add", f"{MAKE}TOOLSETS = {{'s': make()}}"),
    "chosen": ("s", f"{MAKE}s = make() if True else None"),
    "bound again": ("s", "s = FunctionToolset([add])\ns = s.filtered(lambda ctx, tool: True)"),
    "either of two": ("s", "if True:\n    s = FunctionToolset([add])\nelse:\n    s = FunctionToolset()"),
    "from a list": ("add", "more = [add]\ns = FunctionToolset(more)"),
    "in a loop": ("add", "s = FunctionToolset()\nfor f in [add]:\n    s.add_function(f)"),
    "by a function": ("add", "s = FunctionToolset()\ndef fill(x):\n    x.add_function(add)\nfill(s)"),
    "a direct decorator": ("add", "s = FunctionToolset()\ns.tool_plain(add)"),
    "appended": ("add", "TOOLS = []\nTOOLS.append(add)"),
    "a factory in TOOLSETS": ("s", f"{MAKE}TOOLSETS = {{'s': make}}"),
    "a factory with a context": ("s", f"{MAKE.replace('()', '(ctx)', 1)}TOOLSETS = {{'s': make}}"),
    "a function in TOOLS": ("s", "TOOLS = {'s': add}"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_run_takes_every_spelling_of_a_toolset_and_so_does_a_check(
    spelling: str, write: Callable[..., Path], here: Here
) -> None:
    name, source = SPELLINGS[spelling]
    write(main_worker=f"---\nname: main\ntoolsets: [{name}]\n---\nAdd.\n", tools_py=IMPORTS + source)
    files = ("proj/main.worker", "proj/tools.py")
    done = here(*files, "hi", "--model", "test", "--approve-all", "--json", "--set", "description=Adds.")
    assert (done.code, done.json["usage"]["requests"]) == (0, 2), done.err  # a tool was called
    done = here(*files, "--check", "--set", "description=Adds.")
    assert (done.code, done.err) == (0, "")
    assert f" {name} " in done.out


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("e = ES('begin', start)", "entry begin (proj/tools.py:12)"),
        ("def mk():\n    return ES('begin', start)\ne = mk()", "entry ? (proj/tools.py, known when it runs)"),
        ("NAME = 'begin'\ne = ES(NAME, start)", "entry ? (proj/tools.py, known when it runs)"),
        ("e = ES('begin', start)\ne = ES('begin', start)", "entry begin (proj/tools.py:13)"),
    ],
)
@pytest.mark.parametrize("argv", [(), ("--entry", "begin")])
def test_a_run_takes_every_spelling_of_an_entry_and_so_does_a_check(
    *, source: str, line: str, argv: tuple[str, ...], write: Callable[..., Path], here: Here
) -> None:
    write(
        other_worker="---\nname: main2\n---\nAdd.\n", tools_py=IMPORTS.replace('"main"', '"main2"') + source
    )
    files = ("proj/other.worker", "proj/tools.py", *argv)
    done = here(*files, "hi", "--model", "test", "--approve-all", "--set", "main2:description=x")
    assert (done.code, bool(done.out)) == (0, True), done.err
    done = here(*files, "--check", "--set", "main2:description=x")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0] == (line.replace("?", "begin") if argv else line)


def test_ordinary_values_hide_no_mistake_from_a_check(write: Callable[..., Path], here: Here) -> None:
    source = "import logging\nlog = logging.getLogger('x')\ns = FunctionToolset([add])"
    write(main_worker=MAIN, tools_py=IMPORTS + source, schema_py=SCHEMA)
    done = here("proj/main.worker", "proj/tools.py", "--check")
    assert "names 'tools' in toolsets, which no file given declares" in done.line


def test_a_file_of_the_project_passes_for_no_library(write: Callable[..., Path]) -> None:
    root = write(main_worker="---\nname: main\n---\nDo.", yaml_py=CANARY)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, *words], cwd=root, capture_output=True, text=True, check=False)

    for options in ([], ["-P"]):
        done = run(*options, "-m", "llm_do", "main.worker", "--check")
        assert done.stdout.startswith("entry main (main.worker:2)\n"), done.stderr
        assert not (root / "imported").exists()
    run("-c", "import yaml")
    assert (root / "imported").exists(), "the control: what Python finds first is the project's"


@pytest.mark.slow
@pytest.mark.parametrize("example", sorted(path.parent.name for path in ROOT.glob("examples/*/project.json")))
def test_the_examples_without_pydantic(example: str) -> None:
    code = (
        "import json, sys; from llm_do.cli import run; code = run(sys.argv[1:]); "
        "print(json.dumps([code, sorted({'pydantic', 'pydantic_ai', 'jinja2'} & set(sys.modules))]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, f"examples/{example}", "--check"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    *lines, last = done.stdout.splitlines()
    assert lines[0].startswith("entry ")
    assert (json.loads(last), done.stderr) == ([0, []], "")
