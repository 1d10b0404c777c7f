"""A conversation in neutral words: what a client asked on any wire, and what the stand-in answers."""

from __future__ import annotations

import base64
import json
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Literal, NamedTuple, TypeAlias

Finish: TypeAlias = Literal["stop", "length", "content_filter", "refusal"]
Json: TypeAlias = dict[str, Any]

_OUTPUT_TOOL_NAME = "final_result"
_OUTPUT_TOOL_DESCRIPTION = "The final response which ends this conversation"
_PDF_TEXT = re.compile(rb"\(((?:[^()\\]|\\.)*)\)\s*Tj")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file in the input; `content` is empty where only a URL was given, which then is the `name`."""

    media_type: str
    content: bytes
    name: str = ""

    @property
    def text(self) -> str:
        """Its words: a text file decoded, the string literals of an uncompressed PDF, else nothing."""
        if self.media_type == "application/pdf":
            return "\n".join(part.decode("latin-1") for part in _PDF_TEXT.findall(self.content))
        return self.content.decode("utf-8", "replace") if self.media_type.startswith("text/") else ""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call that the model asks for; `args` is a JSON object."""

    name: str
    args: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came back for one call, as the text that the model reads."""

    call: ToolCall
    text: str


@dataclass(frozen=True, slots=True)
class Hit:
    """One page that a search at the provider found, with the words of it that an answer can quote."""

    url: str
    title: str
    quote: str


@dataclass(frozen=True, slots=True)
class Search:
    """One web search that the provider ran itself while it answered."""

    query: str
    hits: tuple[Hit, ...] = ()


@dataclass(frozen=True, slots=True)
class ServerTool:
    """A tool that runs at the provider, with the limits that the client set; None is no limit."""

    name: str
    max_uses: int | None = None
    allowed_domains: tuple[str, ...] | None = None
    blocked_domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """One message; `tool_calls` only on an assistant's turn, `results` only on a tool's."""

    role: Literal["user", "assistant", "tool"]
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    results: tuple[ToolResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as offered: `schema` is the JSON Schema of its arguments."""

    name: str
    description: str
    schema: Mapping[str, Any]

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of its arguments, in the order of the schema."""
        return tuple(self.schema.get("properties", {}))

    @property
    def is_output(self) -> bool:
        """Whether calling it ends the conversation, going by the words that pydantic-ai offers it with."""
        return self.name.startswith(_OUTPUT_TOOL_NAME) or _OUTPUT_TOOL_DESCRIPTION in self.description


@dataclass(frozen=True, slots=True)
class Request:
    """One model request; `output_schema` is a native output format, `settings` the body's other fields."""

    model: str
    instructions: str
    messages: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    output_schema: Mapping[str, Any] | None = None
    stream: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    server_tools: tuple[ServerTool, ...] = ()

    @property
    def output_tools(self) -> tuple[str, ...]:
        """The names of the tools whose call is the final answer."""
        return tuple(tool.name for tool in self.tools if tool.is_output)

    @property
    def prompt(self) -> str:
        """The text of the last user turn."""
        return next((turn.text for turn in reversed(self.messages) if turn.role == "user"), "")

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """The files of the last user turn."""
        return next((turn.attachments for turn in reversed(self.messages) if turn.role == "user"), ())

    @property
    def results(self) -> tuple[ToolResult, ...]:
        """The tool results since the last user turn, in order."""
        recent = list(takewhile(lambda turn: turn.role != "user", reversed(self.messages)))
        return tuple(result for turn in reversed(recent) for result in turn.results)

    def tool(self, *names: str) -> Tool | None:
        """Return the first of these tools that is offered."""
        offered = {tool.name: tool for tool in self.tools}
        return next((offered[name] for name in names if name in offered), None)


class Usage(NamedTuple):
    """Token counts of one exchange."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; without `usage` the provider counts the tokens.

    `searches` come before the text, which quotes the pages in `cited`; only Anthropic's wire writes them.
    """

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: Finish = "stop"
    usage: Usage | None = None
    searches: tuple[Search, ...] = ()
    cited: tuple[Hit, ...] = ()


Brain: TypeAlias = Callable[[Request, random.Random], Reply]


def within(body: Json, *names: str) -> Json:
    """Walk down nested JSON objects; where one is missing or null, the end is an empty object."""
    for name in names:
        body = body.get(name) or {}
    return body


def reply_with(request: Request, answer: Json, *, text: str) -> Reply:
    """Answer in the form asked for: through the output tool, as JSON of the native format or as text."""
    output = request.tool(*request.output_tools)
    if output is not None:
        return Reply(tool_calls=(ToolCall(output.name, answer),))
    return Reply(text if request.output_schema is None else json.dumps(answer))


def attachment_from_url(url: str, name: str = "") -> Attachment:
    """Read a `data:` URL in base64; any other URL is kept as the name of an empty attachment."""
    if not url.startswith("data:"):
        return Attachment("", b"", url)
    head, _, encoded = url.partition(",")
    return Attachment(head.removeprefix("data:").split(";")[0], base64.b64decode(encoded), name)
