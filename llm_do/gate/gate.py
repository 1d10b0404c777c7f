"""The one pydantic-ai capability on every worker's agent: no tool call of a model passes without a decision.

Before a tool runs, its arguments are frozen and judged; what needs a question is deferred, asked and
answered; the decision is in the journal before the effect. Model requests pass here too, so budget,
usage and messages are recorded in one place.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.exceptions import ApprovalRequired, CallDeferred, ModelRetry, SkipToolExecution
from pydantic_ai.tools import ToolApproved, ToolDenied
from pydantic_ai.toolsets import AbstractToolset, CombinedToolset, WrapperToolset

from llm_do.approval import Decision, Ruling
from llm_do.canonical import canonical_json
from llm_do.errors import SpecError, ToolError, UsageError
from llm_do.gate.callids import with_own_ids
from llm_do.gate.controller import Question, warn_of_answer
from llm_do.gate.judgement import (
    end_unrun,
    grants_unseen,
    is_stricter,
    judge,
    offer_of,
    open_call,
    record_approval,
    refuse,
    refuse_changed,
    request_of,
    sent_args,
    spelled,
    too_deep,
)
from llm_do.schemas.schema import first_complaint
from llm_do.state.conversation import record_request, record_response
from llm_do.state.recording import close_done, close_failed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic_ai.messages import ModelResponse, ToolCallPart
    from pydantic_ai.tools import DeferredToolRequests, DeferredToolResults, RunContext, ToolDefinition

    from llm_do.gate.controller import Settled
    from llm_do.state.context import CallContext

_MOST_MISFITS: Final = 3


@dataclass
class Gate(AbstractCapability["CallContext"]):
    """Stateless: what it needs to know about a call stands in the run's `CallContext`."""

    def get_wrapper_toolset(self, toolset: AbstractToolset[CallContext]) -> AbstractToolset[CallContext]:
        """Offer the tools of the call's context; the agent, which all calls of a worker share, has none."""
        return _ToolsOfTheCall(toolset)

    async def before_tool_execute(
        self,
        ctx: RunContext[CallContext],
        *,
        call: ToolCallPart,
        tool_def: ToolDefinition,
        args: dict[str, Any],
    ) -> dict[str, Any]:
        """Judge a validated call: let it pass, or defer it to the question."""
        ctx.deps.run.budget.refuse_ended()
        if ctx.tool_call_approved:
            child, before = ctx.deps.pending[call.tool_call_id], ctx.deps.pending[call.tool_call_id].ruling
            refuse_changed(child, call.args_as_dict())
            if spelled(child, tool_def, args) != child.facts.get("judged"):  # not what was judged
                ruling = await judge(ctx, child, tool_def, args)
                if is_stricter(ruling, before):
                    raise SkipToolExecution(refuse(ctx, call, Decision("reject", note=ruling.note), "rule"))
            return args
        child = _opened(ctx, call, tool_def, args)
        if child.depth > child.run.max_depth:
            raise SkipToolExecution(end_unrun(ctx, call, too_deep(child)))
        ruling = await judge(ctx, child, tool_def, args)
        standing = child.run.approvals.standing(ruling.verdict)
        if standing is None:
            raise ApprovalRequired
        record_approval(child, "approve", standing)
        return args

    async def wrap_tool_execute(
        self,
        ctx: RunContext[CallContext],
        *,
        call: ToolCallPart,
        tool_def: ToolDefinition,
        args: dict[str, Any],
        handler: Any,
    ) -> Any:
        """Write the line of a tool that is none of ours: pydantic-ai adds some by itself."""
        del tool_def
        try:
            result = await handler(args)
        except (ApprovalRequired, CallDeferred, SkipToolExecution):
            raise
        except BaseException as error:
            if call.tool_call_id in ctx.deps.pending:
                close_failed(ctx.deps.pending.pop(call.tool_call_id), error)
            raise
        if call.tool_call_id in ctx.deps.pending:
            close_done(ctx.deps.pending.pop(call.tool_call_id), result)
        return result

    async def on_tool_validate_error(
        self,
        ctx: RunContext[CallContext],
        *,
        call: ToolCallPart,
        tool_def: ToolDefinition,
        args: Any,
        error: ValidationError | ModelRetry,
    ) -> dict[str, Any]:
        """Write the line of a call whose arguments do not fit; the model is told and may try again."""
        del args
        if call.tool_call_id not in ctx.deps.pending:
            open_call(ctx, call, tool_def)
        complaint = error.message if isinstance(error, ModelRetry) else first_complaint(error)
        end_unrun(ctx, call, ToolError("bad_input", complaint))
        raise error

    async def handle_deferred_tool_calls(
        self, ctx: RunContext[CallContext], *, requests: DeferredToolRequests
    ) -> DeferredToolResults | None:
        """Settle the deferred calls of one model response as one list, one question after the other."""
        return requests.build_results(
            approvals=await _settle(ctx, requests.approvals),
            calls={call.tool_call_id: _unrunnable(ctx, call) for call in requests.calls},
        )

    async def wrap_model_request(
        self, ctx: RunContext[CallContext], *, request_context: Any, handler: Any
    ) -> ModelResponse:
        """Keep the budget, and write what is offered, said and spent."""
        deps = ctx.deps
        with deps.run.budget.request(deps.name):
            record_request(deps, ctx.run_step, request_context)
            response = with_own_ids(await handler(request_context))
        record_response(deps, ctx.run_step, response)
        return response


