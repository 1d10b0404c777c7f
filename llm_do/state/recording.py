"""A call that ended in, its journal line out: every route, from a model or from Python, ends here."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pydantic_ai
import pydantic_core
from pydantic_ai.exceptions import ApprovalRequired
from pydantic_ai.messages import ToolReturn

from llm_do import __version__
from llm_do.errors import (
    CallFailed,
    LimitReached,
    LlmDoError,
    Refused,
    RunFailed,
    ToolError,
    UsageError,
    words_of,
)
from llm_do.journal import SCHEMA
from llm_do.project.spec import definition_digest
from llm_do.state.exchange import listening

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from llm_do.links import Worker
    from llm_do.state.context import CallContext, Run


def record_run(run: Run) -> None:
    """Write the first line of a journal."""
    run.journal.write(
        {
            "kind": "run",
            "schema": SCHEMA,
            "run": run.id,
            "project": run.project_root.name,
            "at": run.now().isoformat(),
            "versions": {"llm-do": __version__, "pydantic-ai": pydantic_ai.__version__},
            "approval_mode": run.config.approval_mode,
            "python_files": run.registry.loader.digests() if run.registry.loader else {},
            "meta": dict(run.meta),
        }
    )


async def recorded(context: CallContext, work: Callable[[], Awaitable[Any]]) -> Any:
    """Run the work of a call and write its line, whatever way it ends."""
    try:
        with listening(context.exchanges):
            output = await work()
    except ApprovalRequired:  # the call goes on when it has been decided about
        raise
    except BaseException as error:
        close_failed(context, error)
        raise
    context.run.approvals.has_read |= context.effect == "read"
    _close(context, output=output, error=None)
    return output


def close_done(context: CallContext, output: Any) -> None:
    """Write the line of a call that ended well somewhere else: at the provider."""
    _close(context, output=output, error=None)


def close_failed(context: CallContext, error: BaseException) -> None:
    """Write the line of a call that failed or was refused."""
    _close(context, output=None, error=error_fact(error))


def error_fact(error: BaseException) -> dict[str, str]:
    """Describe an error as the journal does: a type, a one-line message, and a class to count by."""
    kind = error.code if isinstance(error, ToolError) else type(error).__name__
    message = " ".join(error.message.split()) if isinstance(error, ToolError) else words_of(error)
    if isinstance(error, asyncio.CancelledError):  # libraries say which task of which file did it
        message = "stopped before it ended"
    return {"type": kind, "message": message, "class": error_class(error)}


def error_class(error: BaseException) -> str:
    """Sort an error by what failed, never by its text.

    One of interrupted, refused, limit, infra, model, input, worker, tool, and the codes of `ToolError`.
    """
    if isinstance(error, ToolError):
        return error.code
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
        return "interrupted"
    stated = getattr(error, "error_class", None)
    if isinstance(stated, str):
        return stated
    for kind, name in _CLASSES:
        if isinstance(error, kind):
            return name
    return "tool"


_CLASSES: tuple[tuple[type[BaseException], str], ...] = (
    (Refused, "refused"),
    (LimitReached, "limit"),
    (UsageError, "input"),
    (CallFailed, "worker"),
    (RunFailed, "model"),
    (LlmDoError, "input"),
)


def plain(value: Any) -> Any:
    """Turn an output into JSON values: models are dumped, what JSON has no form for becomes text."""
    output = value.return_value if isinstance(value, ToolReturn) else value
    try:
        return _finite(pydantic_core.to_jsonable_python(output, fallback=str, serialize_unknown=True))
    except ValueError:  # bytes that are no text, or a value that holds itself
        return repr(output)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_finite(each) for each in cast("list[Any]", value)]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


class _Origin(NamedTuple):
    """The worker that a line speaks of, and what its run has told so far."""

    worker: Worker | None
    facts: dict[str, Any]


def _worker_of(context: CallContext) -> _Origin:
    """Find whose definition, model, settings and tools led to a call: the worker called, else the caller."""
    if context.impl == "worker":
        target = context.worker or context.run.registry.workers.get(context.name)
        return _Origin(target, context.facts)
    caller = context.worker_call()
    if caller is None or caller.worker is None:
        return _Origin(None, context.facts)
    return _Origin(caller.worker, caller.facts)


def _digest(worker: Worker) -> str:
    """Give the digest of a worker's file; of one made by Python, that of what defines it, kept with it."""
    if worker.spec.sha256:
        return worker.spec.sha256
    if "digest" not in worker.resolved:
        worker.resolved["digest"] = definition_digest(worker.spec)
    return worker.resolved["digest"]


def _close(context: CallContext, *, output: Any, error: dict[str, str] | None) -> None:
    run, spent, parent = context.run, context.spent, context.parent
    if parent is not None:
        run.budget.add_call()
        parent.exchanges.join(context.exchanges)
    if not run.journal.is_read:
        return
    worker, facts = _worker_of(context)
    recorded_s = context.exchanges.replayed_s
    took_s = run.monotonic() - context.started_s if recorded_s is None else recorded_s
    context.emit_call(
        {
            "id": context.call_id,
            "parent": None if parent is None else parent.call_id,
            "seq": context.seq,
            "turn": context.turn,
            "name": context.name,
            "impl": context.impl,
            "effect": context.effect,
            "caller": None if parent is None else parent.name,
            "input": plain(context.input),
            "output": plain(output),
            "ok": error is None,
            "error": error,
            "model": facts.get("model"),
            "settings": facts.get("settings"),
            "spec": worker and _digest(worker),
            "tools": facts.get("tools"),
            "requests": spent.requests if spent else 0,
            "usage": spent.tokens() if spent else None,
            "cost_usd": float(spent.cost_usd) if spent and spent.cost_usd is not None else None,
            "latency_s": round(took_s, 6),
            "approval": context.approval,
            "sample": run.sample,
            "cluster": run.meta.get("cluster"),
            "depth": context.depth,
            "at": context.started_at.isoformat() if context.started_at else None,
            "meta": dict(run.meta) if parent is None else {},
            **({} if recorded_s is None else {"replayed": True}),
            **({} if (begun_s := context.exchanges.first_byte_s) is None else {"first_byte_s": begun_s}),
            **({"responses": told} if (told := context.facts.get("responses")) else {}),
            **({"via": routed.via} if (routed := context.facts.get("routed")) else {}),
        }
    )
