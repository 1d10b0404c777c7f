"""A name and an input in, an output out: how Python calls, through the same targets as a model's calls.

Calls made by Python are trusted, so nobody is asked; they obey reject rules, allowlists, depth and
budget, and leave an approval line `by: none`.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pydantic import BaseModel, ValidationError
from pydantic_ai.messages import ToolReturn
from pydantic_ai.models.test import TestModel
from pydantic_ai.tools import RunContext
from pydantic_ai.usage import RunUsage

from llm_do.approval import rule
from llm_do.calling.agent import run_worker_call
from llm_do.errors import CallFailed, LimitReached, RunFailed, ToolError, UsageError, nearest
from llm_do.gate.judgement import record_approval, too_deep
from llm_do.links import Entry, Tool, Toolset, Worker, no_call
from llm_do.project.document import found
from llm_do.schemas.schema import InputSchema, fields_of_parts, first_complaint, input_schema
from llm_do.state.declared import declared_input
from llm_do.state.recording import plain, recorded
from llm_do.toolsets.instances import new_toolset
from llm_do.toolsets.offered import Offer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from pydantic_ai.toolsets import AbstractToolset
    from pydantic_ai.toolsets.abstract import ToolsetTool

    from llm_do.approval import Preset, Spell
    from llm_do.journal import Impl
    from llm_do.state.context import CallContext


async def dispatch(caller: CallContext, name: str, value: Any) -> Any:
    """Call a name from Python, on behalf of a call in progress."""
    if not isinstance(cast("object", name), str):
        raise UsageError(f"call takes the name of a worker or tool, found {found(name)}")
    caller.run.budget.refuse_ended()
    substitute = caller.run.substitute(name)
    own = await _own_tool(caller, name)
    target: Any = caller.run.registry.callable(name)
    if substitute is None and own is None and target is None:
        target = await _undeclared_tool(caller, name)
    child = caller.child(name, impl=_impl(target), input=_named(value), turn=caller.turn)
    child.agent_context = caller.agent_context

    async def _work() -> Any:
        _refuse_unreachable(caller, child, is_own=own is not None or _linked(caller, name))
        if own is not None and substitute is None:
            return await _call_tool(child, own.toolset, own.tool, value)
        if substitute is None and isinstance(target, Tool):
            return await execute(child, target, value)
        if isinstance(target, Worker):
            child.input = declared_input(child, target).accept(value, name).fields
        admit(child, child.input)
        if substitute is not None:
            child.impl = substitute.impl
            return await substitute.call(child, value)
        return await execute(child, target, value)

    try:
        return await recorded(child, _work)
    except (CallFailed, LimitReached):
        raise
    except RunFailed as error:
        raise CallFailed(str(error), chain=child.chain, cause=error) from error


async def execute(context: CallContext, target: Any, value: Any) -> Any:
    """Run a linked target in a context that has been opened for it."""
    if isinstance(target, Worker):
        return await run_worker_call(context, target, value)
    if isinstance(target, Entry):
        return await _run_entry(context, target, value)
    tool = cast("Tool", target)
    async with _live(context, tool.toolset) as (toolset, tools):
        if tool.name not in tools:
            raise ToolError("unknown", f"toolset {tool.toolset.name!r} no longer offers {tool.name!r}")
        return await _call_tool(context, toolset, tools[tool.name], value)


def run_context(context: CallContext) -> RunContext[Any]:
    """Give a tool that is called outside an agent run the context it expects."""
    # calls by Python are trusted: a toolset that asks for approval finds it given
    own: dict[str, Any] = {
        "deps": context,
        "tool_name": context.name,
        "tool_call_id": context.call_id,
        "tool_call_approved": True,
    }
    if context.agent_context is not None:
        return replace(context.agent_context, **own)
    caller = context.worker_call()
    model = caller.model.model if caller and caller.model else TestModel()
    return RunContext(model=model, usage=RunUsage(), **own)


class _Own(NamedTuple):
    """A tool of the caller's own toolsets, with the live instance that offers it."""

    toolset: AbstractToolset[Any]
    tool: ToolsetTool[Any]


async def _own_tool(caller: CallContext, name: str) -> _Own | None:
    """Find a tool by its name among the live toolsets of the worker that is calling."""
    worker = caller.worker_call()
    for offered in worker.toolsets if worker else ():
        link = offered.link
        known = link.tools if isinstance(link, Toolset) else (link.name,)
        if not isinstance(link, Worker) and (known is None or name in known):
            tools = await offered.wrapped.get_tools(run_context(caller))
            if name in tools:
                return _Own(offered.wrapped, tools[name])
    return None


class _Live(NamedTuple):
    """A toolset that has been entered, and what it offers."""

    toolset: AbstractToolset[Any]
    tools: Mapping[str, ToolsetTool[Any]]


@asynccontextmanager
async def _live(context: CallContext, link: Toolset) -> AsyncGenerator[_Live]:
    ctx = run_context(context)
    async with await new_toolset(context, link).for_run(ctx) as toolset:
        yield _Live(toolset, await toolset.get_tools(ctx))


