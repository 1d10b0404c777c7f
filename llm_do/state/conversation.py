"""Model requests and responses in, journal lines out: what was offered, what was said, what it cost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic_ai.messages import NativeToolCallPart, NativeToolReturnPart, TextPart, ToolCallPart

from llm_do.canonical import canonical_json, digest
from llm_do.errors import ToolError
from llm_do.state.budget import price_usd
from llm_do.state.failure import is_empty
from llm_do.state.recording import close_done, close_failed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.tools import ToolDefinition

    from llm_do.state.context import CallContext


def record_request(context: CallContext, turn: int, request: Any) -> None:
    """Write the offer when the tools changed, and the texts that are new in this request."""
    parameters = request.model_request_parameters
    names = [tool.name for tool in parameters.function_tools]
    if context.facts.get("offered") != names:
        context.facts["offered"] = names
        context.emit("offer", tools=names)
    context.facts["tools"] = _digest(context, parameters.function_tools)
    context.facts["known"] = {*names, *(tool.name for tool in parameters.output_tools)}
    for part in request.messages[-1].parts:
        # part kinds grow with minor versions; only results of tools are journalled elsewhere
        if part.part_kind != "tool-return" and hasattr(part, "content"):
            role = "system" if part.part_kind == "system-prompt" else "user"
            _message(context, turn - 1, role, _text(part))


def record_response(context: CallContext, turn: int, response: ModelResponse) -> None:
    """Write the assistant's text and add what the response cost to the call and to the run."""
    assert context.spent is not None
    price = price_usd(response)
    context.spent.add(response, price)
    context.run.budget.add(response, price)
    text = "\n".join(part.content for part in response.parts if isinstance(part, TextPart))
    context.facts["empty"] = is_empty(response)
    if response.provider_response_id:
        context.facts.setdefault("responses", []).append(_answered(response))
    if text:
        _message(context, turn, "assistant", text)
    _record_server_calls(context, turn, response)
    _record_invented_calls(context, turn, response)


def _answered(response: ModelResponse) -> dict[str, str | None]:
    """Say which answer of the provider it was: two with one id and one time are the same one, given twice."""
    at = (response.provider_details or {}).get("timestamp")
    return {
        "id": response.provider_response_id,
        "at": None if at is None else str(at),
        "model": response.model_name,
    }


def _record_server_calls(context: CallContext, turn: int, response: ModelResponse) -> None:
    """Write a call line for every use of a server-side tool that the provider reports."""
    results = {
        each.tool_call_id: each.content for each in response.parts if isinstance(each, NativeToolReturnPart)
    }
    for part in response.parts:
        if isinstance(part, NativeToolCallPart):
            child = context.child(part.tool_name, impl="server", input=part.args_as_dict(), turn=turn)
            child.approval = context.facts.get("granted", {}).get(part.tool_name)
            close_done(child, results.get(part.tool_call_id))


def _record_invented_calls(context: CallContext, turn: int, response: ModelResponse) -> None:
    """Write a call line for every call of a tool that was not offered; pydantic-ai refuses it by itself."""
    for part in response.parts:
        if isinstance(part, ToolCallPart) and part.tool_name not in context.facts["known"]:
            child = context.child(part.tool_name, impl="python", input=part.args or {}, turn=turn)
            close_failed(child, ToolError("unknown", f"no tool {part.tool_name!r} was offered"))


def _digest(context: CallContext, tools: Sequence[ToolDefinition]) -> str:
    """Give the digest of what is offered; a worker's last one is kept, being nearly always the same."""
    schemas = [[each.name, each.description, each.parameters_json_schema] for each in tools]
    made = context.worker.made if context.worker else {}
    known = made.get("tools")
    if known is None or known[0] != schemas:
        known = schemas, digest(canonical_json(schemas))
        made["tools"] = known
    return known[1]


def _message(context: CallContext, turn: int, role: str, text: str) -> None:
    context.emit("message", seq=next(context.run.counter), turn=turn, role=role, text=text)


def _text(part: Any) -> str:
    retry = getattr(part, "model_response", None)
    if callable(retry):
        return str(retry())
    content = [part.content] if isinstance(part.content, str) else part.content
    return "\n".join(each if isinstance(each, str) else _attached(each) for each in content)


def _attached(content: Any) -> str:
    return json.dumps({"attachment": getattr(content, "media_type", type(content).__name__)})
