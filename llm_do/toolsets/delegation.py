"""Calls of worker_call and create_worker in, calls of other workers and new worker files out.

`worker_call` is a route, not a call of its own: the gate judges, shows and journals a call of the worker
that it names, exactly as if that worker stood in `toolsets`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence  # noqa: TC003  pydantic-ai reads the hints of tools
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, cast

from pydantic_ai.tools import RunContext  # noqa: TC002
from pydantic_ai.toolsets import FunctionToolset

from llm_do.errors import SpecError, ToolError, nearest
from llm_do.links import Worker
from llm_do.project.creation import Shelf
from llm_do.project.document import brief
from llm_do.project.spec import WorkerSpec, tool_description
from llm_do.state.declared import check_declared, declared_input
from llm_do.state.recording import plain
from llm_do.toolsets.offered import Offer, Routed
from llm_do.toolsets.workers import WorkerTool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_ai.toolsets.abstract import ToolsetTool

    from llm_do.approval import Preset, Preview
    from llm_do.journal import Effect
    from llm_do.links import Target
    from llm_do.project.creation import Draft
    from llm_do.state.context import CallContext


class DelegationToolset(FunctionToolset[Any]):
    """The workers that one worker may call by name; with `workers.create`, also those that it makes."""

    effects: Mapping[str, Effect] = {"create_worker": "write"}

    def __init__(self, context: CallContext) -> None:
        super().__init__()
        self._run = context.run
        owner = context.worker_call()
        self._owner = owner.worker if owner is not None else None
        self.add_function(self.worker_call)
        access = self._owner.spec.workers if self._owner else None
        self._allow = (access.allow if access else None) or ()
        if access is not None and access.create:
            self._shelf = Shelf(context.run.project_root)
            self.add_function(self.create_worker)

    async def get_tools(self, ctx: RunContext[CallContext]) -> dict[str, ToolsetTool[Any]]:
        """List the tools: `worker_call` names the workers of the moment, `create_worker` hides the edit."""
        tools = await super().get_tools(ctx)
        found = {"worker_call": tools.pop("worker_call")}
        definition = found["worker_call"].tool_def
        description = f"{definition.description}\n\n{self._listed(ctx.deps)}"
        found["worker_call"] = replace(
            found["worker_call"], tool_def=replace(definition, description=description)
        )
        for name, tool in tools.items():
            schema = dict(tool.tool_def.parameters_json_schema)
            schema["properties"] = {
                key: value for key, value in schema["properties"].items() if key != "definition"
            }
            found[name] = replace(tool, tool_def=replace(tool.tool_def, parameters_json_schema=schema))
        return found

    def route(self, name: str, args: Mapping[str, Any], ctx: RunContext[CallContext]) -> Routed | None:
        """Say which worker a call is of, or refuse at once what no human needs to be asked about.

        Raises:
            ToolError: the worker cannot be reached, or a new one cannot be made of these arguments.
            UsageError: the input does not fit the worker.
            SpecError: the worker itself is wrong.
        """
        if name == "create_worker":
            draft = self._draft(args, ctx)
            with self._run.registry.growing(keep=False):
                self._link(draft, ctx.deps, make=False)
            return None
        worker = self._found(args["worker"])
        schema = declared_input(ctx.deps, worker)
        fields = schema.named(args["input"], worker.name)
        if args.get("attachments"):
            fields["attachments"] = _joined(fields.get("attachments", []), args["attachments"])
        schema.accept(fields, worker.name)
        offer = Offer(WorkerTool(worker, schema), "worker")
        return Routed(worker.name, fields, offer, tool_description(worker.spec))

    def needs_approval(self, name: str, args: Mapping[str, Any], ctx: RunContext[CallContext]) -> Preset:
        """Insist on a human's word for a new worker; for a call, the worker called has its own."""
        del args, ctx
        return "insist" if name == "create_worker" else "approve"

    def get_approval_description(
        self, name: str, args: Mapping[str, Any], ctx: RunContext[CallContext]
    ) -> str:
        """Say what a yes grants: what a human wrote into the file, no toolset that the model asked for."""
        if name != "create_worker":
            return ""
        draft = self._draft(args, ctx)
        asked = ", ".join(each for each in args.get("toolsets") or () if each not in draft.spec.toolsets)
        said = f"Keep a new worker as {draft.path}"
        said += "; a yes grants it the rights that the edited file holds" if draft.grants else ""
        return f"{said}; a yes grants no toolset ({asked}), only the file's text can" if asked else said

    def preview(self, name: str, args: Mapping[str, Any], ctx: RunContext[CallContext]) -> Preview | None:
        """Show the file of a new worker as a whole, or what would change in it."""
        return self._draft(args, ctx).preview(args) if name == "create_worker" else None

    async def worker_call(
        self,
        ctx: RunContext[Any],
        worker: str,
        input: str | dict[str, Any],  # noqa: A002  the contract's word
        attachments: Sequence[str] = (),
    ) -> Any:
        """Have another worker do a task; it sees nothing but its input.

        Args:
            ctx: the call.
            worker: the worker's name.
            input: the task as a text, or the fields that the worker takes.
            attachments: paths of files that go along.
        """
        call: CallContext = ctx.deps
        if call.name != "worker_call":
            return plain(await call.run.execute(call, self._found(worker), call.input))
        # Python called this tool: the worker is another call
        args = {"worker": worker, "input": input, "attachments": attachments}
        routed = self.route("worker_call", args, ctx)
        return plain(await call.call(worker, routed.args if routed else input))

    async def create_worker(
        self,
        ctx: RunContext[Any],
        *,
        name: str,
        instructions: str,
        description: str,
        model: str | None = None,
        output_schema: dict[str, Any] | None = None,
        toolsets: Sequence[str] = (),
        definition: str | None = None,
    ) -> Any:
        """Make a new worker, kept for later runs; call it with worker_call. A human has to agree first.

        Args:
            ctx: the call.
            name: a letter, then letters, digits, `_` or `-`.
            instructions: what the worker has to do, in plain text.
            description: one sentence that tells callers what it is for.
            model: `provider:name`; by default the caller's model.
            output_schema: JSON Schema of its answer; by default it answers with a text.
            toolsets: names of toolsets it would need; only the human can grant them.
            definition: leave it out.
        """
        call: CallContext = ctx.deps
        owner = self._owner
        assert owner is not None
        args = {
            "name": name, "instructions": instructions, "description": description, "model": model,
            "output_schema": output_schema, "toolsets": toolsets, "definition": definition,
        }  # fmt: skip
        draft = self._draft(args, ctx)
        shown: Preview | None = call.facts.get("preview")
        if (call.approval or {}).get("by") != "none" and (shown is None or shown.text != draft.shown()):
            raise ToolError("denied", f"{draft.path} is not what was shown any more; try again")
        with call.run.registry.growing():
            self._link(draft, call)
            self._shelf.save(draft)
        call.run.created[draft.spec.name] = owner.name
        refused = [each for each in toolsets if each not in draft.spec.toolsets]
        return {
            "created": draft.spec.name,
            "file": draft.path,
            "toolsets": list(draft.spec.toolsets),
            **({"not_granted": refused} if refused else {}),
        }

    def _link(self, draft: Draft, call: CallContext, *, make: bool = True) -> None:
        registry = self._run.registry
        if draft.spec.name in registry.workers:
            registry.replace_worker(draft.spec)
        else:
            registry.add_workers([draft.spec])
        check_declared(call, registry.workers[draft.spec.name], make=make)

    def _draft(self, args: Mapping[str, Any], ctx: RunContext[CallContext]) -> Draft:
        """Write the file that the arguments ask for; its name must be free, or of one it may replace."""
        draft = self._shelf.draft(args, asked=_asked(ctx))
        name, registry = draft.spec.name, self._run.registry
        owner = registry.owner(name)
        if owner is None:
            return draft
        known = registry.workers.get(name)
        if known is None or draft.replaced_sha256 != known.spec.sha256:
            raise ToolError("denied", f"the name {name!r} is taken by {owner}; choose another")
        return draft

    def _found(self, name: str) -> Worker:
        """Find a worker that the owner's model may call; of one that is substituted, the name will do."""
        registry = self._run.registry
        names = self._names()
        target: Target | None = registry.callable(name) if self._may_call(name) else registry.names.get(name)
        if target is None and self._may_call(name) and self._run.substitute(name):
            return Worker(WorkerSpec(name), "a substitute")
        reach = f"; you can call: {', '.join(names) or 'none'}"
        if not isinstance(target, Worker):
            raise ToolError("unknown", f"there is no worker {brief(name)}{nearest(name, names) or reach}")
        if not self._may_call(name):
            raise ToolError("denied", f"worker {brief(name)} is not one that you may call{reach}")
        return target

    def _may_call(self, name: str) -> bool:
        owner = self._owner
        return owner is not None and (
            any(isinstance(link, Worker) and link.name == name for link in owner.links)
            or self._run.created.get(name) == owner.name
            or any(fnmatchcase(name, glob) for glob in self._allow)
        )

    def _names(self) -> list[str]:
        return sorted(name for name in self._run.registry.worker_names if self._may_call(name))

    def _listed(self, context: CallContext) -> str:
        """Describe the workers that can be called: names, descriptions, and inputs of their own form."""
        workers = self._run.registry.workers
        lines = [_line(context, workers[name]) if name in workers else f"- {name}" for name in self._names()]
        return "\n".join(["Workers that can be called:", *lines]) if lines else "No worker can be called yet."


def _joined(named: Any, more: Sequence[str]) -> list[Any]:
    """Join the attachments that an input names itself with those that go along, each once."""
    if not isinstance(named, list):
        raise ToolError("bad_input", "the input's own 'attachments' are no list; name all files in one place")
    own = cast("list[Any]", named)
    return [*own, *(each for each in more if each not in own)]


def _line(context: CallContext, worker: Worker) -> str:
    said = f"- {worker.name}: {' '.join(tool_description(worker.spec).split())}"
    if worker.spec.input_schema is None:
        return said
    try:
        schema = declared_input(context, worker).json_schema
    except SpecError:  # a call of it will tell
        return said
    return f"{said} Input: {json.dumps(schema, ensure_ascii=False)}"


def _asked(ctx: RunContext[CallContext]) -> Mapping[str, Any] | None:
    """Give the model's own arguments, where a human or a callback has put others in their place."""
    call = ctx.deps.pending.get(ctx.tool_call_id or "", ctx.deps)
    return call.facts.get("asked") if call.name == "create_worker" else None