async def _undeclared_tool(caller: CallContext, name: str) -> Tool:
    """Find a tool that only a live toolset can tell of. Raises ToolError where there is none."""
    names = caller.run.registry.names
    for link in list(names.values()):
        if isinstance(link, Toolset) and link.tools is None:
            async with _live(caller, link) as live:
                if name in live.tools:
                    return Tool(name, link)
    if isinstance(toolset := names.get(name), Toolset):
        raise ToolError("unknown", no_call(toolset))
    raise ToolError("unknown", f"{name!r} is not a worker or tool of this project{nearest(name, names)}")


async def _call_tool(
    context: CallContext, toolset: AbstractToolset[Any], tool: ToolsetTool[Any], value: Any
) -> Any:
    offer = Offer(toolset, context.impl)
    context.effect = offer.effect(context.name)
    args = _arguments(context.name, tool.tool_def.parameters_json_schema, value)
    context.input = plain(args)
    try:
        valid = tool.args_validator.validate_python(args)
    except ValidationError as error:
        raise UsageError(f"input of {context.name!r}: {first_complaint(error)}") from error
    if context.parent is not None:
        forbidden = await offer.preset(context.name, valid, run_context(context)) == "reject"
        preset: Preset = "reject" if forbidden else "approve"
        admit(context, plain(valid), preset, spell=offer.speller(context.name))
    ctx = run_context(context)
    output = await toolset.call_tool(context.name, valid, ctx, tool)
    return output.return_value if isinstance(output, ToolReturn) else output


def _arguments(name: str, schema: Mapping[str, Any], value: Any) -> dict[str, Any]:
    """Fit an input to a tool: an object as it is, parts as workers take them, a text to its one parameter."""
    if isinstance(value, BaseModel):
        return value.model_dump()
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    if value is None:
        return {}
    properties = cast("dict[str, Any]", schema.get("properties", {}))
    single = cast("list[str]", schema.get("required", [])) or list(properties)
    takes_a_list = len(single) == 1 and properties.get(single[0], {}).get("type") == "array"
    if isinstance(value, list) and not takes_a_list:
        fields = fields_of_parts(cast("list[Any]", value), name)
        if fields.keys() <= properties.keys():
            return fields
        value = fields.pop("input")
        if fields:
            raise UsageError(f"input of {name!r}: it takes no attachments; pass a text or a dict")
    if len(single) != 1:
        wanted = ", ".join(properties) or "nothing"
        raise UsageError(f"input of {name!r}: it takes {wanted}; pass a dict")
    return {single[0]: value}


async def _run_entry(context: CallContext, entry: Entry, value: Any) -> Any:
    spec = entry.spec
    if spec is None:
        raise UsageError(f"entry {entry.name!r} ({entry.origin}) was linked for a check, not for a run")
    schema = input_schema(None, context.run.load)
    if spec.schema_in is not None:
        schema = InputSchema(spec.schema_in, spec.schema_in.model_json_schema())
    nothing: Any = {} if spec.schema_in else ""
    accepted = schema.accept(nothing if value is None else value, entry.name)
    context.input = accepted.fields
    outcome = spec.main(accepted.args if spec.schema_in else accepted.parts, context)
    if not asyncio.iscoroutine(outcome):
        raise UsageError(f"{entry.origin}: EntrySpec {entry.name!r}: main must be an async function")
    output = await outcome
    if asyncio.iscoroutine(output):
        output.close()
        raise RunFailed(
            f"{entry.origin}: EntrySpec {entry.name!r}: main returned a call that was not awaited; "
            f"write return await ctx.call(...)"
        )
    return output


def admit(
    context: CallContext, args: Mapping[str, Any], preset: Preset = "approve", *, spell: Spell = dict
) -> None:
    """Let a call by Python pass unless a rule rejects it; the decision is written before the effect.

    `preset` is what the tool's own toolset says: nobody is asked, but a reject is one. `spell` is how
    rules read its arguments.
    """
    caller = cast("CallContext", context.parent)
    operator = context.run.approvals.rules
    ruling = rule(operator, caller.rule_lists(), preset, context.name, args, spell=spell)
    if ruling.verdict == "reject":
        record_approval(context, "reject", "rule")
        raise ToolError("denied", f"a rule forbids {context.name!r} with these arguments")
    record_approval(context, "approve", "none")


def _refuse_unreachable(caller: CallContext, child: CallContext, *, is_own: bool) -> None:
    if child.depth > child.run.max_depth:
        raise too_deep(child)
    worker = caller.worker_call()
    access = worker.worker.spec.workers if worker and worker.worker else None
    allow = access.allow if access else None
    made_here = worker is not None and child.run.created.get(child.name) == worker.name
    is_allowed = allow is None or any(fnmatchcase(child.name, glob) for glob in allow)
    if not is_own and not made_here and not is_allowed:
        name = worker.name if worker else ""
        raise ToolError(
            "denied", f"worker {name!r} may not reach {child.name!r}; add it to toolsets or to workers.allow"
        )


def _linked(caller: CallContext, name: str) -> bool:
    worker = caller.worker_call()
    links = worker.worker.links if worker and worker.worker else ()
    return any(
        name == link.name or (isinstance(link, Toolset) and name in (link.tools or ())) for link in links
    )


def _impl(target: Any) -> Impl:
    return "worker" if isinstance(target, Worker) else "python"


def _named(value: Any) -> dict[str, Any]:
    """Give an input as named arguments, so that rules and the journal read every form alike."""
    shown = plain(value)
    return cast("dict[str, Any]", shown) if isinstance(shown, dict) else {"input": shown}
