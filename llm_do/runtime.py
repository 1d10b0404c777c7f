"""Linked projects in, runs out: the public Python API, and the owner of what a run needs.

`Runtime` injects `call` into every `CallContext`, so the modules below it know nothing of each other's
entry points.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from pydantic_ai.messages import ModelRequest, ModelResponse

from llm_do.approval import Decision, Request, RunApprovalPolicy
from llm_do.calling.agent import check_schemas, run_worker_call
from llm_do.calling.call import dispatch, execute
from llm_do.calling.models import ModelPool, Models, OpenModels, check_models
from llm_do.errors import LimitReached, SpecError, UsageError
from llm_do.gate.controller import ApprovalController
from llm_do.journal import Journal
from llm_do.linking.entry import LinkedEntry, build_entry
from llm_do.linking.pythonload import PythonLoader
from llm_do.linking.registered import Registered
from llm_do.links import Entry, EntrySpec, Tool, ToolsetSpec, Worker, reachable
from llm_do.project.document import found
from llm_do.project.manifest import ApprovalOverride, UsageLimits, runtime_config
from llm_do.project.spec import WorkerSpec
from llm_do.schemas.schema import Attachment, PromptContent, WorkerArgs
from llm_do.state.budget import Budget, Spent
from llm_do.state.context import CallContext, Run, Substitute, WorkerContext, WorkerRuntime
from llm_do.state.eventloop import run_unheld
from llm_do.state.failure import time_limit
from llm_do.state.recording import record_run, recorded

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

    from pydantic_ai.messages import ModelMessage
    from pydantic_ai.models import Model

    from llm_do.approval import Mode, Rule
    from llm_do.journal import Event
    from llm_do.linking.registry import Registry

AgentSpec = WorkerSpec
"""A worker made by Python instead of a file."""

__all__ = [
    "AgentSpec",
    "ApprovalController",
    "Attachment",
    "CallContext",
    "Decision",
    "EntrySpec",
    "PromptContent",
    "Request",
    "RunApprovalPolicy",
    "Runtime",
    "ToolsetSpec",
    "WorkerArgs",
    "WorkerContext",
    "WorkerRuntime",
    "build_entry",
    "run_worker",
]


class Result(NamedTuple):
    """The output of a run, and the context of its entry call."""

    output: Any
    context: CallContext


class Runtime:
    """Runs entries and owns what they share: approvals, budget, models, journal files, cancellation.

    The keyword arguments carry the names of the manifest's `runtime` keys.

    Args:
        run_approval_policy: how calls are decided; without one, what needs asking is refused. A key of
            the manifest given beside it wins over it.
        usage_limits, worker_approval_overrides, approval_rules: objects, or mappings as in a manifest.
        project_root: root of file tools and attachments; the working directory by default.
        model: the model of workers that name none: `provider:name` or a pydantic-ai model.
        journal: the folder that journals are written to; None writes none.
        on_event: called with every journal event as it is written.
        ask: how to ask a human about a call; None when nobody can be asked.
        substitutes: what names mean instead of their linked targets.
        models: models that replace what the chain says, by worker name; under None for all.
        recorded_model: the model of a recording, used where nothing else is set.
        model_pool: where models are built; runtimes that share one share their models.
        environment: environment variables; `os.environ` by default.
        sample, meta: written to the journal's lines.
    """

    def __init__(
        self,
        run_approval_policy: RunApprovalPolicy | None = None,
        project_root: str | Path | None = None,
        *,
        approval_mode: Mode | None = None,
        max_depth: int = 5,
        return_permission_errors: bool | None = None,
        approval_rules: Sequence[Rule | Mapping[str, Any]] | None = None,
        usage_limits: UsageLimits | Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
        auth_mode: Literal["oauth_off", "oauth_auto", "oauth_required"] = "oauth_off",
        worker_calls_require_approval: bool = False,
        worker_attachments_require_approval: bool = False,
        worker_approval_overrides: Mapping[str, ApprovalOverride | Mapping[str, Any]] | None = None,
        model: str | Model | None = None,
        journal: str | Path | None = None,
        on_event: Callable[[Event], None] | None = None,
        ask: Callable[[Request], Awaitable[Decision]] | None = None,
        substitutes: Callable[[str], Substitute | None] | None = None,
        models: Mapping[str | None, Model] | None = None,
        recorded_model: str | None = None,
        model_pool: ModelPool | None = None,
        environment: Mapping[str, str] | None = None,
        sample: Mapping[str, Any] | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> None:
        environment = os.environ if environment is None else environment
        said = {"mode": approval_mode, "return_permission_errors": return_permission_errors}
        policy = _merged(run_approval_policy, rules=approval_rules, **said)
        self.config = runtime_config(
            approval_mode=policy.mode,
            max_depth=max_depth,
            return_permission_errors=policy.return_permission_errors,
            approval_rules=policy.rules,
            auth_mode=auth_mode,
            usage_limits=usage_limits,
            timeout_s=timeout_s,
            worker_calls_require_approval=worker_calls_require_approval,
            worker_attachments_require_approval=worker_attachments_require_approval,
            worker_approval_overrides=worker_approval_overrides,
        )
        self.project_root = Path(project_root).resolve() if project_root else Path.cwd()
        self.approvals = ApprovalController(replace(policy, rules=self.config.approval_rules), ask=ask)
        self.usage = Spent()
        self.messages: list[ModelMessage] = []
        self.journal_path: Path | None = None
        self._models = Models(
            model, environment.get("LLM_DO_MODEL"), recorded_model, models or {}, model_pool or ModelPool()
        )
        self._journal_folder = None if journal is None else Path(journal)
        self._on_event = on_event
        self._substitutes = substitutes or _no_substitute
        self._sample = sample
        self._meta = dict(meta or {})
        self._registered = Registered()
        self._running: set[asyncio.Task[Any]] = set()

    def register_agents(self, agents: Mapping[str, WorkerSpec]) -> None:
        """Make workers callable by their names, also in runs that are going on.

        Raises:
            SpecError: a name is taken by something else, or a link does not resolve.
        """
        self._registered.add_workers(agents)

    def register_toolset(self, name: str, toolset: Any) -> None:
        """Make a toolset known by a name, also in runs that are going on; workers made later may name it.

        Args:
            name: what workers call it.
            toolset: a `ToolsetSpec`, a factory (`f()` or `f(ctx)`), a pydantic-ai toolset or a class of one.

        Raises:
            SpecError: it is none of these, or the name or one of its tools' is taken; the message names both.
        """
        self._registered.add_toolset(name, toolset)

    async def run_entry(
        self,
        entry: LinkedEntry,
        input: Any = None,  # noqa: A002  the contract's word
        *,
        message_history: Sequence[ModelMessage] | None = None,
    ) -> Result:
        """Run an entry and return its output and the context of its call.

        Args:
            entry: what `build_entry` returned.
            input: a str, a dict, a list of prompt parts or a `WorkerArgs`.
            message_history: messages of earlier turns, sent before the new prompt of an entry worker.

        Raises:
            UsageError: the input, the history, the model or the key is wrong; nothing was requested.
            RunFailed: the run failed.
            Refused: a refused approval stopped the run.
        """
        _refuse_misuse(entry, message_history)
        async with self._run(entry) as run:
            context = _root_context(run, entry.target, input)
            limit_s = self.config.timeout_s
            overdue = LimitReached(
                f"the run took longer than its limit of {limit_s} s; raise timeout_s (--timeout)"
            )

            async def _work() -> Any:
                for worker in reachable(entry.target):
                    check_schemas(context, worker)
                async with time_limit(limit_s, overdue):
                    substitute = self._substitutes(entry.target.name)
                    if substitute is not None:
                        context.impl = substitute.impl
                        return await substitute.call(context, input)
                    if isinstance(entry.target, Worker):
                        return await run_worker_call(context, entry.target, input, history=message_history)
                    return await execute(context, entry.target, input)

            output = await recorded(context, _work)
            self.messages = context.facts.get("messages", [])
            return Result(output, context)

    def run(self, entry: LinkedEntry, input: Any = None, **options: Any) -> Result:  # noqa: A002
        """Run an entry from code that is not async; takes what `run_entry` takes.

        Raises:
            UsageError: an event loop runs here already.
        """
        with suppress(RuntimeError):
            asyncio.get_running_loop()
            raise UsageError("an event loop runs here already: write await runtime.run_entry(...)")
        return run_unheld(self.run_entry(entry, input, **options))

    def cancel(self) -> None:
        """Cancel every run of this runtime; safe from another thread."""
        for task in list(self._running):
            task.get_loop().call_soon_threadsafe(task.cancel)

    @asynccontextmanager
    async def _run(self, entry: LinkedEntry) -> AsyncGenerator[Run]:
        check_models(self._models, entry.target, self._substitutes)
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        run_id = f"{_utc_now():%Y%m%dT%H%M%S}-{os.urandom(4).hex()}"
        if self._journal_folder is not None:
            self.journal_path = self._journal_folder / f"{run_id}.jsonl"
        async with AsyncExitStack() as until_the_end:
            registry = until_the_end.enter_context(self._registered.running(entry.registry))
            journal = Journal(self.journal_path, [self._on_event] if self._on_event else [])
            run = Run(
                id=run_id,
                registry=registry,
                journal=journal,
                approvals=self.approvals,
                budget=Budget(self.config.usage_limits, Spent(), self.usage),
                models=self._models,
                open_models=OpenModels(until_the_end),
                config=self.config,
                project_root=self.project_root,
                cwd=Path.cwd(),
                now=_utc_now,
                monotonic=time.monotonic,
                dispatch=dispatch,
                execute=execute,
                substitute=self._substitutes,
                load=entry.loader.reference,
                meta=self._meta,
                sample=self._sample,
            )
            record_run(run)
            self._running.add(task)
            try:
                yield run
            finally:
                self._running.discard(task)
                run.budget.is_over = True
                journal.close()


async def run_worker(
    registry: Registry,
    worker: str,
    input: Any = None,  # noqa: A002  the contract's word
    *,
    project_root: str | Path | None = None,
    **options: Any,
) -> Any:
    """Run one worker of a registry without an entry and return its output.

    Args:
        registry: what `build_entry` returned second.
        worker: the worker's name.
        input: what `Runtime.run_entry` takes.
        project_root: the root of file tools and attachments; by default the one the registry was built for.
        options: those of `Runtime`.

    Raises:
        SpecError: the registry has no such worker.
        LlmDoError: what `Runtime.run_entry` raises.
    """
    target = registry.callable(worker)
    if target is None:
        raise SpecError(
            f"worker {worker!r} is not in the registry; it has {', '.join(sorted(registry.names))}"
        )
    loader = registry.loader
    runtime = Runtime(project_root=project_root or (loader.root if loader else None), **options)
    entry = LinkedEntry(target, registry, loader or PythonLoader(runtime.project_root))
    return (await runtime.run_entry(entry, input)).output


def _root_context(run: Run, target: Worker | Tool | Entry, value: Any) -> CallContext:
    return CallContext(
        run=run,
        name=target.name,
        impl="worker" if isinstance(target, Worker) else "python",
        effect="unknown",
        input=value,
    )


def _merged(policy: object, **said: Any) -> RunApprovalPolicy:
    if not isinstance(policy, RunApprovalPolicy | None):
        raise UsageError(f"Runtime takes a RunApprovalPolicy first, found {found(policy)}")
    given = {key: value for key, value in said.items() if value is not None}
    return replace(policy or RunApprovalPolicy(), **given)


def _refuse_misuse(entry: object, history: object) -> None:
    if not isinstance(entry, LinkedEntry):
        raise UsageError(f"a run takes the first of what build_entry returned, found {found(entry)}")
    messages = cast("Sequence[object]", history if isinstance(history, list | tuple) else [history])
    if history is not None and not all(isinstance(each, ModelRequest | ModelResponse) for each in messages):
        raise UsageError("message_history takes a list of messages, as in runtime.messages of an earlier run")
    if history and not isinstance(entry.target, Worker):
        raise UsageError(f"entry {entry.name!r} is Python and has no messages; give it history as input")


def _no_substitute(_name: str) -> Substitute | None:
    return None


def _utc_now() -> datetime:
    return datetime.now(UTC)
