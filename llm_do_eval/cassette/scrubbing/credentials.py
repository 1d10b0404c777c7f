"""Messages as they went over the wire in, the credentials that they carry outside of their bodies out."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from llm_do_eval.cassette.interaction import Request

SECRET_PARAMETER = re.compile(
    r"(?:^|[-_])(?:key|token|sig|signature|secret|password|credential)$", re.IGNORECASE
)
# made anew for each request, and of no use for another one
_ONE_TIME = re.compile(r"(?:sig|signature)$", re.IGNORECASE)
_HEADER = re.compile(r"(?:^|[-_])(?:authorization|key|token|secret|password|credential)$")
_NO_CREDENTIAL = frozenset({"idempotency-key"})
_AWS = re.compile(r"\bCredential=([^/,\s]+)")
_PAIR = re.compile(r'(?:^|[;,])\s*([^=;,\s]+)=\s*"?([^;,"]*)')
_ATTRIBUTES = frozenset({"domain", "expires", "max-age", "path", "priority", "samesite", "version"})
# a cookie that says `accepted` or a time is no secret
_ORDINARY = re.compile(r"[A-Za-z]+|[\d.,:/ -]+")


def keys_of(request: Request) -> Iterator[str]:
    """Find what opens something: keys and tokens in headers (without their scheme), parameters, user info."""
    for name, value in request.headers.items():
        if _HEADER.search(name) and name not in _NO_CREDENTIAL:
            yield from _of_header(value)
    parts = urlsplit(request.uri)
    for name, value in parse_qsl(parts.query):
        if SECRET_PARAMETER.search(name) and not _ONE_TIME.search(name):
            # AWS puts day, region and service behind the access key id
            yield value.partition("/")[0] if name.lower().endswith("credential") else value
    yield unquote(parts.netloc.rpartition("@")[0].partition(":")[2])


def cookies_of(headers: Mapping[str, str]) -> Iterator[str]:
    """Find the values of cookies, sent and set, without those that are ordinary words or numbers."""
    for header in ("cookie", "set-cookie"):
        for name, value in _PAIR.findall(headers.get(header, "")):
            if name.lower() not in _ATTRIBUTES and not _ORDINARY.fullmatch(value):
                yield value


def _of_header(value: str) -> Iterator[str]:
    if aws := _AWS.search(value):
        yield aws[1]
        return
    scheme, _, rest = value.strip().partition(" ")
    yield rest.strip() or scheme
    if scheme.lower() == "basic":
        try:
            yield base64.b64decode(rest, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return
