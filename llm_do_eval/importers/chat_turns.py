"""The messages of one OpenAI chat in, its turns out: what was asked for, each request with its own result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from llm_do.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_RESULT_ROLES: Final = ("tool", "function")

ChatMessage = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One tool call as the model wrote it, and its result; None: no result followed."""

    id: str | None
    name: str
    arguments: Any
    result: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """One text outside of calls; role `tool` marks a result that belongs to no request."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One assistant message with what followed before the next; the first turn may have no assistant.

    `index` counts assistant messages from 0 and is -1 for what came before the first.
    """

    index: int
    text: str
    requests: tuple[Request, ...]
    followed_by: tuple[Said, ...]


def turns(messages: Sequence[Any]) -> Iterator[Turn]:
    """Split messages into turns and pair results with requests, never across turns.

    Within a turn results pair by id where the requests' ids are unique and a result names one of them,
    else by position.

    Raises:
        FormatError: a message is no object with a role, or a tool call has no name.
    """
    index, part = -1, list[ChatMessage]()
    for number, each in enumerate(messages):
        message = _checked(each, number)
        if message["role"] == "assistant":
            if part:
                yield _turn(index, part)
            index, part = index + 1, []
        part.append(message)
    if part:
        yield _turn(index, part)


def text_of(content: Any) -> str:
    """Give the text of a message's content: a text, or the text parts of a list, one a line."""
    if isinstance(content, list):
        parts = (_part_text(part) for part in cast("list[Any]", content))
        return "\n".join(part for part in parts if part)
    return content if isinstance(content, str) else ""


def _checked(message: Any, number: int) -> ChatMessage:
    if not isinstance(message, dict) or not isinstance(cast("ChatMessage", message).get("role"), str):
        raise FormatError(f"message {number} is no chat message; expected an object with a role")
    return cast("ChatMessage", message)


def _turn(index: int, part: list[ChatMessage]) -> Turn:
    head = part[0] if part[0]["role"] == "assistant" else {}
    requests = [_request(each) for each in _tool_calls(head)]
    results = [message for message in part if message["role"] in _RESULT_ROLES]
    owner = _owners(requests, results)
    paired = tuple(
        Request(
            each.id,
            each.name,
            each.arguments,
            text_of(owner[place].get("content")) if place in owner else None,
        )
        for place, each in enumerate(requests)
    )
    owned = {id(message) for message in owner.values()}
    followed_by = tuple(
        Said("tool" if message["role"] in _RESULT_ROLES else message["role"], text_of(message.get("content")))
        for message in part
        if message is not head and id(message) not in owned
    )
    return Turn(index, text_of(head.get("content")), paired, followed_by)


def _owners(requests: list[Request], results: list[ChatMessage]) -> dict[int, ChatMessage]:
    places = {each.id: place for place, each in enumerate(requests) if each.id is not None}
    if len(places) == len(requests):
        owners: dict[int, ChatMessage] = {}
        for message in results:
            place = places.get(str(message.get("tool_call_id")))
            if place is not None:
                owners.setdefault(place, message)
        if owners:
            return owners
    return dict(enumerate(results[: len(requests)]))


def _tool_calls(message: ChatMessage) -> list[Any]:
    calls: Any = message.get("tool_calls")
    if not calls:
        legacy = message.get("function_call")
        return [{"function": legacy}] if legacy else []
    if not isinstance(calls, list):
        raise FormatError(f"'tool_calls' must be a list, not {calls!r}")
    return cast("list[Any]", calls)


def _request(call: Any) -> Request:
    fields = cast("ChatMessage", call) if isinstance(call, dict) else {}
    body: Any = fields.get("function") or fields.get("custom")
    named = cast("ChatMessage", body) if isinstance(body, dict) else {}
    if not isinstance(named.get("name"), str):
        raise FormatError(f"a tool call without a function name: {call!r:.80}")
    call_id = fields.get("id")
    return Request(
        call_id if isinstance(call_id, str) else None,
        named["name"],
        named.get("arguments", named.get("input")),
    )


def _part_text(part: Any) -> str:
    value = cast("ChatMessage", part).get("text") if isinstance(part, dict) else part
    return value if isinstance(value, str) else ""
