"""A declared server-side tool in, the pydantic-ai tool that a provider runs out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic_ai.native_tools import (
    SUPPORTED_NATIVE_TOOLS,
    AbstractNativeTool,
    CodeExecutionTool,
    ImageGenerationTool,
    WebFetchTool,
    WebSearchTool,
)

from llm_do.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_ai.models import Model

    from llm_do.project.spec import ServerTool, WorkerSpec


def native_tool(tool: ServerTool) -> AbstractNativeTool:
    """Make the pydantic-ai tool of a declaration."""
    limits: dict[str, Any] = {key: limit or None for key, limit in limits_of(tool).items()}
    return _KINDS[tool.tool_type](**limits)


def limits_of(tool: ServerTool) -> dict[str, Any]:
    """Give the limits that this type of tool knows, set or not, as JSON values."""
    if tool.tool_type not in _LIMITED:
        return {}
    domains = {"allowed_domains": list(tool.allowed_domains), "blocked_domains": list(tool.blocked_domains)}
    return {"max_uses": tool.max_uses, **domains}


def described(tool: ServerTool) -> str:
    """Say in words how far the provider may go."""
    often = f"at most {tool.max_uses} times a request" if tool.max_uses else "as often as its model wants"
    only = f", on {', '.join(tool.allowed_domains)} only" if tool.allowed_domains else ""
    never = f", never on {', '.join(tool.blocked_domains)}" if tool.blocked_domains else ""
    return f"{tool.tool_type}, run by the provider {often}{only}{never}"


def refuse_unsupported(spec: WorkerSpec, model: Model, name: str) -> None:
    """Refuse server-side tools that cannot be run as they are declared.

    Raises:
        UsageError: one is listed twice, or has a limit that it does not know; or the model, which has this
            name, cannot run it or keep a limit of it. Names file and line.
    """
    place = f"{spec.path}:{spec.lines.get('server_side_tools', 1)}: " if spec.path else ""
    listed = [tool.tool_type for tool in spec.server_side_tools]
    for tool in spec.server_side_tools:
        fault = _fault(tool, listed.count(tool.tool_type), model, name)
        if fault:
            raise UsageError(f"{place}worker {spec.name!r}: {fault}")


def _fault(tool: ServerTool, count: int, model: Model, name: str) -> str:
    kind = tool.tool_type
    if count > 1:
        return f"{kind!r} is listed twice in server_side_tools; keep one"
    unknown = [key for key in _LIMITS if getattr(tool, key) and key not in limits_of(tool)]
    if unknown:
        return f"{kind!r} knows no {unknown[0]!r}; remove the limit, or the tool"
    if _KINDS[kind] not in model.profile.get("supported_native_tools", SUPPORTED_NATIVE_TOOLS):
        return f"{name!r} cannot run {kind!r}; choose another model or remove the tool"
    unkept = sorted(model.unsupported_native_tool_settings(native_tool(tool)))
    if unkept:
        return f"{name!r} cannot keep {unkept[0]!r} of {kind!r}; choose another model or remove the limit"
    return ""


_KINDS: Final[Mapping[str, Any]] = {
    "web_search": WebSearchTool,
    "web_fetch": WebFetchTool,
    "code_execution": CodeExecutionTool,
    "image_generation": ImageGenerationTool,
}
_LIMITS: Final = ("max_uses", "allowed_domains", "blocked_domains")
_LIMITED: Final = frozenset({"web_search", "web_fetch"})
