"""Recorded traffic of the five APIs in, what it says about models and tokens out.

OpenAI chat completions and responses, Anthropic messages, Google generateContent and Bedrock Converse; bodies
are JSON, server-sent events or event streams of AWS. Of any other traffic nothing is said.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast
from urllib.parse import unquote, urlsplit

from llm_do_eval.cassette.wires.eventstream import MEDIA_TYPE, EventStreamError, frames

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_do_eval.cassette.interaction import Interaction, Request, Response

_Json: TypeAlias = dict[str, Any]


class _Api(NamedTuple):
    """One API: how its path ends, and which fields of its usage add up to the tokens of each side."""

    provider: str
    path: re.Pattern[str]
    input: tuple[str, ...]
    output: tuple[str, ...]


# tokens read from a cache or written to one are input too, and thinking is output, as pydantic-ai counts them
_APIS = (
    _Api("openai-chat", re.compile("/chat/completions$"), ("prompt_tokens",), ("completion_tokens",)),
    _Api("openai", re.compile("/responses$"), ("input_tokens",), ("output_tokens",)),
    _Api(
        "anthropic",
        re.compile("/messages$"),
        ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"),
        ("output_tokens",),
    ),
    _Api(
        "google",
        re.compile("/models/(?P<model>[^/]+):(?:generateContent|streamGenerateContent)$"),
        ("promptTokenCount", "toolUsePromptTokenCount"),
        ("candidatesTokenCount", "thoughtsTokenCount"),
    ),
    _Api(
        "bedrock",
        re.compile("/model/(?P<model>[^/]+)/converse(?:-stream)?$"),
        ("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"),
        ("outputTokens",),
    ),
)
# where an answer, or an event of it, keeps its usage and its model
_PARTS = ("message", "response", "metadata")
_USAGES = ("usage", "usageMetadata")
_MODELS = ("model", "modelVersion", "invokedModelId")


def asked_model(request: Request) -> str | None:
    """Tell which model a request asks for, as `provider:model`."""
    api = _api(request)
    if api is None:
        return None
    found = api.path.search(urlsplit(request.uri).path)
    in_path = found and found.groupdict().get("model")
    name = unquote(in_path) if in_path else _object(request.body.value).get("model")
    return f"{api.provider}:{name}" if isinstance(name, str) else None


def resolved_model(interaction: Interaction) -> str | None:
    """Tell which model answered, by the name that the provider gave it; Bedrock tells of routers only."""
    if _api(interaction.request) is None:
        return None
    for part in parts(interaction.response):
        routed = _object(_object(part.get("trace")).get("promptRouter"))
        for name in (source.get(key) for source in (part, routed) for key in _MODELS):
            if isinstance(name, str):
                return name
    return None


def usage(interaction: Interaction) -> dict[str, int] | None:
    """Count the tokens of one exchange: `input_tokens` and `output_tokens`, None where none are told.

    A stream tells them several times; the last number of a field is the one that counts.
    """
    api = _api(interaction.request)
    if api is None:
        return None
    told: dict[str, int] = {}
    for part in parts(interaction.response):
        for key in _USAGES:
            told |= {name: count for name, count in _object(part.get(key)).items() if type(count) is int}
    if not told.keys() & {*api.input, *api.output}:
        return None
    return {
        "input_tokens": sum(told.get(name, 0) for name in api.input),
        "output_tokens": sum(told.get(name, 0) for name in api.output),
    }


def _api(request: Request) -> _Api | None:
    path = urlsplit(request.uri).path
    return next((api for api in _APIS if api.path.search(path)), None)


def parts(response: Response) -> Iterator[_Json]:
    """Give the JSON objects of an answer, and what is right below them where it tells usage and model."""
    for payload in payloads(response):
        yield payload
        yield from (_object(payload.get(name)) for name in _PARTS)


def payloads(response: Response) -> Iterator[_Json]:
    """Read the JSON objects of an answer, events one by one; what is torn says nothing."""
    raw = response.body.raw
    media_type = response.headers.get("content-type", "")
    if media_type.startswith(MEDIA_TYPE):
        yield from _framed(raw)
    elif media_type.startswith("text/event-stream"):
        for line in raw.splitlines():
            if line.startswith(b"data:"):
                yield _read(line.removeprefix(b"data:"))
    else:
        yield _read(raw)


def _framed(raw: bytes) -> Iterator[_Json]:
    try:
        for frame in frames(raw):
            yield {str(frame.headers.get(":event-type")): _read(frame.payload)}
    except EventStreamError:
        return


def _read(raw: bytes) -> _Json:
    try:
        return _object(json.loads(raw))
    except (ValueError, RecursionError):
        return {}


def _object(value: Any) -> _Json:
    return cast("_Json", value) if isinstance(value, dict) else {}
