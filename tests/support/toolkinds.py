"""Every way in which a worker comes to a tool, each with a call of each of its tools that can be seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

READING = frozenset({"read_file", "list_files"})


@dataclass(frozen=True)
class ToolKind:
    """Toolsets: what a worker names in `toolsets` for them, and a call of each of their tools for a tag.

    `named` says how the journal calls a call where it is not by its tool. `free` calls run unasked. `owned`
    tools are known to the worker that has them alone: code that no worker called cannot reach them.
    """

    links: tuple[str, ...]
    calls: Mapping[str, Callable[[str], dict[str, Any]]]
    front: Mapping[str, Any] = field(default_factory=dict[str, Any])
    named: Mapping[str, str] = field(default_factory=dict[str, str])
    free: frozenset[str] = frozenset()
    owned: frozenset[str] = frozenset()
    is_late: bool = False
    """It is known only once a run goes on, so no worker file names it."""

    @property
    def front_matter(self) -> dict[str, Any]:
        """What the file of its worker says."""
        return {**self.front, **({"toolsets": list(self.links)} if self.links else {})}

    def name(self, tool: str) -> str:
        """The name that the journal gives a call of a tool."""
        return self.named.get(tool, tool)

    def __or__(self, other: ToolKind) -> ToolKind:
        """Give both to one worker; their tools have different names."""
        assert not self.calls.keys() & other.calls.keys()
        return ToolKind(
            (*self.links, *other.links),
            {**self.calls, **other.calls},
            {**self.front, **other.front},
            {**self.named, **other.named},
            self.free | other.free,
            self.owned | other.owned,
            self.is_late or other.is_late,
        )


def _files(place: str = "", *, is_writable: bool = True) -> dict[str, Callable[[str], dict[str, Any]]]:
    calls: dict[str, Callable[[str], dict[str, Any]]] = {
        "read_file": lambda tag: {"path": f"{place}{tag}.src"},
        "list_files": lambda tag: {"path": place or ".", "pattern": f"{tag}*"},
    }
    if is_writable:
        calls["write_file"] = lambda tag: {"path": f"{place}new/{tag}.txt", "content": tag}
    return calls


def _act(tag: str) -> dict[str, Any]:
    return {"tag": tag}


def _input(tag: str) -> dict[str, Any]:
    return {"input": tag}


def _touch(tag: str) -> dict[str, Any]:
    return {"command": f"touch {tag}.touched"}


def _built_in() -> dict[str, ToolKind]:
    calls: dict[str, dict[str, Callable[[str], dict[str, Any]]]] = {
        "filesystem_project": _files(),
        "filesystem_project_ro": _files(is_writable=False),
        "filesystem_cwd": _files(),
        "filesystem_cwd_ro": _files(is_writable=False),
        "filesystem_manage": {
            "make_dir": lambda tag: {"path": f"{tag}.dir"},
            "move_file": lambda tag: {"path": f"{tag}.src", "to": f"{tag}.moved"},
            "delete_file": lambda tag: {"path": f"{tag}.src"},
        },
        "shell_readonly": {"shell": _touch},
        "shell_file_ops": {"shell": lambda tag: {"command": ["mv", f"{tag}.src", f"{tag}.moved"]}},
    }
    kinds = {
        name: ToolKind((name,), each, free=READING, owned=frozenset(each)) for name, each in calls.items()
    }
    kinds["worker_tools"] = ToolKind(
        ("worker_tools",),
        {
            "worker_call": lambda tag: {"worker": "callee", "input": tag},
            "create_worker": lambda tag: {"name": tag, "instructions": "Rhyme.", "description": "Rhymes."},
        },
        front={"workers": {"allow": ["callee"], "create": True}},
        named={"worker_call": "callee"},
        free=frozenset({"worker_call"}),
        owned=frozenset({"worker_call", "create_worker"}),
    )
    return kinds


def _python(*names: str, link: str = "{}") -> dict[str, ToolKind]:
    """Toolsets of the files below whose only tool does what `act` does."""
    return {name: ToolKind((link.format(name),), {f"by_{name}": _act}) for name in names}


BOX = {"box": {"path": "box", "mode": "rw"}}
KINDS: dict[str, ToolKind] = {
    **_built_in(),
    "sandboxes": ToolKind(
        (), _files("box/"), front={"sandboxes": BOX}, free=READING, owned=frozenset(_files("box/"))
    ),
    "commands": ToolKind(("commands",), {"shell": _touch}),
    **_python("bare", "made", "made_with_context", "instance", "Subclass", "wrapped", "guarded", "asking"),
    **_python("in_toolsets", "in_toolsets_list"),
    **_python("in_tools", "as_tool", "in_tools_list", link="by_{}"),
    "both": ToolKind(("both",), {"by_one": _act, "by_other": _act}),
    "a single tool": ToolKind(("by_other",), {"by_other": _act}),
    "relays": ToolKind(
        ("relays",),
        {"relay": lambda tag: {"name": "by_bare", "given": {"tag": tag}}},
        named={"relay": "by_bare"},
    ),
    "a worker": ToolKind(("callee",), {"callee": _input}, free=frozenset({"callee"})),
    "plugged": ToolKind(("plugged",), {"by_plugged": _act}, owned=frozenset({"by_plugged"})),
    "a plugged worker": ToolKind(
        ("plugged_callee",), {"plugged_callee": _input}, free=frozenset({"plugged_callee"})
    ),
    "registered": ToolKind(("registered",), {"by_registered": _act}, is_late=True),
}
GROUPS: Mapping[str, Sequence[str]] = {
    "the project": ("filesystem_project", "filesystem_manage", "shell_readonly", "worker_tools"),
    "the project, to read": ("filesystem_project_ro", "shell_file_ops"),
    "the working directory": ("filesystem_cwd",),
    "the working directory, to read": ("filesystem_cwd_ro", "commands"),
    "sandboxes": ("sandboxes",),
    "toolsets of Python": (
        *("bare", "made", "made_with_context", "instance", "Subclass", "wrapped", "guarded", "asking"),
        *("in_toolsets", "in_toolsets_list", "in_tools", "as_tool", "in_tools_list", "both", "relays"),
    ),
    "single tools and workers": ("a single tool", "a worker", "plugged", "a plugged worker"),
    "registered": ("registered",),
}
"""Kinds that one worker can have together, so that fewer runs call them all."""


def grouped(group: str) -> ToolKind:
    """Give all kinds of a group as one."""
    return reduce(ToolKind.__or__, (KINDS[name] for name in GROUPS[group]))


SPELLINGS = """
from pathlib import Path
from pydantic_ai import RunContext
from pydantic_ai.exceptions import ApprovalRequired
from pydantic_ai.tools import Tool
from pydantic_ai.toolsets import FunctionToolset
from llm_do.runtime import EntrySpec, ToolsetSpec, WorkerRuntime

