"""A linked worker and its input in, its output out: one run of one pydantic-ai agent."""

from __future__ import annotations

import copy
import json
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic_ai import Agent, StructuredDict
from pydantic_ai.exceptions import ModelRetry, UserError
from pydantic_ai.usage import UsageLimits

from llm_do.calling.prompt import user_prompt
from llm_do.calling.serverside import granted
from llm_do.errors import RunFailed, ToolError
from llm_do.gate.gate import Gate
from llm_do.links import Tool, Toolset, Worker
from llm_do.project.spec import decoding_settings
from llm_do.schemas.inline import as_object_schema, violation
from llm_do.schemas.reference import without_references
from llm_do.schemas.schema import Attachment
from llm_do.state.attachments import attachments_for
from llm_do.state.budget import Spent
from llm_do.state.declared import check_declared, declared_input, declared_output, made_once
from llm_do.state.failure import model_failures, refuse_unfinished, time_limit
from llm_do.state.recording import close_failed
from llm_do.template.template import render
from llm_do.toolsets.instances import new_toolset
from llm_do.toolsets.offered import Offered
from llm_do.toolsets.workers import WorkerTool

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from pydantic_ai.messages import ModelMessage

    from llm_do.schemas.schema import InputSchema, OutputSchema
    from llm_do.state.context import CallContext

_NO_LIMITS = UsageLimits(request_limit=None)
"""Our own budget counts over the whole tree; pydantic-ai's default of 50 requests would cut long runs."""


async def run_worker_call(
    context: CallContext, worker: Worker, value: Any, *, history: Sequence[ModelMessage] | None = None
) -> Any:
    """Run one call of a worker whose context has been opened by the caller.

    Raises:
        UsageError: the input does not fit, or there is no usable model.
        ToolError: an attachment cannot be used.
        RunFailed: the provider failed, or the answer was cut, filtered, empty or never valid.
    """
    spec, run = worker.spec, context.run
    context.worker = worker
    fields, parts, _ = declared_input(context, worker).accept(value, spec.name)
    caller = context.parent.worker_call() if context.parent else None
    chosen = run.models.effective(spec, caller.model if caller else None)
    context.model, context.spent, context.input = chosen, Spent(), fields
    context.facts |= {"model": chosen.name, "settings": settings_of(worker)}
    prompt = user_prompt(parts, attachments_for(spec, context.parent, run.project_root))
    run.approvals.has_read |= any(isinstance(each, Attachment) for each in parts)
    agent = _agent(context, worker)
    overdue = f"worker {spec.name!r} took longer than its timeout_s of {spec.timeout_s}; raise it"
    with model_failures(spec.name, chosen.name, context.facts):
        await run.open_models.open(chosen.model)
        async with time_limit(spec.timeout_s, RunFailed(overdue, error_class="timeout")):
            with _none_left_open(context):
                context.toolsets = [_offered(context, link) for link in worker.links]
                result = await agent.run(
                    prompt,
                    deps=context,
                    model=chosen.model,
                    model_settings=settings_of(worker) or None,  # pyright: ignore[reportArgumentType]  keys are the author's
                    instructions=instructions_of(worker, fields),
                    capabilities=await granted(context, spec) or None,
                    message_history=history,
                    usage_limits=_NO_LIMITS,
                )
        context.facts["messages"] = result.all_messages()
        refuse_unfinished(result.response, spec.name)
        return _unwrapped(context, worker, result.output)


def instructions_of(worker: Worker, fields: dict[str, Any]) -> str:
    """Join the parts of the instructions: system prompt, spec, examples, body."""
    spec = worker.spec
    examples = [
        f"Example input:\n{_shown(each.input)}\nExample output:\n{_shown(each.output)}"
        for each in spec.examples
    ]
    parts = (spec.system_prompt, spec.spec, *examples, render(spec, fields))
    return "\n\n".join(part.strip() for part in parts if part.strip())


def settings_of(worker: Worker) -> dict[str, Any]:
    """Collect the decoding settings of a worker."""
    return decoding_settings(worker.spec)


def check_schemas(context: CallContext, worker: Worker) -> None:
    """Resolve all that a worker declares: what is wrong is found before any request."""
    check_declared(context, worker)
    _agent(context, worker)


def _agent(context: CallContext, worker: Worker) -> Agent[CallContext, Any]:
    """Build the agent of a worker, once: the gate is on every one of them."""

    def _build() -> Agent[CallContext, Any]:
        schema = declared_output(context, worker)
        try:
            agent = Agent[Any, Any](
                name=worker.name,
                output_type=_output_type(schema),
                retries=worker.spec.retries,
                capabilities=[Gate()],
            )
        except UserError as error:
            raise worker.spec.error(
                f"output_schema: {error}; put it into a field", "output_schema"
            ) from error
        if schema is not None and schema.model is None:
            agent.output_validator(_enforcing(schema))
        return agent

    # an output schema is told to the model, which may change it: copies of the worker share none
    is_shared = declared_output(context, worker) is None
    return made_once(worker.resolved if is_shared else worker.made, "agent", _build)


def _output_type(schema: OutputSchema | None) -> Any:
    if schema is None:
        return str
    if schema.model is not None:
        return schema.model
    sent = copy.deepcopy(without_references(schema.json_schema))
    return StructuredDict(sent if _is_object(schema) else as_object_schema(sent))


def _is_object(schema: OutputSchema) -> bool:
    return schema.json_schema.get("type") == "object"


def _enforcing(schema: OutputSchema) -> Any:
    # with a name of its own, a schema's references stay its own where it is wrapped
    named = {**schema.json_schema, "$id": "schema:value"}
    wanted = schema.json_schema if _is_object(schema) else as_object_schema(named)

    def _enforce(output: Any) -> Any:
        complaint = violation(wanted, output)
        if complaint:
            raise ModelRetry(f"The answer does not fit the output schema: {complaint}")
        return output

    return _enforce


def _unwrapped(context: CallContext, worker: Worker, output: Any) -> Any:
    schema = declared_output(context, worker)
    if schema is None or schema.model is not None or _is_object(schema):
        return output
    return output["value"]


def _offered(context: CallContext, link: Worker | Toolset | Tool) -> Offered:
    """Wrap a link: a toolset is made anew for every call, a worker's tool has no state."""
    if isinstance(link, Worker):
        return made_once(
            link.made, "tool", lambda: Offered(WorkerTool(link, _told(context, link)), link=link)
        )
    return Offered(new_toolset(context, link), link=link)


def _told(context: CallContext, worker: Worker) -> InputSchema:
    """Copy the input schema of a worker for a model, which may change it: the worker checks by its own."""
    schema = declared_input(context, worker)
    return replace(schema, json_schema=copy.deepcopy(schema.json_schema))


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


@contextmanager
def _none_left_open(context: CallContext) -> Generator[None]:
    """Write the lines of calls that were asked about, or waited to be, when their worker was stopped."""
    error: BaseException = ToolError("not_run", "its worker answered before this call was decided about")
    try:
        yield
    except BaseException as stopped:
        error = stopped
        raise
    finally:
        for child in context.pending.values():
            close_failed(child, error)
        context.pending.clear()
