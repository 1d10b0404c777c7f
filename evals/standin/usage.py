"""Request and reply in, plausible token counts out: a quarter of the characters, a flat price for a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from evals.standin.conversation import Usage

if TYPE_CHECKING:
    from evals.standin.conversation import Reply, Request, ToolCall, Turn

_CHARACTERS_PER_TOKEN = 4
_TOKENS_PER_ATTACHMENT = 258


def count_usage(request: Request, reply: Reply) -> Usage:
    """Count the tokens of one exchange; both counts are at least 1."""
    asked = [request.instructions]
    asked += [_turn_text(turn) for turn in request.messages]
    asked += [tool.name + tool.description + json.dumps(tool.schema) for tool in request.tools]
    files = sum(len(turn.attachments) for turn in request.messages)
    answered = reply.text + _calls_text(reply.tool_calls)
    return Usage(_tokens("".join(asked)) + files * _TOKENS_PER_ATTACHMENT, _tokens(answered))


def _tokens(text: str) -> int:
    return max(1, len(text) // _CHARACTERS_PER_TOKEN)


def _turn_text(turn: Turn) -> str:
    return turn.text + _calls_text(turn.tool_calls) + "".join(result.text for result in turn.results)


def _calls_text(calls: tuple[ToolCall, ...]) -> str:
    return "".join(call.name + json.dumps(dict(call.args)) for call in calls)
