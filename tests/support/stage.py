"""A kind of tools in, a project out whose workers use them, run and watched."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from installed import Offered, plugins
from pydantic_ai.toolsets import FunctionToolset
from scripted import Bench, call, contents
from toolkinds import COMMANDS, LISTS, SPELLINGS
from witness import TAG, YES, Witness, faults

from llm_do.linking.entry import build_project
from llm_do.project.discover import read_project
from llm_do.project.spec import parse_worker
from llm_do.runtime import AgentSpec, Decision
from llm_do.state.context import Substitute

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_ai.messages import ModelMessage, ToolCallPart
    from scripted import Reply
    from toolkinds import ToolKind

    from llm_do.linking.entry import Built
    from llm_do.runtime import Request, Runtime


@dataclass
class Stage:
    """A project in `FOLDER/project`, the working directory `FOLDER/cwd`, and what is done there by whom."""

    folder: Path
    kind: ToolKind
    called: dict[str, str] = field(default_factory=dict[str, str])
    """The tool that was to be called with a tag; with 500 more, if the arguments are changed."""
    asked: list[Request] = field(default_factory=list["Request"])
    output: Any = None

    def __post_init__(self) -> None:
        self.root = self.folder / "project"
        self.bench = Bench(self.root)
        self.witness = Witness(self.folder, self.root / "runs")
        self._runtime: Runtime | None = None
        for name in (
            "acted",
            "heard",
            "stubbed",
            "runs",
            "new",
            "box/new",
            "workers/generated",
            "../cwd/new",
        ):
            (self.root / name).mkdir(parents=True)
        self.bench.tools(SPELLINGS)
        self.bench.tools(LISTS, "lists.py")
        if "commands" in self.kind.links:  # its tool has the name of a built-in one
            self.bench.tools(COMMANDS, "commands.py")
        for name in ("callee", "plugged_callee"):
            self.bench.script(name, self._hear)
        self.bench.worker("callee")

    # -- who does what

    def calls(self, *, each: int = 1) -> list[ToolCallPart]:
        """Calls of every tool of the kind, each with a tag of its own, and the files that they work on."""
        return [
            call(tool, **make(self._tag(tool))) for tool, make in self.kind.calls.items() for _ in range(each)
        ]

    def performer(self, name: str, *turns: Reply) -> None:
        """Give a worker the tools of the kind, and its turns."""
        self.bench.worker(name, **self.kind.front_matter)
        self.bench.script(name, *turns, "done")

    def definition(self) -> str:
        """The file of a worker `performer` that was not there when the run began."""
        front = {"name": "performer", **self.kind.front_matter}
        return "\n".join(
            ["---", *(f"{key}: {json.dumps(value)}" for key, value in front.items()), "---", "Do."]
        )

    def register(self) -> None:
        """Make the toolset `registered` known."""
        toolset = FunctionToolset[Any]()
        toolset.add_function(self._act, name="by_registered")
        self.runtime.register_toolset("registered", toolset)

    def register_performer(self) -> None:
        """Make the worker `performer` known."""
        spec = parse_worker("performer.worker", self.definition().encode())
        self.runtime.register_agents({"performer": spec})

    async def agree(self, request: Request) -> Decision:
        """Say yes to everything; the definition of `performer` is written into the question about it."""
        self.asked.append(request)
        if request.tool == "create_worker" and request.args["name"] == "performer":
            return Decision("modify", {**request.args, "definition": self.definition()})
        return Decision("approve")

    def stub(self, name: str) -> Substitute | None:
        """Put a stub in the place of every tool of the kind."""

        async def leave(_context: Any, value: Any) -> str:
            (tag,) = set(TAG.findall(json.dumps(value)))
            (self.root / "stubbed" / tag).touch()
            return f"stubbed {tag}"

        return Substitute("stub", leave) if name in map(self.kind.name, self.kind.calls) else None

    # -- running it

    @property
    def runtime(self) -> Runtime:
        assert self._runtime is not None
        return self._runtime

    def build(self, entry: str | None) -> Built:
        """Link the project, as if a package with a toolset and a worker were installed."""
        plugged = FunctionToolset[Any]()
        plugged.add_function(self._act, name="by_plugged")
        offered = (
            Offered("toolsets", "plugged", plugged),
            Offered("workers", "plugged_callee", AgentSpec("plugged_callee")),
        )
        files = [*sorted(self.root.glob("*.worker")), *sorted(self.root.glob("*.py"))]
        return build_project(read_project(files, root=self.root), entry=entry, plugins=plugins(*offered))

    def run(self, policy: Any = None, *, entry: str = "main", begin: Any = None, **options: Any) -> None:
        """Run it, watched; whoever is asked agrees, unless said otherwise.

        The entry `code` calls what `begin` gives.
        """
        self._runtime = self.bench.runtime(
            policy, on_event=self.witness, journal=self.root / "runs", **{"ask": self.agree, **options}
        )
        built = self.build(entry)
        code: Any = built.registry.entries["code"].spec
        code.main.__globals__["CALLS"] = begin
        self.witness.begin()
        result = asyncio.run(self.runtime.run_entry(built.entry, "go"))
        self.witness.end()
        self.output, self.context = result

    @property
    def tools(self) -> dict[str, str]:
        """The name of the call that may have the effects of a tag."""
        named = {tag: self.kind.name(tool) for tag, tool in self.called.items()}
        return {**named, **{changed(tag): name for tag, name in named.items()}, "performer": "create_worker"}

    @property
    def faults(self) -> list[str]:
        """What is wrong: effects without decision, and decisions that were told before they were written."""
        late = [f"not on disk when it was told: {each}" for each in self.witness.unwritten]
        blind = [
            f"{tag}: its tool did not read its decision" for tag in self.called if not self._was_read(tag)
        ]
        return [*faults(self.witness.events, self.witness.sightings, self.tools), *late, *blind]

    @property
    def touched(self) -> set[str]:
        """The tags of all effects that were seen."""
        return {each.tag for each in self.witness.sightings}

    def happened(self, tag: str) -> bool:
        """Tell whether a call with a tag was made, and did what it is for."""
        lines = self.ended(tag)
        if tag in self.touched or not lines:
            return bool(lines) and lines[0]["ok"]
        return all(each["effect"] == "read" and tag in json.dumps(each["output"]) for each in lines)

    def ended(self, tag: str) -> list[dict[str, Any]]:
        """The lines of the calls of a tool with this tag."""
        lines = [each for each in self.witness.events if each["kind"] == "call" and each["parent"]]
        return [
            each for each in lines if each["name"] == self.tools[tag] and tag in json.dumps(each["input"])
        ]

    def _was_read(self, tag: str) -> bool:
        """Tell whether the tool found the decision about its own call in the journal's file, if it looked."""
        trace = self.root / "acted" / tag
        lines = [json.loads(line) for line in trace.read_text().splitlines()] if trace.exists() else []
        calls = {each["id"] for each in self.ended(tag)}
        return not trace.exists() or any(
            each["kind"] == "approval" and each["call"] in calls and each["decision"] in YES for each in lines
        )

    # -- what has effects

    def _tag(self, tool: str) -> str:
        tag = f"t{len(self.called):03}"
        self.called[tag] = tool
        for folder in (self.root, self.root / "box", self.folder / "cwd"):
            for each in (tag, changed(tag)) if self.kind.owned else ():
                (folder / f"{each}.src").write_text(f"content of {each}")
        return tag

    def _act(self, tag: str) -> str:
        assert self.runtime.journal_path is not None
        (self.root / "acted" / tag).write_text(self.runtime.journal_path.read_text())
        return f"acted {tag}"

    def _hear(self, messages: list[ModelMessage], _: Any) -> str:
        (tag,) = set(TAG.findall(" ".join(map(str, contents(messages)))))
        (self.root / "heard" / tag).touch()
        return f"heard {tag}"


def changed(given: Any) -> Any:
    """Give arguments, or a tag, with another tag."""
    said = json.dumps(given)
    for tag in set(TAG.findall(said)):
        said = said.replace(tag, f"t{int(tag[1:]) + 500}")
    return json.loads(said)
