"""Text in, the same text without the secrets that are known or look like provider keys out."""

from __future__ import annotations

import base64
import json
import os
import re
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast
from urllib.parse import quote, quote_plus, unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

HIDDEN: Final = "<secret>"
HIDDEN_ENV: Final = "<env-secret>"
DUMMY_KEY: Final = "llm-eval-dummy-key"
"""Stands where a client insists on a key although no request will leave the machine."""

_NAMED: Final = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
_WITH_PASSWORD: Final = re.compile(r"://(?P<place>[^\s/:@]*:(?P<password>[^\s/]+)@[^\s/?#,;]+)")
# a password that is one of these stands in other texts too, where it is none
_ORDINARY: Final = re.compile(r"[A-Za-z]+|\d+")
_PLACEHOLDER: Final = re.compile(r"(<(?:env-)?secret>)")
# each ends where a word ends, so that what follows a replacement is no new key; no pattern here takes
# more than linear time
_SHAPED: Final = re.compile(
    r"""(?<![A-Za-z0-9])(?:
        sk-[\w-]{16,}                                     # OpenAI, Anthropic and look-alikes
      | AKIA[0-9A-Z]{16}[A-Za-z0-9]*                      # AWS access key id
      | AIza[\w-]{35,}                                    # Google
      | gh[opsur]_[A-Za-z0-9]{20,}                        # GitHub
    )""",
    re.VERBOSE | re.ASCII,
)
# a JSON web token; what stands before it in its word is not part of it
_JWT: Final = re.compile(
    r"(?<![\w-])(?>[\w-]*?(?<![A-Za-z0-9])(?=eyJ))(?P<token>[\w-]{11,}+\.[\w-]{8,}+\.[\w-]{8,}+)", re.ASCII
)
_STARTS: Final = ("sk-", "AKIA", "AIza", "ghp_", "gho_", "ghs_", "ghu_", "ghr_", "eyJ")
_SHORTEST: Final = 8


class Span(NamedTuple):
    """A secret in a text, from `start` up to `end`, and what to put in its place."""

    start: int
    end: int
    placeholder: str


class Secrets:
    """What counts as a secret: values of an environment, as `secret_values` finds them, and `others`.

    They are known plain, JSON-escaped once or twice, URL-encoded and in base64, and so are texts of the shape
    of a provider's key. A replacement does not depend on its value; replacing twice changes nothing.
    """

    def __init__(self, values: Iterable[str], others: Iterable[str] = ()) -> None:
        known = {spelling for value in values for spelling in _spellings(value)}
        self._others = {spelling for value in others for spelling in _spellings(value)} - known
        longest_first = sorted(known | self._others, key=lambda spelling: (-len(spelling), spelling))
        self._known = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")

    def text(self, text: str) -> str:
        """Replace the secrets in a text."""
        if not self._are_in(text):
            return text
        pieces: list[str] = []
        done = 0
        for span in self.spans(text):
            pieces += text[done : span.start], span.placeholder
            done = span.end
        return "".join([*pieces, text[done:]])

    def spans(self, text: str) -> Iterator[Span]:
        """Find the secrets in a text, from left to right; none overlaps another, or a placeholder."""
        start = 0
        # every second piece is a placeholder
        for number, piece in enumerate(_PLACEHOLDER.split(text)):
            if not number % 2:
                yield from self._found(piece, start)
            start += len(piece)

    def value(self, value: Any) -> Any:
        """Replace the secrets in every text of a JSON-like value, keys included; numbers stay as they are.

        A value without secrets comes back as it is, else a copy.
        """
        texts: list[str] = []
        _collect(value, texts)
        # one look at all texts is many times faster than one look at each, and most values hold no secret
        return self._replaced(value) if self._are_in("\0".join(texts)) else value

    def _are_in(self, text: str) -> bool:
        return len(text) >= _SHORTEST and bool(self._known.search(text) or has_shape(text))

    def _replaced(self, value: Any) -> Any:
        match value:
            case str():
                return self.text(value)
            case dict():
                items = cast("dict[Any, Any]", value).items()
                return {self._replaced(key): self._replaced(each) for key, each in items}
            case list() | tuple():
                return [self._replaced(each) for each in cast("list[Any]", value)]
            case _:
                return value

    def _found(self, text: str, offset: int) -> Iterator[Span]:
        done = 0
        for known in self._known.finditer(text):
            yield from _shaped(text[done : known.start()], offset + done)
            placeholder = HIDDEN if known[0] in self._others else HIDDEN_ENV
            yield Span(offset + known.start(), offset + known.end(), placeholder)
            done = known.end()
        yield from _shaped(text[done:], offset + done)


