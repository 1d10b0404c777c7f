"""A request in, the fingerprint out that decides which recordings answer it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from llm_do.canonical import canonical_json, digest
from llm_do.secrets import HIDDEN, HIDDEN_ENV
from llm_do_eval.cassette.interaction import Body

if TYPE_CHECKING:
    from llm_do_eval.cassette.interaction import Request

_OWN_ID = re.compile("pyd_ai_[0-9a-f]{32}")
_BOUNDARY = re.compile(r'boundary="?([^";,\s]+)')
_NO_BOUNDARY = "boundary"


def fingerprint(request: Request) -> str:
    """Digest method, path, query and body, 32 hexadecimal digits; the request has been scrubbed.

    Host, port and secrets do not count: a recording from a proxy or another region answers too. Of a JSON
    body neither the order of keys nor white space counts, of ids that pydantic-ai makes up (`pyd_ai_...`)
    only which are equal, and of a multipart body not its boundary.
    """
    target = f"{request.method.upper()} {urlsplit(request.uri).path} {normal_query(request.uri)}"
    body = request.body
    if boundary := _BOUNDARY.search(request.headers.get("content-type", "")):
        body = _unbounded(body, boundary[1])
    text = normal_text(body)
    # which of the two a secret becomes depends on where its key was set
    return digest(f"{target}\n{body.form}\n{text}".replace(HIDDEN_ENV, HIDDEN))[:32]


def normal_query(uri: str) -> list[tuple[str, str]]:
    """Return the parameters of a scrubbed URI, without secrets, sorted."""
    query = parse_qsl(urlsplit(uri).query, keep_blank_values=True)
    return sorted((name, value) for name, value in query if value != HIDDEN)


def normal_text(body: Body) -> str:
    """Write a body so that bodies meaning the same have the same text."""
    if body.form == "none":
        return ""
    text = canonical_json(body.value) if body.form == "json" else str(body.value)
    order: dict[str, int] = {}
    return _OWN_ID.sub(lambda found: f"pyd_ai_{order.setdefault(found[0], len(order))}", text)


def _unbounded(body: Body, boundary: str) -> Body:
    match body.form:
        case "text":
            return replace(body, value=body.value.replace(boundary, _NO_BOUNDARY))
        case "base64":
            # in base64 text the boundary cannot be found
            return Body.of_response(body.raw.replace(boundary.encode(), _NO_BOUNDARY.encode()))
        case _:
            return body
