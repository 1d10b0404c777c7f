"""Text in, the same text without the secrets that are known or look like provider keys out."""

from __future__ import annotations

import base64
import json
import os
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HIDDEN: Final = "<secret>"
HIDDEN_ENV: Final = "<env-secret>"
DUMMY_KEY: Final = "llm-eval-dummy-key"
"""Stands where a client insists on a key although no request will leave the machine."""

_NAMED: Final = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
_SHAPED: Final = re.compile(
    r"""(?<![A-Za-z0-9])(?:
        sk-[\w-]{16,}                                     # OpenAI, Anthropic and look-alikes
      | AKIA[0-9A-Z]{16}                                  # AWS access key id
      | AIza[\w-]{35}                                     # Google
      | gh[opsur]_[A-Za-z0-9]{20,}                        # GitHub
      | eyJ[\w-]{8,}\.(?:eyJ)?[\w-]{8,}\.[\w-]{8,}        # JSON web token
    )""",
    re.VERBOSE | re.ASCII,
)
_SHORTEST: Final = 8


class Secrets:
    """What counts as a secret, given an environment.

    Known are the values (8 characters or more) of variables whose names say KEY, TOKEN, SECRET, PASSW or
    CREDENTIAL, plain, JSON-escaped, URL-encoded and in base64, and texts of the shape of a provider's key. A
    replacement does not depend on its value, and replacing twice changes nothing.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        values = {value for name, value in environ.items() if _NAMED.search(name)}
        known = {value for value in values if len(value) >= _SHORTEST and value not in (DUMMY_KEY, HIDDEN)}
        spellings = {spelling for value in known for spelling in _spellings(value)}
        longest_first = sorted(
            (spelling for spelling in spellings if spelling not in HIDDEN_ENV),
            key=lambda spelling: (-len(spelling), spelling),
        )
        self._known = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")

    def text(self, text: str) -> str:
        """Replace the secrets in a text."""
        return _SHAPED.sub(HIDDEN, self._known.sub(HIDDEN_ENV, text))

    def value(self, value: Any) -> Any:
        """Copy a JSON-like value with every text in it, keys included, replaced; numbers stay as they are."""
        match value:
            case str():
                return self.text(value)
            case dict():
                items = cast("dict[Any, Any]", value).items()
                return {self.value(key): self.value(each) for key, each in items}
            case list() | tuple():
                return [self.value(each) for each in cast("list[Any]", value)]
            case _:
                return value


def redact(text: str) -> str:
    """Replace what is a secret in this process's environment as it is now."""
    return _of_this_process().text(text)


def redacted(value: Any) -> Any:
    """Copy a JSON-like value without the secrets of this process's environment as it is now."""
    return _of_this_process().value(value)


def _of_this_process() -> Secrets:
    return _made(tuple((name, value) for name, value in os.environ.items() if _NAMED.search(name)))


@lru_cache(maxsize=4)
def _made(variables: tuple[tuple[str, str], ...]) -> Secrets:
    return Secrets(dict(variables))


def _spellings(value: str) -> set[str]:
    return {
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        quote(value, safe=""),
        *_in_base64(value.encode("utf-8", "surrogatepass")),
    }


def _in_base64(value: bytes) -> Iterator[str]:
    """Spell what of a value stands unmixed in the base64 of a longer text, in all three alignments."""
    for shift in range(3):
        whole = (shift + len(value)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(bytes(shift) + value).decode()[(0, 2, 3)[shift] : whole]
