"""Tools that a worker's provider runs in, the native tools its model is offered out.

The provider runs them without asking us, so each is decided about before the worker's first request, by
rule or by question, with the decision in the journal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_ai.capabilities import NativeTool

from llm_do.approval import Decision, Ruling, rule
from llm_do.calling.nativetool import described, limits_of, native_tool
from llm_do.errors import Refused
from llm_do.gate.controller import Question
from llm_do.gate.judgement import denied, record_approval, request_of
from llm_do.state.recording import close_failed

if TYPE_CHECKING:
    from llm_do.gate.controller import Settled
    from llm_do.project.spec import ServerTool, WorkerSpec
    from llm_do.state.context import CallContext


async def granted(context: CallContext, spec: WorkerSpec) -> list[NativeTool[Any]]:
    """Decide about every server-side tool of a worker and return those that its model may use.

    Raises:
        Refused: a refusal, where the run is not to go on with one, or a human was asked too often.
    """
    if not spec.server_side_tools:
        return []
    approvals = context.run.approvals
    granted_tools: list[ServerTool] = []
    asked: list[tuple[ServerTool, CallContext]] = []
    for tool in spec.server_side_tools:
        child = _opened(context, tool)
        child.ruling = rule(approvals.rules, context.rule_lists(), "ask", child.name, child.input)
        standing = approvals.standing(child.ruling.verdict)
        if standing is None:
            asked.append((tool, child))
        else:
            _record(child, Decision("approve"), standing)
            granted_tools.append(tool)

    async def _decided(number: int, settled: Settled) -> None:
        tool, child = asked[number]
        decision = settled.decision
        if decision.kind == "modify":
            decision = Decision("reject", note="its limits are set in the worker file, not in an answer")
        _record(child, decision, settled.by)
        if decision.kind != "reject":
            granted_tools.append(tool)

    questions = [Question(request_of(child), child.ruling or Ruling("ask")) for _, child in asked]
    await approvals.settle(context.run.id, questions, _decided)
    return [NativeTool(native_tool(tool)) for tool in spec.server_side_tools if tool in granted_tools]


def _opened(context: CallContext, tool: ServerTool) -> CallContext:
    child = context.child(tool.tool_type, impl="server", input=limits_of(tool))
    child.facts["description"] = described(tool)
    child.facts["network"] = tool.tool_type in ("web_search", "web_fetch")
    return child


def _record(child: CallContext, decision: Decision, by: str) -> None:
    """Write the decision about one tool, and what follows from it."""
    context, approvals = child.parent, child.run.approvals
    assert context is not None
    record_approval(child, decision.kind, by, note=decision.note)
    if decision.kind != "reject":
        context.facts.setdefault("granted", {})[child.name] = child.approval
        return
    close_failed(child, denied(decision))
    if not approvals.policy.return_permission_errors:
        raise Refused(f"{' > '.join(context.chain)}: {child.name!r} was refused")
    if by == "human":  # what a worker's file lists, it wants in each of its calls: only a human tires
        approvals.count_refusal(child.run.id, request_of(child))
