"""A model's call of a tool in, what rules and its toolset say of it out; and the lines of what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from llm_do.approval import STRICTNESS, DecidedBy, Decision, Request, Ruling, mend_of, rule
from llm_do.canonical import canonical_json
from llm_do.errors import Refused, ToolError
from llm_do.state.recording import close_failed, plain

if TYPE_CHECKING:
    from pydantic_ai.messages import ToolCallPart
    from pydantic_ai.tools import RunContext, ToolDefinition

    from llm_do.approval import Preview
    from llm_do.state.context import CallContext
    from llm_do.toolsets.offered import Offer, Routed

OFFER = "llm_do"
"""Where a tool definition's metadata holds its `Offer`; a tool without one is asked about."""


def open_call(
    ctx: RunContext[CallContext],
    call: ToolCallPart,
    tool_def: ToolDefinition | None,
    routed: Routed | None = None,
) -> CallContext:
    """Make the context of a tool call that a model made, and keep it until the call runs or is refused."""
    offer = routed.offer if routed else offer_of(tool_def)
    name = routed.name if routed else call.tool_name
    parent = ctx.deps
    child = parent.child(
        name,
        impl=offer.impl if offer else "python",
        effect=offer.effect(name) if offer else "unknown",
        input=json.loads(json.dumps(routed.args if routed else call.args_as_dict())),
        turn=ctx.run_step,
    )
    child.facts["description"] = tool_def.description or "" if tool_def else ""
    if routed:
        child.facts |= {"routed": routed, "description": routed.description}
    parent.pending[call.tool_call_id] = child
    return child


def offer_of(tool_def: ToolDefinition | None) -> Offer | None:
    """Read the offer that our toolsets leave on their tool definitions."""
    return (tool_def.metadata or {}).get(OFFER) if tool_def else None


async def judge(
    ctx: RunContext[CallContext], child: CallContext, tool_def: ToolDefinition | None, args: dict[str, Any]
) -> Ruling:
    """Rule on a call by its validated arguments: the rules speak of what would run."""
    routed: Routed | None = child.facts.get("routed")
    offer, approvals = routed.offer if routed else offer_of(tool_def), child.run.approvals
    args = dict(child.input) if routed else args
    said = await offer.word(child.name, args, ctx) if offer else Ruling("ask")
    child.facts["network"] = network = offer is not None and offer.reaches_network(child.name)
    if network and approvals.has_read and said.verdict == "approve":
        said = Ruling("ask")
    if offer and (routed or tool_def):
        described = routed.description if routed else tool_def and tool_def.description
        child.facts["description"] = offer.describe(child.name, args, ctx) or described or ""
    spell = offer.speller(child.name) if offer else dict
    lists = ctx.deps.rule_lists()
    ruling = rule(approvals.rules, lists, said.verdict, child.name, plain(args), spell=spell)
    child.ruling = said if ruling.verdict == said.verdict == "reject" else ruling
    if routed:  # a rule about the tool that the model called can only be stricter
        forms = [routed.sent(args)] if args != routed.args else [routed.sent(args), routed.said]
        also = [rule(approvals.rules, lists, "approve", routed.via, plain(each)) for each in forms]
        child.ruling = max(child.ruling, *also, key=lambda each: STRICTNESS.index(each.verdict))
    if not _is_json(child.input):
        child.ruling = Ruling("reject", note="NaN and infinities are no arguments")
    if child.ruling.verdict != "approve":
        child.facts["judged"] = spelled(child, tool_def, args)
    is_shown = (said.verdict, child.ruling.verdict) != ("approve", "approve")
    child.facts["preview"] = await offer.preview(child.name, args, ctx) if offer and is_shown else None
    return child.ruling


def spelled(child: CallContext, tool_def: ToolDefinition | None, args: dict[str, Any]) -> dict[str, Any]:
    """Give the arguments that would run in one spelling, however the model wrote them."""
    routed: Routed | None = child.facts.get("routed")
    offer, args = (routed.offer, child.input) if routed else (offer_of(tool_def), args)
    return dict(offer.speller(child.name)(plain(args)) if offer else plain(args))


def sent_args(child: CallContext) -> dict[str, Any]:
    """Give a fresh copy of the frozen arguments, in the form in which the model's tool takes them."""
    routed: Routed | None = child.facts.get("routed")
    return json.loads(json.dumps(routed.sent(child.input) if routed else child.input))


