"""A linked toolset in, the same toolset as a worker's model sees it out: every call recorded and answered.

The wrapper leaves an `Offer` on each tool definition for the gate, hands the tool its own
`CallContext`, applies substitutes by name, and turns exceptions into results the model can act on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pydantic_core
from pydantic_ai.exceptions import (
    ApprovalRequired,
    CallDeferred,
    ModelRetry,
    SkipToolExecution,
    ToolFailed,
)
from pydantic_ai.toolsets import WrapperToolset

from llm_do.errors import CallFailed, LimitReached, Refused, RunFailed, SpecError, ToolError, UsageError
from llm_do.gate.judgement import OFFER
from llm_do.links import ANSWER, Worker, clash
from llm_do.state.recording import plain, recorded
from llm_do.toolsets.approval import declared, description_of, preset_of, preview_of, reaches_network, word_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_ai.tools import RunContext
    from pydantic_ai.toolsets import AbstractToolset
    from pydantic_ai.toolsets.abstract import ToolsetTool

    from llm_do.approval import Preset, Preview, Ruling, Spell
    from llm_do.journal import Effect, Impl
    from llm_do.links import Link
    from llm_do.state.context import CallContext

_CONTROL_FLOW: Final = (ModelRetry, ToolFailed, CallDeferred, SkipToolExecution)


@dataclass(frozen=True, slots=True)
class Offer:
    """What the gate needs to know of a tool: what runs it, what it does, what its toolset says of a call."""

    source: AbstractToolset[Any]
    impl: Impl

    def effect(self, name: str) -> Effect:
        """Say whether a tool reads or writes, as far as its toolset declares it."""
        effects: Mapping[str, Effect] = declared(self.source, "effects") or {}
        return effects.get(name, "unknown")

    def speller(self, name: str) -> Spell:
        """Give what turns arguments into the one spelling that rules judge, where the toolset knows one.

        The toolset's `canonical_args(name, args)` gets the patterns of rules, too, so any may be absent.
        """
        spell: Any = declared(self.source, "canonical_args")
        return dict if spell is None else lambda args: plain(spell(name, args))

    def route(self, name: str, args: Mapping[str, Any], ctx: RunContext[CallContext]) -> Routed | None:
        """Ask the toolset's `route(name, args, ctx)` which call this one stands for; None for itself.

        Raises:
            LlmDoError: the toolset refuses the call at once.
        """
        find: Any = declared(self.source, "route")
        if find is None or ctx.deps.run.substitute(name):
            return None
        routed: Routed | None = find(name, args, ctx)
        return None if routed is None else replace(routed, said=dict(args))

    def reaches_network(self, name: str) -> bool:
        """Say whether a tool can send data away, as far as its toolset declares it."""
        return reaches_network(self.source, name)

    async def word(self, name: str, args: Mapping[str, Any], ctx: RunContext[CallContext]) -> Ruling:
        """Ask the toolset whether a call needs approval, and why it is rejected."""
        return await word_of(self.source, name, args, ctx)

    async def preset(self, name: str, args: Mapping[str, Any], ctx: RunContext[CallContext]) -> Preset:
        """Ask the toolset whether a call needs approval."""
        return await preset_of(self.source, name, args, ctx)

    def describe(self, name: str, args: Mapping[str, Any], ctx: RunContext[CallContext]) -> str:
        """Ask the toolset for words to show a human."""
        return description_of(self.source, name, args, ctx)

    async def preview(
        self, name: str, args: Mapping[str, Any], ctx: RunContext[CallContext]
    ) -> Preview | None:
        """Ask the toolset what a call would do, in text for a human."""
        return await preview_of(self.source, name, args, ctx)


@dataclass(frozen=True, slots=True)
class Routed:
    """The call that another stands for: `worker_call` of a worker is a call of that worker, by its name.

    `via` is the tool that the model called, `said` what it said.
    """

    name: str
    args: Mapping[str, Any]
    offer: Offer
    description: str
    via: str = "worker_call"
    said: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def sent(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Give arguments of the target as the tool takes them that the model called."""
        return {"worker": self.name, "input": dict(args)}


