"""The values that linking makes: workers, toolsets, tools and entries as objects that point at each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from llm_do.errors import SpecError
    from llm_do.project.spec import WorkerSpec

ANSWER: Final = "final_result"
"""The tool by which a model gives a structured answer; nothing else may have the name."""


@dataclass(frozen=True, slots=True)
class ToolsetSpec:
    """A toolset by its factory: `f()` or `f(ctx)` returns a fresh pydantic-ai toolset per worker call."""

    factory: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class EntrySpec:
    """A Python entry: `async def main(input, ctx)` under a name.

    `input` is an instance of `schema_in` (a `WorkerArgs` class) where given, else the list of prompt
    parts; `ctx` is a `CallContext`.
    """

    name: str
    main: Callable[[Any, Any], Awaitable[Any]]
    schema_in: type[Any] | None = None


@dataclass(eq=False, slots=True)
class Toolset:
    """A linked toolset: `tools` is None where only an instance can tell; `make` is set for a run."""

    name: str
    origin: str
    tools: tuple[str, ...] | None
    make: ToolsetSpec | None = None
    builtin: bool = False


@dataclass(eq=False, slots=True)
class Tool:
    """One tool of a linked Python toolset, under its own name."""

    name: str
    toolset: Toolset

    @property
    def origin(self) -> str:
        """Where it is declared: path and line."""
        return self.toolset.origin


@dataclass(eq=False, slots=True)
class Worker:
    """A linked worker: its spec, the objects its `toolsets` name, and what is made of it once.

    `made` holds what depends on its links, `resolved` what only its spec says; copies of it share that.
    """

    spec: WorkerSpec
    origin: str
    links: tuple[Link, ...] = ()
    made: dict[str, Any] = field(default_factory=dict[str, "Any"], repr=False)
    resolved: dict[str, Any] = field(default_factory=dict[str, "Any"], repr=False)

    @property
    def name(self) -> str:
        """The worker's name."""
        return self.spec.name


@dataclass(eq=False, slots=True)
class Entry:
    """A linked Python entry; `spec` is set for a run."""

    name: str
    origin: str
    spec: EntrySpec | None = None


Link = Worker | Toolset | Tool
Target = Worker | Toolset | Tool | Entry


def reachable(target: Target) -> Iterator[Worker]:
    """Yield the workers that an entry reaches by its links, itself included, each once, callers first."""
    seen: list[Worker] = []
    waiting: list[Target] = [target]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, Worker) and each not in seen:
            seen.append(each)
            waiting.extend(each.links)
    yield from seen


def no_call(toolset: Toolset) -> str:
    """Say that a toolset is nothing to call, and what of it is."""
    tools = "one of its tools" if toolset.tools is None else ", ".join(toolset.tools) or "something else"
    return f"{toolset.name!r} is a toolset ({toolset.origin}); name a tool of it: {tools}"


def clash(worker: Worker, one: Link, other: Link, tool: str) -> SpecError:
    """Return the error that says that two links of a worker offer one tool."""
    return worker.spec.error(
        f"worker {worker.name!r}: {one.name!r} and {other.name!r} both offer a tool {tool!r}; "
        f"drop one, or name the single tools you want",
        "toolsets",
    )


def offered_tools(link: Link) -> tuple[str, ...]:
    """Name the tools a link offers to its worker's model, as far as they are known before a run."""
    if isinstance(link, Toolset):
        return link.tools or ()
    return (link.name,)
