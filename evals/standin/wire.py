"""What a wire format does: bodies to requests, exchanges to bodies or streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from evals.standin.conversation import Json, Reply, Request, Usage


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a wire writes down: `make_id(prefix)` gives an identifier that no other exchange has."""

    request: Request
    reply: Reply
    usage: Usage
    make_id: Callable[[str], str]


class ErrorBody(Protocol):
    """Write the body of an HTTP error; `message` replaces the provider's usual sentence."""

    def __call__(self, status: int, request_id: str, message: str | None = None) -> Json:
        """Return the JSON object to send."""
        ...


def _no_headers(_status: int) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Wire:
    """One wire format; `parse` raises KeyError, TypeError or ValueError for a body of another one.

    `error_headers` go with an HTTP error of a status; `stream_type` is the media type of `events`.
    """

    parse: Callable[[Json], Request]
    answer: Callable[[Exchange], Json]
    events: Callable[[Exchange], Iterator[bytes]]
    error: ErrorBody
    error_headers: Callable[[int], Mapping[str, str]] = _no_headers
    stream_type: str = "text/event-stream; charset=utf-8"
