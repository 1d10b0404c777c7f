"""One request and its answer: a line of a cassette in, a frozen `Interaction` out, and back."""

from __future__ import annotations

import base64
import binascii
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

BodyForm = Literal["none", "json", "text", "base64"]
_KINDS: Final = {dict: "an object", float: "a number", int: "an integer", str: "a text"}


@dataclass(frozen=True, slots=True)
class Body:
    """What a message carried; `value` is a JSON value, text, or base64 text, according to `form`."""

    form: BodyForm = "none"
    value: Any = None

    @classmethod
    def of_request(cls, raw: bytes) -> Body:
        """Keep bytes as JSON where they are JSON, else as `of_response` does: requests are compared."""
        try:
            text = raw.decode()
            return (
                cls("json", json.loads(text, parse_constant=_finite, parse_float=_finite)) if text else cls()
            )
        except (ValueError, RecursionError):
            return cls.of_response(raw)

    @classmethod
    def of_response(cls, raw: bytes) -> Body:
        """Keep bytes as text where they are UTF-8, else as base64: answers are played byte for byte."""
        if not raw:
            return cls()
        try:
            return cls("text", raw.decode())
        except UnicodeDecodeError:
            return cls("base64", base64.b64encode(raw).decode())

    @property
    def raw(self) -> bytes:
        """The bytes again; of JSON, one way to write them."""
        match self.form:
            case "none":
                return b""
            case "json":
                return json_line(self.value)
            case "text":
                return str(self.value).encode(errors="surrogatepass")
            case "base64":
                return base64.b64decode(self.value)


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent; header names are lower case."""

    method: str
    uri: str
    headers: Mapping[str, str]
    body: Body


@dataclass(frozen=True, slots=True)
class Response:
    """What a provider answered; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: Body


@dataclass(frozen=True, slots=True)
class Interaction:
    """A request of one sample and its answer.

    `seq` counts the requests of the sample as they were sent, from 0. `fingerprint` is for readers of the
    file: what counts is the request as it stands there. `latency_s` (seconds, until the last byte),
    `first_byte_s` (seconds, until the first byte of the body) and `at` (ISO 8601) are None where nobody
    measured them.
    """

    sample: int
    seq: int
    fingerprint: str
    request: Request
    response: Response
    latency_s: float | None = None
    at: str | None = None
    first_byte_s: float | None = None

    def to_line(self) -> bytes:
        """Write the interaction as one line of JSON, line end included."""
        request, response = self.request, self.response
        fields = {
            "sample": self.sample,
            "seq": self.seq,
            "fingerprint": self.fingerprint,
            "request": {"method": request.method, "uri": request.uri} | _message(request),
            "response": {"status": response.status} | _message(response),
            "latency_s": self.latency_s,
            "first_byte_s": self.first_byte_s,
            "at": self.at,
        }
        return json_line(fields) + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Interaction:
        """Read one line of JSON; unknown fields are ignored.

        Raises:
            LineError: the line is no interaction.
        """
        fields = json_object(line)
        request, response = _take(fields, "request", dict), _take(fields, "response", dict)
        return cls(
            sample=_take(fields, "sample", int),
            seq=_take(fields, "seq", int),
            fingerprint=_optional(fields, "fingerprint", str) or "",
            request=Request(
                _take(request, "method", str), _take(request, "uri", str), _headers(request), _body(request)
            ),
            response=Response(_take(response, "status", int), _headers(response), _body(response)),
            latency_s=_optional(fields, "latency_s", float, int),
            at=_optional(fields, "at", str),
            first_byte_s=_optional(fields, "first_byte_s", float, int),
        )


class LineError(ValueError):
    """A line does not hold what it should; the message says what is wrong with it."""


def json_line(value: Any) -> bytes:
    """Write a JSON value on one line, as UTF-8; half of a surrogate pair becomes its JSON escape."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="backslashreplace")


def json_object(line: bytes) -> dict[str, Any]:
    """Read a line that holds one JSON object.

    Raises:
        LineError: it holds something else.
    """
    try:
        value: Any = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise LineError("is no line of JSON") from error
    if not isinstance(value, dict):
        raise LineError("is no JSON object")
    return cast("dict[str, Any]", value)


def _message(message: Request | Response) -> dict[str, Any]:
    body = {} if message.body.form == "none" else {message.body.form: message.body.value}
    return {"headers": dict(message.headers)} | body


def _take(fields: Mapping[str, Any], name: str, *kinds: type) -> Any:
    value = fields.get(name)
    if not isinstance(value, kinds) or isinstance(value, bool):
        found = f"not {value!r:.80}" if name in fields else "and is missing"
        raise LineError(f"{name!r} has to be {_KINDS[kinds[0]]}, {found}")
    return value


def _optional(fields: Mapping[str, Any], name: str, *kinds: type) -> Any:
    return None if fields.get(name) is None else _take(fields, name, *kinds)


def _headers(message: Mapping[str, Any]) -> dict[str, str]:
    headers: dict[str, Any] = _optional(message, "headers", dict) or {}
    return {name.lower(): _take(headers, name, str) for name in headers}


def _body(message: Mapping[str, Any]) -> Body:
    match [form for form in ("json", "text", "base64") if form in message]:
        case []:
            return Body()
        case ["json"]:
            return Body("json", message["json"])
        case ["text"]:
            return Body("text", _take(message, "text", str))
        case ["base64"]:
            try:
                base64.b64decode(_take(message, "base64", str), validate=True)
            except binascii.Error as error:
                raise LineError(f"has a body that is no base64: {error}") from error
            return Body("base64", message["base64"])
        case forms:
            raise LineError(f"has several bodies: {', '.join(forms)}")


def _finite(number: str) -> float:
    if not math.isfinite(value := float(number)):
        raise ValueError(f"{number} is no JSON number")
    return value