def secret_values(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what of an environment is secret, each with words for where it stands.

    That are the values (8 characters or more) of variables whose names say KEY, TOKEN, SECRET, PASSW or
    CREDENTIAL, and of any variable that is a URL with a password, the password, and user, password and host
    together. A password of only letters or only digits counts only with its host: it may be a word.
    """
    found: dict[str, str] = {}
    for name, value in environ.items():
        if "@" in value and "://" in value:
            found |= dict.fromkeys(filter(may_be_secret, _passwords(value)), f"the password in {name}")
        if _NAMED.search(name) and may_be_secret(value):
            found[value] = f"the value of {name}"
    return found


def may_be_secret(value: str) -> bool:
    """Tell whether a value is long enough for a secret, and stands in for none."""
    return len(value) >= _SHORTEST and value not in (DUMMY_KEY, HIDDEN, HIDDEN_ENV)


def is_token(value: str) -> bool:
    """Tell whether a value is a JSON web token, which is known by its shape."""
    return bool(_JWT.fullmatch(value))


def has_shape(text: str) -> bool:
    """Tell whether a text holds a text of the shape of a provider's key."""
    # looking for how they start is much faster
    if not any(start in text for start in _STARTS):
        return False
    return bool(_SHAPED.search(text) or _JWT.search(text))


def redact(text: str) -> str:
    """Replace what is a secret in this process's environment as it is now."""
    return _this_process().secrets().text(text)


def redacted(value: Any) -> Any:
    """Replace in a JSON-like value what is a secret in this process's environment as it is now."""
    return _this_process().secrets().value(value)


class _Process:
    """The secrets of `os.environ`, made anew when it has changed."""

    def __init__(self) -> None:
        self._known: tuple[Mapping[Any, Any], Secrets] = {}, Secrets(())

    def secrets(self) -> Secrets:
        """Return the secrets as they are now."""
        # os.environ decodes every value at every look; what it keeps them in compares in no time
        kept: Mapping[Any, Any] = getattr(os.environ, "_data", os.environ)
        seen, secrets = self._known
        if kept != seen:
            seen = dict(kept)
            secrets = Secrets(secret_values(os.environ))
            self._known = seen, secrets
        return secrets


@lru_cache(maxsize=1)
def _this_process() -> _Process:
    return _Process()


def _collect(value: Any, texts: list[str]) -> None:
    if isinstance(value, str):
        texts.append(value)
    elif isinstance(value, dict):
        for key, each in cast("dict[Any, Any]", value).items():
            if isinstance(key, str):
                texts.append(key)
            if each is not None:
                _collect(each, texts)
    elif isinstance(value, list | tuple):
        for each in cast("list[Any]", value):
            _collect(each, texts)


def _passwords(value: str) -> Iterator[str]:
    """Give the passwords of URLs, as written and as sent, and each with its user and host."""
    for url in _WITH_PASSWORD.finditer(value):
        yield url["place"]
        if not _ORDINARY.fullmatch(url["password"]):
            yield from {url["password"], unquote(url["password"])}


def _shaped(text: str, offset: int) -> Iterator[Span]:
    found = [each.span() for each in _SHAPED.finditer(text)]
    found += [each.span("token") for each in _JWT.finditer(text)]
    start = end = -1
    for first, last in sorted(found):
        if first >= end >= 0:
            yield Span(offset + start, offset + end, HIDDEN)
        if first >= end:
            start = first
        end = max(end, last)
    if end >= 0:
        yield Span(offset + start, offset + end, HIDDEN)


def _spellings(value: str) -> set[str]:
    escaped = {json.dumps(value, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    return {
        value,
        *escaped,
        # arguments of a tool call are JSON within JSON
        *(json.dumps(once, ensure_ascii=both)[1:-1] for once, both in product(escaped, (True, False))),
        quote(value, safe="", errors="surrogatepass"),
        quote(value, errors="surrogatepass"),
        quote_plus(value, errors="surrogatepass"),
        *_in_base64(value.encode("utf-8", "surrogatepass")),
    }


def _in_base64(value: bytes) -> Iterator[str]:
    """Spell what of a value stands unmixed in the base64 of a longer text, in all three alignments."""
    for shift in range(3):
        whole = (shift + len(value)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(bytes(shift) + value).decode()[(0, 2, 3)[shift] : whole]