class _ToolsOfTheCall(WrapperToolset["CallContext"]):
    """Becomes the toolsets of a call when its run begins."""

    async def for_run(self, ctx: RunContext[CallContext]) -> AbstractToolset[CallContext]:
        """Give the toolsets that the call's worker was linked with."""
        own = ctx.deps.toolsets
        return await (CombinedToolset(own) if own else self.wrapped).for_run(ctx)


def _opened(
    ctx: RunContext[CallContext], call: ToolCallPart, tool_def: ToolDefinition, args: dict[str, Any]
) -> CallContext:
    """Open a call under the name that it stands for; the model is told what cannot be, nobody is asked."""
    offer = offer_of(tool_def)
    try:
        return open_call(ctx, call, tool_def, offer.route(call.tool_name, args, ctx) if offer else None)
    except (ToolError, UsageError, SpecError) as error:
        open_call(ctx, call, tool_def)
        told = error if isinstance(error, ToolError) else ToolError("bad_input", str(error))
        raise SkipToolExecution(end_unrun(ctx, call, told)) from error


async def _settle(
    ctx: RunContext[CallContext], calls: Sequence[ToolCallPart]
) -> dict[str, bool | ToolApproved | ToolDenied]:
    """Have the calls of one response decided; every decision is written as soon as it is taken."""
    answers: dict[str, bool | ToolApproved | ToolDenied] = {}
    asked: list[ToolCallPart] = []
    questions: list[Question] = []
    for call in calls:
        child = ctx.deps.pending.get(call.tool_call_id) or open_call(ctx, call, _definition(ctx, call))
        if child.depth > child.run.max_depth:
            answers[call.tool_call_id] = _denial(end_unrun(ctx, call, too_deep(child)))
            continue
        ruling = child.ruling or await _judge_input(ctx, child, call)
        asked.append(call)
        questions.append(Question(request_of(child), ruling))

    async def _decided(number: int, settled: Settled) -> Question | None:
        answer = await _answered(ctx, asked[number], settled)
        if isinstance(answer, Question):
            return answer
        answers[asked[number].tool_call_id] = answer
        return None

    await ctx.deps.run.approvals.settle(ctx.deps.run.id, questions, _decided)
    return answers


async def _answered(
    ctx: RunContext[CallContext], call: ToolCallPart, settled: Settled
) -> ToolApproved | ToolDenied | Question:
    """Turn a decision into an answer; an edit that needs a decision of its own into another question."""
    child, decision = ctx.deps.pending[call.tool_call_id], settled.decision
    if decision.kind == "reject":
        return _denial(refuse(ctx, call, decision, settled.by))
    if decision.kind == "modify":
        again = await _edited(ctx, call, settled)
        if again is not None:
            return again
    else:
        is_edited = (child.approval or {}).get("decision") == "modify"
        record_approval(child, decision.kind, settled.by, note=decision.note)
        if is_edited:  # and asked about again: what runs is still not what the model wrote
            child.approval = {"decision": "modify", "by": settled.by}
    # what was shown is what runs, validated again
    return ToolApproved(override_args=sent_args(child))