def is_stricter(ruling: Ruling, before: Ruling | None) -> bool:
    """Tell whether a call needs another decision than the one that was taken under an earlier ruling."""
    return ruling.verdict == "reject" or (
        ruling.verdict == "insist" and (before is None or before.verdict != "insist")
    )


def grants_unseen(child: CallContext, seen: Preview | None, by: DecidedBy, *, is_first: bool) -> bool:
    """Tell whether an edited call would grant rights by a text that its editor has not been shown as a whole.

    Args:
        child: the call as it was edited.
        seen: what was shown before the edit.
        by: who edited it. A callback is shown the text once, and none that it wrote as a whole itself.
        is_first: whether nobody had edited the call before.
    """
    shown: Preview | None = child.facts.get("preview")
    if shown is None or not shown.grants or (seen is not None and seen.text == shown.text):
        return False
    return by == "human" or (is_first and shown.edits not in child.input)


def request_of(child: CallContext) -> Request:
    """Describe a call for whoever decides about it."""
    caller = cast("CallContext", child.parent)
    return Request(
        tool=child.name,
        args=child.input,
        description=child.facts.get("description", ""),
        chain=caller.chain,
        worker=caller.name,
        depth=caller.depth,
        session_offered=child.ruling is None or child.ruling.verdict != "insist",
        preview=child.facts.get("preview"),
        network=child.facts.get("network", False),
    )


def record_approval(child: CallContext, decision: str, by: str, *, note: str = "", **more: Any) -> None:
    """Write the decision; it is on disk before the effect. `more` are further fields of the line."""
    child.approval = {"decision": decision, "by": by}
    if not child.run.journal.is_read:
        return
    key = request_of(child).key if child.parent is not None else ""
    at = child.run.now().isoformat()
    child.emit("approval", name=child.name, decision=decision, by=by, key=key, note=note, at=at, **more)


def refuse(ctx: RunContext[CallContext], call: ToolCallPart, decision: Decision, by: DecidedBy) -> Any:
    """Write the lines of a refused call and give its result for the model.

    Raises:
        Refused: the run is not to go on with a refusal, or this call has been refused too often.
    """
    child = ctx.deps.pending[call.tool_call_id]
    request, approvals = request_of(child), child.run.approvals
    insists = {"insists": True} if child.ruling and child.ruling.verdict == "insist" else {}
    record_approval(child, "reject", by, note=decision.note, **insists)
    result = end_unrun(ctx, call, denied(decision))
    if not approvals.policy.return_permission_errors:
        mend = f"; {mend_of(insists=bool(insists))}" if by == "none" else ""
        raise Refused(
            f"{' > '.join(request.chain)}: {request.tool!r} was refused: {decision.note or 'no'}{mend}"
        )
    # another spelling of the same call is no new call
    approvals.count_refusal(child.run.id, replace(request, args=child.facts.get("judged", request.args)))
    return result


def end_unrun(ctx: RunContext[CallContext], call: ToolCallPart, error: ToolError) -> Any:
    """Write the line of a call that will not run and give its result for the model."""
    close_failed(ctx.deps.pending.pop(call.tool_call_id), error)
    return error.result()


def denied(decision: Decision) -> ToolError:
    """Put a refusal into the model's words, with the note if there is one."""
    note = f": {decision.note}" if decision.note else ""
    return ToolError("denied", f"this call was refused{note}; do not repeat it, go on without it")


def too_deep(child: CallContext) -> ToolError:
    """Say that a call would exceed `max_depth`, naming the chain."""
    return ToolError(
        "depth",
        f"{' > '.join(child.chain)} would be at depth {child.depth}, the limit is {child.run.max_depth}: "
        f"answer with what you have",
    )


def refuse_changed(child: CallContext, args: dict[str, Any]) -> None:
    """Refuse to run an approved call with other arguments than those that were approved. Raises Refused."""
    if canonical_json(args) != canonical_json(sent_args(child)):
        raise Refused(f"{child.name!r}: the arguments changed after they were approved; the run was stopped")


def _is_json(args: Any) -> bool:
    try:
        return bool(canonical_json(args))
    except ValueError:
        return False
