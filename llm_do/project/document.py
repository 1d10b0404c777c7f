"""Scalars, openings and closings with lines in, one bounded JSON-like value that knows its lines out."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from reprlib import Repr
from typing import TYPE_CHECKING, Any, Final, cast

from llm_do.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_BYTES: Final = 65_536
MAX_DEPTH: Final = 12
MAX_VALUES: Final = 5_000

Place = tuple[str | int, ...]
"""Keys and list indexes from the root of a document down to one value."""

Scalar = str | float | bool | None


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a document with what an error about it needs: its place, the file, all keys' lines."""

    value: Any
    place: Place = ()
    lines: Mapping[Place, int] = field(default_factory=dict[Place, int], repr=False)
    path: Path | str | None = None

    @property
    def line(self) -> int | None:
        """The line (from 1) of the value's key or list item; None if the value came from no file."""
        return self.lines.get(self.place)

    def child(self, key: str | int) -> Node:
        """Return the value below a key of this mapping or an index of this list."""
        return Node(self.value[key], (*self.place, key), self.lines, self.path)

    def items(self) -> Iterator[Node]:
        """Yield the items of this list in order."""
        yield from map(self.child, range(len(self.value)))

    def key_lines(self) -> dict[str, int]:
        """Map the document's keys (`workers`), and what stands right below (`workers.allow`), to lines."""
        return {".".join(map(str, place)): line for place, line in self.lines.items() if len(place) in (1, 2)}

    def error(self, message: str) -> SpecError:
        """Return the error that says `message` about this value's file and line."""
        return SpecError(message, path=self.path, line=self.line)


class Builder:
    """Assembles a document from its events and refuses it as soon as it breaks a limit."""

    def __init__(self, path: Path | str | None) -> None:
        self._path = path
        self._lines: dict[Place, int] = {}
        self._root: Any = None
        self._open: list[dict[str, Any] | list[Any]] = []
        self._at: list[str | int | None] = []  # beside _open: the last index or the waiting key

    def open(self, container: dict[str, Any] | list[Any], line: int) -> None:
        """Begin an empty container; what follows goes into it until it is closed."""
        if self._awaits_key():
            raise self.error("a key must be text, found a collection", line)
        if len(self._open) == MAX_DEPTH:
            raise self.error(f"nested deeper than {MAX_DEPTH} levels; flatten it", line)
        self._put(container, line)
        self._open.append(container)
        self._at.append(None)

    def close(self) -> None:
        """End the innermost open container."""
        self._open.pop()
        self._at.pop()
        self._settle()

    def scalar(self, value: Scalar, line: int) -> None:
        """Add a key or a value, whichever is due."""
        if isinstance(value, str) and (bad := _UNUSABLE.search(value)):
            raise self.error(f"text holds the character U+{ord(bad.group()):04X}; remove it", line)
        if self._awaits_key():
            self._key(value, line)
        else:
            self._put(value, line)
            self._settle()

    def plain(self, text: str, line: int) -> None:
        """Add an unquoted scalar, read as `core_scalar` reads it."""
        try:
            value = core_scalar(text)
        except ValueError as error:
            raise self.error(f"{error}; quote it if it is text", line) from None
        self.scalar(value, line)

    def finish(self) -> Node:
        """Return the document's root."""
        return Node(self._root, (), self._lines, self._path)

    def error(self, message: str, line: int) -> SpecError:
        """Return the error that says `message` about a line of this document."""
        return SpecError(message, path=self._path, line=line)

    def _awaits_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1], dict) and self._at[-1] is None

    def _key(self, key: object, line: int) -> None:
        if not isinstance(key, str):
            raise self.error(f"a key must be text, found {found(key)}; quote it", line)
        if key in self._open[-1]:
            raise self.error(f"key {brief(key)} stands twice; keep one", line)
        self._at[-1] = key
        self._mark(line)

    def _put(self, value: Any, line: int) -> None:
        if not self._open:
            self._root = value
        elif isinstance(top := self._open[-1], list):
            self._at[-1] = len(top)
            top.append(value)
        else:
            top[cast("str", self._at[-1])] = value
        self._mark(line)

    def _mark(self, line: int) -> None:
        self._lines.setdefault(cast("Place", tuple(self._at)), line)
        if len(self._lines) > MAX_VALUES:
            raise self.error(f"more than {MAX_VALUES} values; make the file smaller", line)

    def _settle(self) -> None:
        if self._open and isinstance(self._open[-1], dict):
            self._at[-1] = None


def decode(source: bytes, *, path: Path | str | None = None) -> str:
    r"""Decode the bytes of a project file; CRLF becomes `\n`.

    Raises:
        SpecError: not UTF-8, a byte order mark, or a NUL byte.
    """
    if source.startswith(b"\xef\xbb\xbf"):
        raise SpecError(
            "the file begins with a byte order mark; save it as UTF-8 without one", path=path, line=1
        )
    try:
        text = source.decode("utf-8")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise SpecError("the file is not UTF-8; save it as UTF-8", path=path, line=line) from None
    if (at := text.find("\0")) >= 0:
        raise SpecError(
            "the file holds a NUL character; remove it", path=path, line=text.count("\n", 0, at) + 1
        )
    return text.replace("\r\n", "\n")


def check_size(text: str, *, path: Path | str | None = None) -> None:
    """Refuse a text of more than `MAX_BYTES` bytes in UTF-8."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise SpecError(f"the text is larger than {MAX_BYTES} bytes; make it smaller", path=path)


def core_scalar(text: str) -> Scalar:
    """Resolve an unquoted scalar by the YAML 1.2 core schema, of which JSON's literals are a part.

    A number with leading zeros stays text, so that codes such as 0777 are kept as written.
    Source: YAML 1.2.2, section 10.3.2.

    Raises:
        ValueError: a number that JSON cannot carry (infinite, not a number, or over 100 characters).
    """
    if text in _LITERALS:
        return _LITERALS[text]
    integer = _INTEGER.fullmatch(text)
    if not integer and not _FLOAT.fullmatch(text) and not _NOT_FINITE.fullmatch(text):
        return text
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"a number of more than {_MAX_DIGITS} characters")
    if integer:
        return int(text, _BASES.get(text[:2], 10))
    if _NOT_FINITE.fullmatch(text) or not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is no finite number")
    return number


def found(value: object) -> str:
    """Name a JSON value for an error: its type and, for a scalar, the shortened value."""
    match value:
        case None:
            return "nothing (null)"
        case bool():
            return f"boolean {str(value).lower()}"
        case int() | float():
            return f"number {value}"
        case str():
            return f"text {brief(value)}"
        case Mapping():
            return "a mapping"
        case _:
            return f"a {type(value).__name__}"


def brief(text: str) -> str:
    """Quote a text for an error, shortened to fit the line."""
    return _SHORT.repr(text)


_UNUSABLE = re.compile("[\0\ud800-\udfff]")
_LITERALS: Final[Mapping[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_BASES: Final[Mapping[str, int]] = {"0o": 8, "0x": 16}
_MAX_DIGITS: Final = 100
_SHORT = Repr()
_SHORT.maxstring = 60
