"""A text in, itself and what it may stand for out: without escapes, out of base64, unpacked, and so inwards.

Made for looking, not for reading: each way to undo a form is tried wherever the text allows it, and what
comes out is mostly noise. Bytes are texts of one character a byte (Latin-1). The work is linear in the length
of the text and of what is unpacked from it.
"""

from __future__ import annotations

import re
from base64 import b64decode
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

from llm_do_eval.cassette.wires.unpack import Packed, decoder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DEPTH: Final = 4
"""How many forms within each other are undone; escapes come on top, each up to three times a level."""
MOST: Final = 64 * 2**20
"""How many bytes are unpacked from one text, besides four for each of its own."""

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_CONTROL = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_SURROGATE = re.compile("[\ud800-\udfff]")
_PERCENT = re.compile("%([0-9a-fA-F]{2})")
# 11 characters hold the shortest secret; base64 is wrapped at 64 or 76, and may be indented
_RUN = re.compile(r"(?<![\w+/-])[\w+/-]{11,}+(?:\r?\n[ \t]*[\w+/-]++)*+", re.ASCII)
_SPACE = re.compile(r"\s+")
_STANDARD = bytes.maketrans(b"-_", b"+/")
_GAP = b"AAAA"
_HEADLESS_RUN = 16
_HEADS = re.compile("\x1f\x8b\x08|\\(\xb5/\xfd|x[\x01\x5e\x9c\xda]")
_CODINGS = {"\x1f": "gzip", "(": "zstd", "x": "deflate"}
_ESCAPED = 3
_FIRST_STEP, _LAST_STEP = 2**8, 2**14


class View(NamedTuple):
    """A text, and the forms that it was taken out of, the outermost first."""

    text: str
    forms: tuple[str, ...] = ()


class TooMuch(Exception):
    """A text holds more, when it is unpacked, than is looked at."""


def views(text: str, depth: int = DEPTH) -> Iterator[View]:
    """Give a text and all that it may stand for; with a `depth` of 0, only without its escapes.

    Raises:
        TooMuch: more is packed in it than `MOST` bytes.
    """
    return _Undoing(MOST + 4 * len(text)).views(View(text), depth)


def unescaped(text: str) -> str:
    """Undo the escapes of JSON wherever they stand."""
    plain = _ESCAPE.sub(_character, text)
    if not _SURROGATE.search(plain):
        return plain
    # two halves become what they stand for together
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else _CONTROL.get(escape[2], escape[2])


def _unquoted(text: str) -> str:
    return _PERCENT.sub(lambda found: chr(int(found[1], 16)), text)


def _decoded(runs: Sequence[bytes]) -> str:
    """Decode runs of base64 from each of their first four characters: the others may belong to other text."""
    starts = (run[shift:] for shift in range(4) for run in runs)
    # gaps of zeros keep the runs apart
    padded = ((run, b"A" * (-len(run) % 4) + _GAP) for run in starts)
    return b64decode(b"".join(chain.from_iterable(padded))).decode("latin-1")


_ESCAPES = (("JSON escapes", "\\", unescaped), ("URL escapes", "%", _unquoted))


def _unescaped_by_and_by(view: View) -> Iterator[View]:
    yield view
    text, forms = view
    for _ in range(_ESCAPED):
        before = text
        for name, mark, undo in _ESCAPES:
            if mark in text and (plain := undo(text)) != text:
                text, forms = plain, (*forms, name)
                yield View(text, forms)
        if text == before:
            return


class _Undoing:
    """One look at one text, with how many bytes may still be read and written in unpacking."""

    def __init__(self, most: int) -> None:
        self._left = most

    def views(self, view: View, depth: int) -> Iterator[View]:
        """Give a view and what is in it, so deep."""
        last = view
        for last in _unescaped_by_and_by(view):
            yield last
            if "+" in last.text:
                # a form writes a space so; in base64 it is a digit
                yield View(last.text.replace("+", " "), (*last.forms, "URL escapes"))
            # escapes are undone wherever one seems to stand, which breaks what is packed
            for each in self._packed(last.text) if depth else ():
                yield from self.views(View(each.text, (*last.forms, *each.forms)), depth - 1)
        for each in self._encoded(last.text) if depth else ():
            yield from self.views(View(each.text, (*last.forms, *each.forms)), depth - 1)

    def _packed(self, text: str) -> Iterator[View]:
        if _HEADS.search(text):
            raw = memoryview(text.encode("latin-1", "replace"))
            for head in _HEADS.finditer(text):
                yield from self._unpacked(raw[head.start() :], _CODINGS[head[0][0]])

    def _encoded(self, text: str) -> Iterator[View]:
        runs = [_SPACE.sub("", run[0]).encode().translate(_STANDARD) for run in _RUN.finditer(text)]
        if runs:
            yield View(_decoded(runs), ("base64",))
        for run in runs:
            if len(run) >= _HEADLESS_RUN:
                raw = memoryview(b64decode(run + b"A" * (-len(run) % 4)))[: len(run) * 3 // 4]
                for coding in ("raw deflate", "br"):
                    for view in self._unpacked(raw, coding, whole=True):
                        yield View(view.text, ("base64", *view.forms))

    def _unpacked(self, raw: memoryview, coding: str, *, whole: bool = False) -> Iterator[View]:
        """Unpack what can be; where nothing says that it is packed, only what is so to its end (`whole`)."""
        try:
            stream = decoder(coding)
        except Packed:
            return
        found = bytearray()
        at, step = 0, _FIRST_STEP
        while at < len(raw) and not stream.eof:
            try:
                piece = stream.decompress(raw[at : at + step], self._left + 1)
            except stream.error:
                break
            found += piece
            self._spend(step + len(piece))
            at, step = at + step, min(2 * step, _LAST_STEP)
        if found and (stream.eof or not whole):
            yield View(found.decode("latin-1"), (coding.removeprefix("raw "),))

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise TooMuch
