"""A path in, the wire that answers it and what the path itself says out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from evals.standin.anthropic import ANTHROPIC
from evals.standin.bedrock import BEDROCK
from evals.standin.google import GOOGLE
from evals.standin.openai_chat import OPENAI_CHAT
from evals.standin.openai_responses import OPENAI_RESPONSES

if TYPE_CHECKING:
    from evals.standin.conversation import Json
    from evals.standin.wire import Wire

_WIRES: dict[str, Wire] = {
    "/v1/chat/completions": OPENAI_CHAT,
    "/v1/responses": OPENAI_RESPONSES,
    "/v1/messages": ANTHROPIC,
}
_NAMED = (
    (
        re.compile(r"/v1(?:beta)?/models/(?P<model>[^/]+):(?P<verb>generateContent|streamGenerateContent)"),
        GOOGLE,
    ),
    (re.compile(r"/model/(?P<model>[^/]+)/(?P<verb>converse|converse-stream)"), BEDROCK),
)


@dataclass(frozen=True, slots=True)
class Route:
    """A wire; `said` holds the `model` and `stream` of a path that names them, for bodies that do not."""

    wire: Wire
    said: Json = field(default_factory=dict[str, Any])


def route(path: str) -> Route | None:
    """Look a path up."""
    if path in _WIRES:
        return Route(_WIRES[path])
    for pattern, wire in _NAMED:
        if found := pattern.fullmatch(path):
            return Route(wire, {"model": unquote(found["model"]), "stream": "stream" in found["verb"]})
    return None
