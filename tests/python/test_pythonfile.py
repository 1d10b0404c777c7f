from __future__ import annotations

from pathlib import Path

import pytest

from llm_do.errors import SpecError
from llm_do.python.pythonfile import PythonFile, scan_python

HEAD = """
from functools import partial
from pydantic_ai import RunContext, Tool
from pydantic_ai.toolsets import AbstractToolset, FunctionToolset
from llm_do.runtime import EntrySpec, ToolsetSpec, WorkerRuntime

def add(a: int, b: int) -> int:
    return a + b

def sub(a: int, b: int) -> int:
    return a - b
"""
LINES = HEAD.count("\n")


def scan(source: str) -> PythonFile:
    return scan_python(Path("tools.py"), (HEAD + source).encode())


def declared(source: str) -> dict[str, tuple[str, ...] | None]:
    return {each.name: each.tools for each in scan(source).toolsets}


FACTORY = """
def make(_ctx):
    tools = FunctionToolset()

    @tools.tool_plain
    def inner(x: str) -> str:
        return x

    return tools

"""

SPELLINGS: dict[str, tuple[str, dict[str, tuple[str, ...] | None]]] = {
    "a bare toolset": ("calc = FunctionToolset([add, sub])", {"calc": ("add", "sub")}),
    "by keyword": ("calc = FunctionToolset(tools=[add])", {"calc": ("add",)}),
    "annotated": ("calc: FunctionToolset = FunctionToolset([add])", {"calc": ("add",)}),
    "parametrized": ("calc = FunctionToolset[WorkerRuntime]([add])", {"calc": ("add",)}),
    "by module": ("import pydantic_ai.toolsets as t\ncalc = t.FunctionToolset([add])", {"calc": ("add",)}),
    "tools as objects": (
        "calc = FunctionToolset([Tool(add), Tool(sub, name='minus')])",
        {"calc": ("add", "minus")},
    ),
    "decorated": (
        (
            "calc = FunctionToolset()\n@calc.tool_plain\ndef one(): pass\n"
            "@calc.tool_plain(name='second')\ndef two(): pass\n"
        ),
        {"calc": ("one", "second")},
    ),
    "with context": (
        "calc = FunctionToolset()\n@calc.tool\nasync def one(ctx: RunContext[WorkerRuntime]): pass",
        {"calc": ("one",)},
    ),
    "filled by calls": (
        (
            "calc = FunctionToolset()\ncalc.add_function(add)\ncalc.add_function(sub, name='minus')\n"
            "calc.add_tool(Tool(add, name='plus'))"
        ),
        {"calc": ("add", "minus", "plus")},
    ),
    "other decorators": (
        "from functools import cache\ncalc = FunctionToolset()\n@cache\n@calc.tool_plain\ndef one(): pass",
        {"calc": ("one",)},
    ),
    "filled in a loop": (
        "calc = FunctionToolset()\nfor each in [add]:\n    calc.add_function(*each)",
        {"calc": None},
    ),
    "computed": ("calc = FunctionToolset([*map(Tool, [add])])", {"calc": None}),
    "wrapped": ("calc = FunctionToolset([add]).prefixed('x')", {"calc": None}),
    "another class": ("calc = MCPToolset('http://x')", {"calc": None}),
    "a subclass": ("class Calc(FunctionToolset):\n    pass", {"Calc": None}),
    "a parametrized subclass": ("class Calc(AbstractToolset[WorkerRuntime]):\n    pass", {"Calc": None}),
    "a private subclass": ("class _Calc(FunctionToolset):\n    pass", {}),
    "another kind of class": ("class Calc(dict):\n    pass", {}),
    "a private toolset": ("_calc = FunctionToolset([add])", {}),
    "a tool": ("plus = Tool(add)", {"plus": ("add",)}),
    "a computed tool": ("plus = Tool(partial(add, 1))", {}),
    "a spec": (FACTORY + "calc = ToolsetSpec(factory=make)", {"calc": ("inner",)}),
    "a spec of a lambda": ("calc = ToolsetSpec(lambda: FunctionToolset([add]))", {"calc": None}),
    "a spec of a class": ("calc = ToolsetSpec(FunctionToolset)", {"calc": None}),
    "a spec that lists": (
        "def make():\n    return FunctionToolset([add])\ncalc = ToolsetSpec(make)",
        {"calc": None},
    ),
    "a spec that wraps": (
        FACTORY.replace("return tools", "return tools.prefixed('x')") + "calc = ToolsetSpec(make)",
        {"calc": None},
    ),
    "a spec that fills": (
        FACTORY.replace("return tools", "tools.add_function(add)") + "calc = ToolsetSpec(make)",
        {"calc": None},
    ),
    "a spec of nothing": ("def make():\n    return other()\ncalc = ToolsetSpec(make)", {"calc": None}),
    "a second name": ("calc = FunctionToolset([add])\nmath = calc", {"calc": ("add",), "math": ("add",)}),
    "a list of toolsets": ("calc = FunctionToolset([add])\nTOOLSETS = [calc]", {"calc": ("add",)}),
    "a dict of toolsets": (
        "calc = FunctionToolset([add])\nTOOLSETS = {'calc': calc, 'math': calc}",
        {"calc": ("add",), "math": ("add",)},
    ),
    "a dict of anything": (
        (
            "TOOLSETS = {'a': FunctionToolset([add]), 'b': ToolsetSpec(add), 'c': make(), "
            "'d': Tool(sub), 'e': add}"
        ),
        {"a": ("add",), "b": None, "c": None, "d": ("sub",), "e": None},
    ),
    "a factory in TOOLSETS": (f"{FACTORY}TOOLSETS = {{'calc': make}}", {"calc": ("inner",)}),
    "under another name": (
        "from pydantic_ai.toolsets import FunctionToolset as FT\ncalc = FT([add])",
        {"calc": ("add",)},
    ),
    "of a subclass of its own": ("class _Own(FunctionToolset): ...\ncalc = _Own()", {"calc": None}),
    "bound again": ("calc = FunctionToolset([add])\ncalc = calc.prefixed('x')", {"calc": None}),
    "a list from elsewhere": ("calc = FunctionToolset(more)", {"calc": None}),
    "in a script's own part": ("if __name__ == '__main__':\n    calc = FunctionToolset()", {}),
    "a list of tools": ("TOOLS = [add, Tool(sub, name='minus')]", {"add": ("add",), "minus": ("minus",)}),
    "a tuple of tools": ("TOOLS = (add,)", {"add": ("add",)}),
    "a dict of tools": ("TOOLS = {'plus': add}", {"plus": ("plus",)}),
    "under a condition": (
        "if True:\n    calc = FunctionToolset([add])\nelse:\n    calc = None",
        {"calc": ("add",)},
    ),
    "under try": (
        "try:\n    calc = FunctionToolset([add])\nexcept ImportError:\n    more = FunctionToolset([sub])",
        {"calc": ("add",), "more": ("sub",)},
    ),
    "in a tuple": ("calc, n = FunctionToolset([add]), 1", {"calc": ("add",)}),
    "in a function only": (FACTORY, {}),
    "nothing": ("x = 5\ny = add(1, 2)\nz = x\nprint(x)", {}),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_a_toolset(spelling: str) -> None:
    source, toolsets = SPELLINGS[spelling]
    assert declared(source) == toolsets


def test_aliases_are_marked_and_lines_are_told() -> None:
    file = scan("calc = FunctionToolset([add])\n\nTOOLSETS = {'math': calc}\n")
    assert [(each.name, each.line, each.alias) for each in file.toolsets] == [
        ("calc", LINES + 1, False),
        ("math", LINES + 3, True),
    ]
    assert file.bound == ("calc", "TOOLSETS")


@pytest.mark.parametrize(
    ("source", "is_opaque"),
    [
        ("TOOLS = [add]", False),
        ("TOOLS = {'a': add}", False),
        ("TOOLSETS = {'a': make()}", True),
        ("TOOLS = [add] + more", True),
        ("TOOLS = [make()]", True),
        ("TOOLS = [*more]", True),
        ("TOOLS = {key: add}", True),
        ("TOOLS = {**more}", True),
        ("TOOLS = make()", True),
        ("calc = FunctionToolset([*more])", True),
        ("x = make()", True),
        ("_x = make()", False),
        ("x = _x = make()", True),
        ("from mylib import tools\nx = tools", True),
        ("make = partial(sub, 1)\nx = make()", True),
        ("class Own(Unknown): ...", True),
        ("def fill(x): ...\nfill(5)", True),
        ("TOOLS = []\nTOOLS.append(add)", True),
        ("TOOLS = []\nTOOLS += [add]", True),
        ("TOOLS = {}\nTOOLS['a'] = add", True),
        ("calc = FunctionToolset()\nfor f in [add]:\n    calc.add_function(f)", True),
        ("calc = FunctionToolset(**more)", True),
        ("start = EntrySpec(NAME, add)", True),
        ("start = EntrySpec('a', add)\nstart = EntrySpec('b', add)", True),
        ("import importlib\nx = importlib.import_module('y').calc", True),
        ("x = globals()['calc']", True),
        ("calc = FunctionToolset()\ncalc.add_function(add)", False),
        ("import logging\nlog = logging.getLogger(__name__)\nlog.info('x')", False),
        ("from pathlib import Path\nHERE = Path(__file__).parent\nDATA = HERE / 'x'", False),
        ("class Topic(WorkerArgs): ...\nclass A: ...\nx = A()", True),
        ("from llm_do.runtime import WorkerArgs\nclass Topic(WorkerArgs): ...\nx = Topic()", False),
        ("from enum import Enum\nclass A(Enum):\n    B = 1\nx = A.B", False),
        ("X = {k: str(k) for k in range(3)}\ny = lambda a: a", False),
        ("import sys\nif __name__ == '__main__':\n    sys.exit(main())", False),
    ],
)
def test_what_only_running_can_tell_makes_a_file_opaque(source: str, is_opaque: bool) -> None:  # noqa: FBT001
    assert scan(source).opaque is is_opaque


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("start = EntrySpec('begin', add)", "begin"),
        ("start = EntrySpec(name='begin', main=add)", "begin"),
        ("from llm_do.runtime import EntrySpec as ES\nstart = ES('begin', add)", "begin"),
        ("import llm_do.runtime as r\nstart = r.EntrySpec('begin', add)", "begin"),
    ],
)
def test_entries(source: str, name: str) -> None:
    (entry,) = scan(source).entries
    assert (entry.name, entry.line) == (name, LINES + source.count("\n") + 1)


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        (b"def broken(:\n    pass", 1, "Python cannot read this file: invalid syntax"),
        (b"x = 1\n  y = 2", 2, "unexpected indent"),
        (b"x = '\xff'", None, "Python cannot read this file"),
        (b"x = 1\x00", None, "Python cannot read this file"),
    ],
)
def test_a_file_that_is_no_python(source: bytes, line: int | None, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        scan_python(Path("tools.py"), source)
    assert words in str(caught.value)
    assert str(caught.value).startswith("tools.py:")
    assert line is None or caught.value.line == line


MEND = (
    "tool 'shout' takes no RunContext: pydantic-ai 2 wants @tools.tool_plain here, "
    "or RunContext as the first parameter under @tools.tool"
)


@pytest.mark.parametrize(
    "function",
    [
        "@tools.tool\ndef shout(text: str) -> str: ...",
        "@tools.tool\nasync def shout(text: str) -> str: ...",
        "@tools.tool()\ndef shout(text: str) -> str: ...",
        "@tools.tool(retries=2)\ndef shout(text: list[str], more: int = 1) -> str: ...",
        "@tools.tool\ndef shout() -> str: ...",
        "@tools.tool\ndef shout(*, text: str) -> str: ...",
        "@tools.tool\ndef shout(text: 'str') -> str: ...",
        "@tools.tool\ndef shout(path: Path) -> str: ...",
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_tool_without_a_context_is_refused_in_the_words_of_the_mend(function: str, nested: bool) -> None:  # noqa: FBT001
    source = f"from pathlib import Path\ntools = FunctionToolset()\n{function}\n"
    if nested:
        body = "".join(f"    {line}\n" for line in source.splitlines())
        source = f"def make(_ctx):\n{body}    return tools\n"
    with pytest.raises(SpecError) as caught:
        scan(source)
    assert str(caught.value) == f"tools.py:{LINES + 3 + nested}: {MEND}"


@pytest.mark.parametrize(
    "function",
    [
        "@tools.tool_plain\ndef shout(text: str) -> str: ...",
        "@tools.tool\ndef shout(ctx: RunContext, text: str) -> str: ...",
        "@tools.tool\ndef shout(ctx: RunContext[WorkerRuntime], text: str) -> str: ...",
        "@tools.tool\ndef shout(ctx: 'RunContext[WorkerRuntime]', text: str) -> str: ...",
        "@tools.tool\ndef shout(ctx: pydantic_ai.RunContext[None], /, text: str) -> str: ...",
        "@tools.tool\ndef shout(ctx, text: str) -> str: ...",
        "Ctx = RunContext[WorkerRuntime]\n@tools.tool\ndef shout(ctx: Ctx, text: str) -> str: ...",
        "from pydantic_ai import RunContext as RC\n@tools.tool\ndef shout(ctx: RC, text: str) -> str: ...",
        "from mylib import Ctx\n@tools.tool\ndef shout(ctx: Ctx, text: str) -> str: ...",
        "@other.tool\ndef shout(text: str) -> str: ...",
    ],
)
def test_what_may_be_right_is_left_to_the_import(function: str) -> None:
    assert scan(f"tools = FunctionToolset()\n{function}\n").toolsets


@pytest.mark.parametrize("source", ["-" * 50_000 + "1", "x" + ".a" * 20_000, "x = " + "a + " * 20_000 + "a"])
def test_what_no_parser_could_hold_is_refused(source: str) -> None:
    with pytest.raises(SpecError, match=r"^tools\.py: an expression is nested too deeply; flatten it$"):
        scan_python(Path("tools.py"), source.encode())
