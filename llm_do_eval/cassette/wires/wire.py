"""Messages as the stubs of vcrpy hold them in, our frozen ones out, and back."""

from __future__ import annotations

import json
from http.client import responses as reasons
from typing import TYPE_CHECKING, Any

from llm_do_eval.cassette.interaction import Body, Request, Response
from llm_do_eval.cassette.wires.unpack import Packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vcr.request import Request as VcrRequest

_LOWEST_ERROR = 400
_LOWEST_SERVER_ERROR = 500
# after these the clients of OpenAI and Anthropic try again by themselves, and after errors of the server
_TRIED_AGAIN = frozenset({408, 409, 429})
_ATTEMPT = "x-stainless-retry-count"
_CODING = "content-encoding"


def request_of(request: VcrRequest) -> Request:
    """Freeze a request, with every header; a compressed body is unpacked."""
    headers = {name.lower(): _text([value]) for name, value in request.headers.items()}
    raw = _plain(headers, _raw(request.body_bytes))
    return Request(request.method, request.uri, headers, Body.of_request(raw))


def response_of(response: Mapping[str, Any]) -> Response:
    """Freeze a response, with every header; a compressed body is unpacked."""
    headers = {name.lower(): _text(values) for name, values in response["headers"].items()}
    body: Any = response.get("body") or {}
    raw = _plain(headers, _raw(body.get("string")))
    return Response(response["status"]["code"], headers, Body.of_response(raw))


def may_retry(response: Response) -> bool:
    """Tell whether the clients of OpenAI and Anthropic try again by themselves after this answer."""
    match response.headers.get("x-should-retry"):
        case "true":
            return response.status >= _LOWEST_ERROR
        case "false":
            return False
        case _:
            return response.status in _TRIED_AGAIN or response.status >= _LOWEST_SERVER_ERROR


def attempt_of(request: Request) -> int | None:
    """Return which attempt of a call a request was, from 0; None where its client does not say."""
    count = request.headers.get(_ATTEMPT, "")
    return int(count) if count.isdecimal() else None


def playable(response: Response, *, retried: bool) -> dict[str, Any]:
    """Thaw a response for the stubs.

    A recorded error after which the client tried again (`retried`) asks it to do so at once; any other is
    final, as it was when it was recorded. Neither makes it wait.
    """
    headers = {**response.headers, "content-length": str(len(raw := response.body.raw))}
    if response.status >= _LOWEST_ERROR:
        headers |= {"retry-after-ms": "1", "x-should-retry": str(retried).lower()}
        headers |= {"retry-after": "0"} if "retry-after" in headers else {}
    return {
        "status": {"code": response.status, "message": reasons.get(response.status, "")},
        "headers": {name: [value] for name, value in headers.items()},
        "body": {"string": raw},
    }


def _plain(headers: dict[str, str], raw: bytes) -> bytes:
    """Unpack a body and drop the header that says how; what cannot be unpacked keeps both."""
    codings = headers.get(_CODING)
    if codings is None:
        return raw
    try:
        plain = unpacked(raw, codings.split(","))
    except Packed:
        # some libraries unpack before the stub sees the body, and leave the header
        if not _is_text(raw):
            return raw
        plain = raw
    del headers[_CODING]
    headers["content-length"] = str(len(plain))
    return plain


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _text(values: Iterable[str | bytes]) -> str:
    return ", ".join(value.decode("latin-1") if isinstance(value, bytes) else str(value) for value in values)


def _raw(body: Any) -> bytes:
    # aiohttp hands over the object it was given to serialize
    match body:
        case None:
            return b""
        case bytes() | bytearray():
            return bytes(body)
        case str():
            return body.encode()
        case _:
            return json.dumps(body, default=str).encode()