async def _edited(
    ctx: RunContext[CallContext], call: ToolCallPart, settled: Settled
) -> ToolDenied | Question | None:
    """Put an edit in the place of the arguments; None where the call can run by it."""
    child, decision = ctx.deps.pending[call.tool_call_id], settled.decision
    before, asked, facts = child.ruling, child.input, dict(child.facts)
    is_first = child.facts.setdefault("asked", asked) is asked
    child.input = json.loads(canonical_json(dict(decision.args or {})))
    misfit = _misfit(ctx, child, call)
    ruling = await _judge_input(ctx, child, call)
    if settled.by == "human" and (misfit or ruling.verdict == "reject"):
        child.input, child.facts, child.ruling = asked, facts, before
        return _unfit(ctx, call, misfit or ruling.note)
    if misfit:
        warn_of_answer(f"an edit of {child.name!r} by the approval callback cannot be taken: {misfit}")
    record_approval(child, "modify", settled.by, note=decision.note, asked=asked, args=child.input)
    if is_stricter(ruling, before) or grants_unseen(
        child, facts.get("preview"), settled.by, is_first=is_first
    ):
        return Question(request_of(child), ruling)
    return None


def _unfit(ctx: RunContext[CallContext], call: ToolCallPart, complaint: str) -> ToolDenied | Question:
    """Ask a human again whose edit cannot be taken; the third one in a row is a no."""
    child = ctx.deps.pending[call.tool_call_id]
    child.facts["misfits"] = child.facts.get("misfits", 0) + 1
    if child.facts["misfits"] < _MOST_MISFITS:
        return Question(replace(request_of(child), complaint=complaint), child.ruling or Ruling("ask"))
    note = f"{_MOST_MISFITS} edits could not be taken, the last one because of: {complaint}"
    warn_of_answer(f"{child.name!r} is refused: {note}")
    return _denial(refuse(ctx, call, Decision("reject", note=note), "human"))


def _misfit(ctx: RunContext[CallContext], child: CallContext, call: ToolCallPart) -> str:
    """Say why a tool or its toolset does not take the arguments that a call has now; empty where it does."""
    tool = (ctx.tool_manager.tools or {}).get(call.tool_name) if ctx.tool_manager else None
    if tool is None:
        return ""
    own = replace(ctx, tool_name=call.tool_name, tool_call_id=call.tool_call_id)
    try:
        args = tool.args_validator.validate_python(sent_args(child), context=ctx.validation_context)
        if (offer := offer_of(tool.tool_def)) is not None:
            offer.route(call.tool_name, args, own)
    except ValidationError as error:
        return first_complaint(error)
    except (ModelRetry, ToolError) as error:
        return error.message
    except (UsageError, SpecError) as error:
        return str(error)
    return ""


async def _judge_input(ctx: RunContext[CallContext], child: CallContext, call: ToolCallPart) -> Ruling:
    """Rule on a call by the arguments it has now; the model is told what does not fit when it would run."""
    tool = (ctx.tool_manager.tools or {}).get(child.name) if ctx.tool_manager else None
    args = dict(child.input)
    if tool is not None:
        try:
            args = tool.args_validator.validate_python(args, context=ctx.validation_context)
        except (ValidationError, ModelRetry):
            child.facts["judged"] = args
            return child.ruling or Ruling("ask")
    own = replace(ctx, tool_name=child.name, tool_call_id=call.tool_call_id)
    return await judge(own, child, tool.tool_def if tool else None, args)


def _definition(ctx: RunContext[CallContext], call: ToolCallPart) -> ToolDefinition | None:
    return ctx.tool_manager.get_tool_def(call.tool_name) if ctx.tool_manager else None


def _unrunnable(ctx: RunContext[CallContext], call: ToolCallPart) -> Any:
    """Answer a call that its tool leaves to somebody outside of the run: there is nobody."""
    error = ToolError("external", f"{call.tool_name!r} runs outside of this program; go on without it")
    definition = _definition(ctx, call)
    if definition is not None and definition.kind == "external":  # any other has run, and has its line
        open_call(ctx, call, definition)
        return end_unrun(ctx, call, error)
    return error.result()


def _denial(result: Any) -> ToolDenied:
    return ToolDenied(json.dumps(result, ensure_ascii=False))
