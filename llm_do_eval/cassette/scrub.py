"""Messages as they went over the wire in, messages that may be committed out."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from llm_do.secrets import HIDDEN, Secrets
from llm_do_eval.cassette.interaction import Body, Request, Response

if TYPE_CHECKING:
    from collections.abc import Mapping

REQUEST_HEADERS = frozenset({"accept", "anthropic-beta", "anthropic-version", "content-type"})
RESPONSE_HEADERS = frozenset(
    {
        "content-encoding",
        "content-type",
        "location",
        "retry-after",
        "retry-after-ms",
        # by this name of an error botocore decides whether to try again
        "x-amzn-errortype",
        "x-should-retry",
    }
)
_SECRET_PARAMETER = re.compile(
    r"(?:^|[-_])(?:key|token|sig|signature|secret|password|credential)$", re.IGNORECASE
)


class Scrubber:
    """Takes secrets out: of headers keeps a list, of URIs and bodies replaces what `Secrets` knows."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._secrets = Secrets(environ)

    def request(self, request: Request) -> Request:
        """Scrub all of a request."""
        headers = self._headers(request.headers, REQUEST_HEADERS)
        return Request(request.method, self.uri(request.uri), headers, self.body(request.body))

    def response(self, response: Response) -> Response:
        """Scrub all of a response."""
        headers = self._headers(response.headers, RESPONSE_HEADERS)
        return Response(response.status, headers, self.body(response.body))

    def uri(self, uri: str) -> str:
        """Drop user and password, and replace the values of parameters named like a secret."""
        parts = urlsplit(uri)
        query = [
            (name, HIDDEN if _SECRET_PARAMETER.search(name) else value)
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
        ]
        netloc = parts.netloc.rpartition("@")[2]
        return self.text(parts._replace(netloc=netloc, query=urlencode(query, safe="<>")).geturl())

    def body(self, body: Body) -> Body:
        """Scrub a body; base64 stays as it is."""
        return (
            body if body.form in ("none", "base64") else replace(body, value=self._secrets.value(body.value))
        )

    def text(self, text: str) -> str:
        """Scrub a text."""
        return self._secrets.text(text)

    def _headers(self, headers: Mapping[str, str], kept: frozenset[str]) -> dict[str, str]:
        return {
            name: self.uri(value) if name == "location" else self.text(value)
            for name, value in headers.items()
            if name in kept
        }
