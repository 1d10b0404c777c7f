"""A linked worker in, a toolset with one tool of its name out: to a model it is a tool like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio.to_thread
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets import AbstractToolset
from pydantic_ai.toolsets.abstract import ToolsetTool
from pydantic_core import SchemaValidator, core_schema

from llm_do.approval import Decision, Preview, rule
from llm_do.errors import ToolError, UsageError
from llm_do.project.spec import tool_description
from llm_do.sandbox.path import parse_path
from llm_do.schemas.schema import PromptInput
from llm_do.state.attachments import attachments_for
from llm_do.state.recording import plain
from llm_do.toolsets.files import canonical_paths
from llm_do.toolsets.protected import preset_of_reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_ai.tools import RunContext

    from llm_do.approval import Preset
    from llm_do.links import Worker
    from llm_do.schemas.schema import InputSchema
    from llm_do.state.context import CallContext

_ANY_OBJECT = SchemaValidator(core_schema.dict_schema(core_schema.str_schema()))


class WorkerTool(AbstractToolset[Any]):
    """Offers one worker under its own name and input schema; what it does is gated call by call."""

    def __init__(self, worker: Worker, schema: InputSchema) -> None:
        self._worker = worker
        self._schema = schema
        self._definition = ToolDefinition(
            name=worker.name,
            description=tool_description(worker.spec),
            parameters_json_schema=schema.sent(),
        )
        self._tools: dict[int, dict[str, ToolsetTool[Any]]] = {}

    @property
    def id(self) -> str | None:
        """None: no run of a worker is resumed by the ids of its toolsets."""
        return None

    def needs_approval(
        self, name: str, args: Mapping[str, Any], ctx: RunContext[CallContext]
    ) -> Preset | Decision:
        """Approve, unless the run wants calls or their attachments to be asked about.

        Each attachment is judged, too: by the rules on `read_file`, and by where it lies.
        """
        config = ctx.deps.run.config
        override = config.worker_approval_overrides.get(name)
        calls = override.calls_require_approval if override else None
        files = override.attachments_require_approval if override else None
        asks = config.worker_calls_require_approval if calls is None else calls
        asks_files = config.worker_attachments_require_approval if files is None else files
        try:
            paths = self._paths(name, args)
        except UsageError:  # the model is told when it would run
            paths = []
        verdicts = {path: _judged(path, ctx.deps) for path in paths}
        for path in paths:
            if verdicts[path] == "reject":
                return Decision("reject", note=f"a rule on 'read_file' forbids the attachment {path!r}")
        if "insist" in verdicts.values():
            return "insist"
        return "ask" if asks or (asks_files and paths) or "ask" in verdicts.values() else "approve"

    async def preview(
        self, name: str, args: Mapping[str, Any], ctx: RunContext[CallContext]
    ) -> Preview | None:
        """Show each attachment with its size, or why it cannot be read."""
        paths = self._paths(name, args)
        if not paths:
            return None
        attachments = attachments_for(self._worker.spec, ctx.deps, ctx.deps.run.project_root)
        return Preview(await anyio.to_thread.run_sync(attachments.shown, paths))

    async def get_tools(self, ctx: RunContext[CallContext]) -> dict[str, ToolsetTool[Any]]:
        """Describe the worker as a tool."""
        retries = ctx.max_retries or 1
        if retries not in self._tools:
            tool = ToolsetTool[Any](
                toolset=self, tool_def=self._definition, max_retries=retries, args_validator=_ANY_OBJECT
            )
            self._tools[retries] = {self._worker.name: tool}
        return self._tools[retries]

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[CallContext], tool: ToolsetTool[Any]
    ) -> Any:
        """Run the worker in the context of this call."""
        del name, tool
        return plain(await ctx.deps.run.execute(ctx.deps, self._worker, tool_args))

    def _paths(self, name: str, args: Mapping[str, Any]) -> list[str]:
        """Name the files that go along with an input, whichever of its fields they stand in."""
        if self._schema.model in (None, PromptInput) and not args.get("attachments"):
            return []  # no other field of these is read as files
        parts = self._schema.accept(dict(args), name).parts
        return [str(part.path) for part in parts if not isinstance(part, str)]


def _judged(path: str, caller: CallContext) -> Preset:
    """Judge an attachment as a `read_file` of it by the worker whose model named it."""
    try:
        preset = preset_of_reading(parse_path(path).names)
    except ToolError:  # nothing is read by such a path, whoever says yes
        preset = "approve"
    rules, lists = caller.run.approvals.rules, caller.rule_lists()
    return rule(rules, lists, preset, "read_file", {"path": path}, spell=_spelled).verdict


def _spelled(args: Mapping[str, Any]) -> Mapping[str, Any]:
    return canonical_paths(args, "path")
