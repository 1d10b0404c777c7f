"""Messages as they went over the wire in, messages that may be committed out."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from llm_do.secrets import DUMMY_KEY, HIDDEN, Secrets, is_token, may_be_secret, secret_values
from llm_do_eval.cassette.interaction import Body, Request, Response
from llm_do_eval.cassette.scrubbing.credentials import SECRET_PARAMETER, cookies_of, keys_of
from llm_do_eval.cassette.scrubbing.sse import rewritten, scrubbed
from llm_do_eval.cassette.wires.eventstream import EventStreamError, frames, joined
from llm_do_eval.cassette.wires.key import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from llm_do_eval.cassette.interaction import Interaction

REQUEST_HEADERS = frozenset(
    {
        "accept",
        "anthropic-beta",
        "anthropic-version",
        "content-encoding",
        "content-type",
        # by this number a retry of the client is told from a new question of the application
        "x-stainless-retry-count",
    }
)
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
COOKIE = "a cookie"
# who makes a new one for each request must not make each request slower than the one before
_REMEMBERED = 64


class Scrubber:
    """Takes secrets out: of headers keeps a list, of URIs and bodies replaces what `Secrets` knows.

    Keys that requests carry, in headers, parameters or user info, are secrets from then on, and so is what
    stands in `environ` at any of its messages: a test may set a variable, and remove it again.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._values: dict[str, str] = {}
        self._keys: dict[str, None] = {}
        self._cookies: dict[str, None] = {}
        # guards the three above: sync clients run in threads
        self._lock = threading.Lock()
        self._secrets = Secrets(())
        self._see()

    @property
    def known(self) -> Mapping[str, str]:
        """The values that are secrets as far as is known, each with words for what it is."""
        self._see()
        with self._lock:
            keys = dict.fromkeys(filter(may_be_secret, self._keys), "a key that a request carried")
            cookies = dict.fromkeys(self._cookies, COOKIE)
            return cookies | keys | self._values

    def request(self, request: Request) -> Request:
        """Scrub all of a request."""
        self._see(keys_of(request), cookies_of(request.headers))
        headers = self._headers(request.headers, REQUEST_HEADERS)
        return Request(request.method, self.uri(request.uri), headers, self.body(request.body))

    def response(self, response: Response) -> Response:
        """Scrub all of a response."""
        self._see((), cookies_of(response.headers))
        headers = self._headers(response.headers, RESPONSE_HEADERS)
        return Response(response.status, headers, self.body(response.body))

    def interaction(self, interaction: Interaction) -> Interaction:
        """Scrub a recorded interaction again, with what has been learned since."""
        request = self.request(interaction.request)
        response = self.response(interaction.response)
        return replace(interaction, request=request, response=response, fingerprint=fingerprint(request))

    def uri(self, uri: str) -> str:
        """Drop user and password, and replace the values of parameters named like a secret."""
        parts = urlsplit(uri)
        query = [
            (name, HIDDEN if SECRET_PARAMETER.search(name) else value)
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
        ]
        netloc = parts.netloc.rpartition("@")[2]
        return self.text(parts._replace(netloc=netloc, query=urlencode(query, safe="<>")).geturl())

    def body(self, body: Body) -> Body:
        """Scrub a body, also where a secret is spread over events or frames; other base64 stays as it is."""
        match body.form:
            case "none":
                return body
            case "json":
                return replace(body, value=self._secrets.value(body.value))
            case "text":
                return replace(body, value=scrubbed(body.value, self._secrets))
            case "base64":
                return self._frames(body)

    def text(self, text: str) -> str:
        """Scrub a text."""
        return self._secrets.text(text)

    def _frames(self, body: Body) -> Body:
        try:
            found = frames(body.raw)
            payloads = [each.payload.decode() for each in found]
        except (EventStreamError, UnicodeDecodeError):
            return body
        clean = [self._secrets.text(each) for each in rewritten(payloads, self._secrets)]
        if clean == payloads:
            return body
        changed = (each._replace(payload=text.encode()) for each, text in zip(found, clean, strict=True))
        return Body.of_response(joined(changed))

    def _headers(self, headers: Mapping[str, str], kept: frozenset[str]) -> dict[str, str]:
        return {
            name: self.uri(value) if name == "location" else self.text(value)
            for name, value in headers.items()
            if name in kept
        }

    def _see(self, keys: Iterable[str] = (), cookies: Iterable[str] = ()) -> None:
        # the stand-in for a key is replaced too: where the key was in a body, the stand-in is in the replay
        keys = [key for key in keys if key == DUMMY_KEY or (may_be_secret(key) and not is_token(key))]
        values = secret_values(_as_it_is(self._environ))
        with self._lock:
            _remember(self._cookies, filter(may_be_secret, cookies))
            if _remember(self._keys, keys) or values.keys() - self._values.keys():
                self._values = values | self._values
                self._secrets = Secrets(self._values, self._keys)


def _as_it_is(environ: Mapping[str, str]) -> dict[str, str]:
    # another thread may remove a variable meanwhile
    return {name: value for name in [*environ] if (value := environ.get(name)) is not None}


def _remember(found: dict[str, None], values: Iterable[str]) -> bool:
    """Put values behind all others, of which the oldest go; tell whether one of them is new."""
    new = False
    for value in values:
        new |= value not in found
        found.pop(value, None)
        found[value] = None
    for oldest in [*found][:-_REMEMBERED]:
        del found[oldest]
    return new