class _Marked(NamedTuple):
    """A tool as its toolset gave it, and the same with its offer; marking one takes time on every step."""

    tool: ToolsetTool[Any]
    marked: ToolsetTool[Any]


@dataclass
class Offered(WrapperToolset[Any]):
    """One link of a worker, wrapped for one agent run."""

    link: Link
    _marked: dict[str, _Marked] = field(default_factory=dict[str, "_Marked"], repr=False)

    @property
    def offer(self) -> Offer:
        """The offer of all tools of this toolset."""
        return Offer(self.wrapped, "worker" if isinstance(self.link, Worker) else "python")

    async def get_tools(self, ctx: RunContext[CallContext]) -> dict[str, ToolsetTool[Any]]:
        """List the tools, each with the offer in its metadata. Raises SpecError where two links have one."""
        tools = await self.wrapped.get_tools(ctx)
        self._refuse_clashes(tools, ctx)
        for name, tool in tools.items():
            known = self._marked.get(name)
            if known is None or known.tool is not tool:
                marked = replace(tool, tool_def=_marked(tool.tool_def, self.offer))
                self._marked[name] = _Marked(tool, marked)
        return {name: self._marked[name].marked for name in tools}

    def _refuse_clashes(self, tools: Mapping[str, object], ctx: RunContext[CallContext]) -> None:
        """Refuse what linking could not see: tools that only the live toolsets of this step tell of."""
        worker, facts = ctx.deps.worker, ctx.deps.facts
        if worker is None:  # an agent of somebody's own
            return
        if facts.get("owners_at") != ctx.run_step:
            facts |= {"owners_at": ctx.run_step, "owners": {}}
        owners: dict[str, Link] = facts["owners"]
        for name in tools:
            if name == ANSWER:
                wrong = f"{self.link.name!r} offers {name!r}, by which a model answers; rename that tool"
                raise worker.spec.error(f"worker {worker.name!r}: {wrong}", "toolsets")
            if owners.setdefault(name, self.link) is not self.link:
                raise clash(worker, owners[name], self.link, name)

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[CallContext], tool: ToolsetTool[Any]
    ) -> Any:
        """Run a call that the gate let pass, and answer the model whatever happens."""
        pending, call_id = ctx.deps.pending, ctx.tool_call_id or ""
        child = pending.pop(call_id)
        child.agent_context = ctx

        async def _work() -> Any:
            substitute = child.run.substitute(child.name)
            if substitute is not None:
                child.impl = substitute.impl
                return await substitute.call(child, child.input)
            return await self.wrapped.call_tool(name, tool_args, replace(ctx, deps=child), tool)

        try:
            return _sendable(await recorded(child, _work))
        except ApprovalRequired:
            pending[call_id] = child
            raise
        except (*_CONTROL_FLOW, Refused, LimitReached):
            raise
        except ToolError as error:
            return error.result()
        except (CallFailed, RunFailed) as error:
            return ToolError("worker_failed", str(error)).result()
        except (UsageError, SpecError) as error:
            return ToolError("bad_input", str(error)).result()
        except Exception as error:  # noqa: BLE001  the tool gate is a border: a tool that raises is a result
            return ToolError("tool_error", f"{type(error).__name__}: {error}".removesuffix(": ")).result()


def _sendable(output: Any) -> Any:
    """Give what a model can be sent: files and models as they are, what no provider takes as text."""
    try:
        pydantic_core.to_json(output)
    except ValueError:
        # half a character, as in the name of a file, fits into no request
        return json.loads(json.dumps(plain(output), ensure_ascii=False).encode("utf-8", "replace"))
    return output


def _marked(definition: Any, offer: Offer) -> Any:
    # the gate alone decides: `requires_approval=True` would pass it by
    kind = "function" if definition.kind == "unapproved" else definition.kind
    return replace(definition, kind=kind, metadata={**(definition.metadata or {}), OFFER: offer})
