"""Texts that arrive in pieces in, the same texts without the secrets that the pieces hold together out.

A provider streams one text as many JSON documents: events of a `text/event-stream`, frames of AWS, lines.
Pieces belong together that stand at one path, where the objects on the path agree on what tells them apart:
`index`, all that ends in it, and `item_id`. The position in an array counts where its element has no index.
"""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from llm_do.secrets import Secrets, Span

Path = tuple[str | int, ...]

ANY = "*"
"""Stands in a path for the position in an array whose elements name an index themselves."""

_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")
_DATA = re.compile(r"\ufeff?data(?:: ?|\Z)")
_STREAM = re.compile(r"(?:\A\ufeff?|[\r\n])data:")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*+)"')
_BETWEEN = re.compile(r"[\s\ufeff]*")
# one character of a string, as it is written in JSON
_CHARACTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]"
)
_ROUNDS = 4


class Leaf(NamedTuple):
    """A string in a JSON document: its path, what tells the objects on it apart, its value, its place.

    `start` and `end` are positions in the document, inside of the quotes.
    """

    path: Path
    names: tuple[tuple[str, str | int], ...]
    value: str
    start: int
    end: int


class Piece(NamedTuple):
    """A leaf of one of several documents."""

    document: int
    leaf: Leaf


class Pairs(list[tuple[str, Any]]):
    """An object of JSON, with each key as often as it is written."""


def is_stream(text: str) -> bool:
    """Tell whether a text is made of server-sent events."""
    return bool(_STREAM.search(text))


def scrubbed(text: str, secrets: Secrets) -> str:
    """Replace the secrets of a body: those spread over events, in strings of JSON, and in the text itself."""
    for _ in range(_ROUNDS):
        before = text
        text = secrets.text(_scrubbed_strings(text, secrets))
        if text == before:
            break
    return text


def documents(text: str) -> list[str]:
    """Return the data of each event of a stream; of any other text, the text."""
    return [event.data for event in _events(_lines(text))] if is_stream(text) else [text]


def rewritten(texts: Sequence[str], secrets: Secrets) -> list[str]:
    """Replace the secrets that the strings of JSON documents hold together.

    The first piece of a secret gives way to its placeholder, the others to nothing. What is not replaced
    stays as it is written; a document that is no JSON stays as it is.
    """
    edits: dict[int, list[tuple[int, int, str]]] = {}
    for pieces in grouped(texts).values():
        for piece, written in _edited(pieces, texts, secrets):
            edits.setdefault(piece.document, []).append((piece.leaf.start, piece.leaf.end, written))
    return [_replaced(text, sorted(edits.get(number, ()))) for number, text in enumerate(texts)]


def grouped(texts: Iterable[str]) -> Mapping[tuple[Any, ...], list[Piece]]:
    """Put the strings of JSON documents together that are pieces of one text, in the order they arrived."""
    groups: dict[tuple[Any, ...], list[Piece]] = {}
    for number, text in enumerate(texts):
        for leaf in leaves(text):
            groups.setdefault((leaf.path, leaf.names), []).append(Piece(number, leaf))
    return groups


def leaves(document: str) -> list[Leaf]:
    """Find the strings in JSON values that follow each other, without keys; other text has none.

    An array at the top is taken as the values in it: some providers stream one.
    """
    # in JSON, quotes stand around strings only, so they are met in the order in which the values are walked
    written = _STRING.finditer(document)
    try:
        return [leaf for value in _values(document) for leaf in _walk(value, (), (), written)]
    except (ValueError, RecursionError):
        return []


class _Event(NamedTuple):
    data: str
    lines: list[int]


_DECODER = json.JSONDecoder(object_pairs_hook=Pairs)


def _scrubbed_strings(text: str, secrets: Secrets) -> str:
    if not is_stream(text):
        return rewritten([text], secrets)[0]
    lines = _lines(text)
    events = [*_events(lines)]
    for event, data in zip(events, rewritten([event.data for event in events], secrets), strict=True):
        if data != event.data:
            # strings of JSON hold no line ends, so there are as many lines as before
            for number, line in zip(event.lines, data.split("\n"), strict=True):
                head = _DATA.match(lines[number][0])
                lines[number] = (head[0] if head else "") + line, lines[number][1]
    return "".join(line + end for line, end in lines)


def _lines(text: str) -> list[tuple[str, str]]:
    return [(line[1], line[2]) for line in _LINE.finditer(text)]


def _events(lines: Iterable[tuple[str, str]]) -> Iterator[_Event]:
    found: list[int] = []
    data: list[str] = []
    for number, (line, _) in enumerate(lines):
        if head := _DATA.match(line):
            found.append(number)
            data.append(line[head.end() :])
        elif not line and found:
            yield _Event("\n".join(data), found)
            found, data = [], []
    if found:
        yield _Event("\n".join(data), found)


def _values(document: str) -> Iterator[Any]:
    start = cast("re.Match[str]", _BETWEEN.match(document)).end()
    while start < len(document):
        value, end = _DECODER.raw_decode(document, start)
        yield from (
            cast("list[Any]", value) if isinstance(value, list) and not isinstance(value, Pairs) else [value]
        )
        start = cast("re.Match[str]", _BETWEEN.match(document, end)).end()


def _walk(
    value: Any, path: Path, names: tuple[tuple[str, str | int], ...], written: Iterator[re.Match[str]]
) -> Iterator[Leaf]:
    match value:
        case str():
            found = next(written)
            yield Leaf(path, names, value, found.start(1), found.end(1))
        case Pairs():
            names += _names(value)
            for key, each in value:
                next(written)
                yield from _walk(each, (*path, key), names, written)
        case list():
            for position, each in enumerate(cast("list[Any]", value)):
                told = isinstance(each, Pairs) and _names(each)
                yield from _walk(each, (*path, ANY if told else position), names, written)
        case _:
            pass


def _names(pairs: Pairs) -> tuple[tuple[str, str | int], ...]:
    return tuple(
        (key, value)
        for key, value in pairs
        if (key.lower().endswith("index") or key == "item_id")
        and isinstance(value, str | int)
        and not isinstance(value, bool)
    )


def _edited(pieces: Sequence[Piece], texts: Sequence[str], secrets: Secrets) -> Iterator[tuple[Piece, str]]:
    spans = [*secrets.spans("".join(piece.leaf.value for piece in pieces))]
    ends = [*accumulate(len(piece.leaf.value) for piece in pieces)]
    first = 0
    for piece, end in zip(pieces, ends, strict=True):
        start = end - len(piece.leaf.value)
        while first < len(spans) and spans[first].end <= start:
            first += 1
        last = first
        while last < len(spans) and spans[last].start < end:
            last += 1
        if first < last:
            document = texts[piece.document]
            yield piece, _cut(document[piece.leaf.start : piece.leaf.end], start, spans[first:last])


def _cut(written: str, offset: int, spans: Iterable[Span]) -> str:
    characters = _CHARACTER.findall(written)
    kept: list[str] = []
    done = 0
    for span in spans:
        kept += characters[done : max(span.start - offset, 0)]
        if span.start >= offset:
            kept.append(span.placeholder)
        done = span.end - offset
    return "".join([*kept, *characters[done:]])


def _replaced(text: str, edits: Iterable[tuple[int, int, str]]) -> str:
    parts: list[str] = []
    done = 0
    for start, end, written in edits:
        parts += text[done:start], written
        done = end
    return "".join([*parts, text[done:]])