HERE = Path(__file__).parent

def act(tag: str) -> str:
    "Leave a trace: what the journal says by now."
    said = [path.read_text() for path in (HERE / "runs").glob("*.jsonl")]
    (HERE / "acted" / tag).write_text("".join(said))
    return f"acted {tag}"

def offering(name):
    toolset = FunctionToolset()
    toolset.add_function(act, name=name)
    return toolset

def with_context(ctx):
    assert ctx.project_root == HERE
    return offering("by_made_with_context")

class Subclass(FunctionToolset):
    def __init__(self, name="by_Subclass"):
        super().__init__()
        self.add_function(act, name=name)

bare = offering("by_bare")
made = ToolsetSpec(factory=lambda: offering("by_made"))
made_with_context = ToolsetSpec(factory=with_context)
instance = Subclass("by_instance")
wrapped = offering("wrapped").renamed({"by_wrapped": "wrapped"})
guarded = FunctionToolset()
guarded.add_function(act, name="by_guarded", requires_approval=True)

asking = FunctionToolset()

@asking.tool
def by_asking(ctx: RunContext[WorkerRuntime], tag: str) -> str:
    if not ctx.tool_call_approved:
        raise ApprovalRequired
    return act(tag)

both = FunctionToolset()
both.add_function(act, name="by_one")
both.add_function(act, name="by_other")

def by_in_tools(tag: str) -> str:
    return act(tag)

TOOLS = {"by_in_tools": by_in_tools, "by_as_tool": Tool(act, name="by_as_tool")}
TOOLSETS = {"in_toolsets": offering("by_in_toolsets")}

relays = FunctionToolset()

@relays.tool
async def relay(ctx: RunContext[WorkerRuntime], name: str, given: dict) -> object:
    return await ctx.deps.call(name, given)

async def begin(given, ctx):
    told = []
    for name, args in CALLS():
        try:
            told.append(await ctx.call(name, args))
        except Exception as error:
            told.append(f"{type(error).__name__}: {error}")
    return told

code = EntrySpec("code", begin)
"""
COMMANDS = """
from llm_do.runtime import ToolsetSpec
from llm_do.toolsets.shell import ShellRule, ShellToolset

commands = ToolsetSpec(factory=lambda: ShellToolset([ShellRule("touch")], default="reject"))
"""
LISTS = """
from pathlib import Path
from pydantic_ai.toolsets import FunctionToolset

HERE = Path(__file__).parent

def act(tag: str) -> str:
    (HERE / "acted" / tag).write_text("".join(path.read_text() for path in (HERE / "runs").glob("*.jsonl")))
    return f"acted {tag}"

def by_in_tools_list(tag: str) -> str:
    return act(tag)

def in_toolsets_list():
    toolset = FunctionToolset()
    toolset.add_function(act, name="by_in_toolsets_list")
    return toolset

TOOLS = [by_in_tools_list]
TOOLSETS = [in_toolsets_list]
"""


def unproven(toolsets: Mapping[str, Iterable[str]]) -> list[str]:
    """Say which tools of which toolsets no kind calls."""
    called = {(*kind.links, name)[0]: set(kind.calls) for name, kind in KINDS.items()}
    return [
        f"toolset {name!r}: nothing calls {tool!r}"
        for name, tools in toolsets.items()
        for tool in tools
        if tool not in called.get(name, ())
    ]
