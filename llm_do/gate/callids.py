"""A model's response in, the same response with an id for each of its calls out."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic_ai.messages import ToolCallPart

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponse, ModelResponsePart


def with_own_ids(response: ModelResponse) -> ModelResponse:
    """Give a call a new id where an earlier one of the response has its id: decisions are kept by id."""
    calls = [part for part in response.parts if isinstance(part, ToolCallPart)]
    taken = {call.tool_call_id for call in calls}
    if len(taken) == len(calls):
        return response
    seen: set[str] = set()

    def _own(part: ModelResponsePart) -> ModelResponsePart:
        if not isinstance(part, ToolCallPart):
            return part
        name = part.tool_call_id
        if name in seen:
            name = next(each for number in itertools.count(2) if (each := f"{name}-{number}") not in taken)
        taken.add(name)
        seen.add(name)
        return replace(part, tool_call_id=name)

    return replace(response, parts=[_own(part) for part in response.parts])
