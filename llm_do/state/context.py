"""One call in progress: who called it, how deep, on which budget; and `call`, by which it calls others.

`Run` is what all calls of one run share. The knot "a worker is a tool that calls workers" is cut here:
`Run.dispatch` is injected by the runtime, so this module knows neither agents nor toolsets.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from llm_do.state.exchange import Exchanges

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from pydantic_ai.tools import RunContext

    from llm_do.approval import Rule, Ruling
    from llm_do.calling.models import Chosen, Models, OpenModels
    from llm_do.gate.controller import ApprovalController
    from llm_do.journal import Effect, Event, Impl, Journal
    from llm_do.linking.registry import Registry
    from llm_do.links import Worker
    from llm_do.project.manifest import RuntimeConfig
    from llm_do.state.budget import Budget, Spent


@dataclass(frozen=True, slots=True)
class Substitute:
    """What a name means instead of its linked target: `call` gets the calling context and the input."""

    impl: Impl
    call: Callable[[CallContext, Any], Awaitable[Any]]


@dataclass(eq=False, slots=True)
class Run:
    """Everything the calls of one run share."""

    id: str
    registry: Registry
    journal: Journal
    approvals: ApprovalController
    budget: Budget
    models: Models
    open_models: OpenModels
    config: RuntimeConfig
    project_root: Path
    cwd: Path
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    dispatch: Callable[[CallContext, str, Any], Awaitable[Any]]
    execute: Callable[[CallContext, Any, Any], Awaitable[Any]]
    substitute: Callable[[str], Substitute | None]
    load: Callable[[str], object]
    meta: Mapping[str, Any] = field(default_factory=dict[str, Any])
    sample: Mapping[str, Any] | None = None
    counter: Iterator[int] = field(default_factory=itertools.count)
    created: dict[str, str] = field(default_factory=dict[str, str])
    """The workers made in this run, each with the name of the worker that made it and may call it."""

    @property
    def max_depth(self) -> int:
        """The depth that no call may exceed."""
        return self.config.max_depth


@dataclass(eq=False, slots=True, repr=False)
class CallContext:
    """A call of a worker, a tool or a Python entry; tools get it as `ctx.deps`, entries as `ctx`.

    `chain` names the calls from the entry down to this one; `depth` counts from 0 at the entry.
    """

    run: Run
    name: str
    impl: Impl
    effect: Effect
    input: Any
    parent: CallContext | None = None
    worker: Worker | None = None
    turn: int = 0
    seq: int = -1
    started_at: datetime | None = None
    started_s: float = 0.0
    ruling: Ruling | None = None
    approval: dict[str, str] | None = None
    model: Chosen | None = None
    spent: Spent | None = None
    exchanges: Exchanges = field(default_factory=Exchanges)
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    pending: dict[str, CallContext] = field(default_factory=dict[str, "CallContext"])
    toolsets: list[Any] = field(default_factory=list[Any])
    agent_context: RunContext[Any] | None = None

    def __post_init__(self) -> None:
        """Take the next number of the run and note the time."""
        self.seq = next(self.run.counter)
        self.started_at = self.run.now()
        self.started_s = self.run.monotonic()

    def __repr__(self) -> str:
        return f"<CallContext {' > '.join(self.chain)}>"

    async def call(self, name: str, input: Any = None) -> Any:  # noqa: A002  the contract's word
        """Call a worker, a tool, a stub or stabilized code by its name; the caller cannot tell which.

        Args:
            name: any name of the project that this caller may reach.
            input: a str, a dict, a list of prompt parts or a `WorkerArgs`; a str for a tool goes to its
                single required parameter.

        Returns:
            The output: text, or the structure of the worker's schema or of the tool.

        Raises:
            CallFailed: a called worker failed.
            ToolError: the name is not reachable, a reject rule forbids it, or the call would be too deep.
            Exception: whatever a called tool raises.
        """
        return await self.run.dispatch(self, name, input)

    call_agent = call
    call_tool = call

    @property
    def call_id(self) -> str:
        """The id of this call in the journal."""
        return f"c{self.seq}"

    @property
    def depth(self) -> int:
        """Calls between the entry (0) and this one."""
        return 0 if self.parent is None else self.parent.depth + 1

    @property
    def chain(self) -> tuple[str, ...]:
        """The names from the entry down to this call."""
        return (self.name,) if self.parent is None else (*self.parent.chain, self.name)

    @property
    def project_root(self) -> Path:
        """The folder of the project."""
        return self.run.project_root

    def worker_call(self) -> CallContext | None:
        """Find the innermost worker call at or above this one."""
        each: CallContext | None = self
        while each is not None and each.worker is None:
            each = each.parent
        return each

    def rule_lists(self) -> list[tuple[Rule, ...]]:
        """Collect the approval rules of every worker in the chain, innermost first."""
        lists: list[tuple[Rule, ...]] = []
        each: CallContext | None = self
        while each is not None:
            if each.worker is not None:
                lists.append(tuple(each.worker.spec.approvals))
            each = each.parent
        return lists

    def child(
        self,
        name: str,
        *,
        impl: Impl,
        input: Any,  # noqa: A002  the contract's word
        turn: int = 0,
        effect: Effect = "unknown",
    ) -> CallContext:
        """Open a call that this one makes."""
        return CallContext(
            run=self.run, name=name, impl=impl, effect=effect, input=input, parent=self, turn=turn
        )

    def emit_call(self, fields: dict[str, Any]) -> None:
        """Write the journal line of this call itself."""
        self.run.journal.write({"kind": "call", "run": self.run.id, **fields})

    def emit(self, kind: str, **fields: Any) -> None:
        """Write a journal line of this call."""
        event: Event = {"kind": kind, "run": self.run.id, "call": self.call_id, **fields}
        self.run.journal.write(event)


WorkerRuntime = CallContext
WorkerContext = CallContext
