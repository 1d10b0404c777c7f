"""Compressed bytes and the names of their codings in, the bytes themselves out."""

from __future__ import annotations

import importlib
import zlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

LIMIT: Final = 256 * 2**20
"""How many bytes a body may unpack to."""

_WINDOWS = {
    "gzip": zlib.MAX_WBITS | 16,
    "x-gzip": zlib.MAX_WBITS | 16,
    "deflate": zlib.MAX_WBITS,
    "raw deflate": -zlib.MAX_WBITS,
}


class Packed(ValueError):
    """Bytes could not be unpacked: no library for their coding is here, or they are not of it, or torn."""


def unpacked(raw: bytes, codings: Iterable[str]) -> bytes:
    """Undo codings (`gzip`, `deflate`, `br`, `zstd`, `identity`), the last one first.

    Args:
        raw: the coded bytes.
        codings: in the order in which they were applied, as `content-encoding` lists them.

    Raises:
        Packed: they cannot be undone, or give more than `LIMIT` bytes.
    """
    for coding in reversed([each.strip().lower() for each in codings]):
        if coding == "deflate":
            raw = _deflated(raw)
        elif coding not in ("", "identity"):
            raw = _undone(raw, coding)
    return raw


class Decoder:
    """A stream of one coding: `decompress(piece, most)`, `eof`, `unused_data`, and what `error` it raises."""

    def __init__(self, stream: Any, error: type[Exception]) -> None:
        self._stream = stream
        self.error = error

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        """What came behind the end."""
        return self._stream.unused_data

    def decompress(self, piece: bytes | memoryview, most: int) -> bytes:
        """Unpack the next piece into `most` bytes at most (brotli keeps to that only roughly)."""
        return self._stream.decompress(piece, most)


def decoder(coding: str) -> Decoder:
    """Open a stream of `gzip`, `deflate`, `raw deflate` (without header), `zstd` or `br`.

    Raises:
        Packed: the coding is unknown, or its library is not installed.
    """
    if coding in _WINDOWS:
        return Decoder(zlib.decompressobj(_WINDOWS[coding]), zlib.error)
    match coding:
        case "zstd":
            zstd = library("compression.zstd", "backports.zstd")
            return Decoder(zstd.ZstdDecompressor(), zstd.ZstdError)
        case "br":
            brotli = library("brotli", "brotlicffi")
            return Decoder(_Brotli(brotli.Decompressor()), brotli.error)
        case _:
            raise Packed(f"coding {coding!r} is unknown")


def library(*names: str) -> Any:
    """Import the first of some modules that is installed.

    Raises:
        Packed: none is.
    """
    for name in names:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise Packed(f"{' or '.join(names)} is not installed")


class _Brotli:
    """A stream of brotli with the methods of the others."""

    unused_data = b""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        return self._stream.is_finished()

    def decompress(self, piece: bytes | memoryview, most: int) -> bytes:
        """Unpack the next piece, however much that gives."""
        del most
        return self._stream.process(bytes(piece))


def _undone(raw: bytes, coding: str) -> bytes:
    whole = bytearray()
    while raw:
        # gzip and zstd allow one stream after the other
        stream = decoder(coding)
        try:
            whole += stream.decompress(raw, LIMIT + 1 - len(whole))
        except stream.error as error:
            raise Packed(str(error)) from error
        if len(whole) > LIMIT:
            raise Packed(f"more than {LIMIT} bytes")
        if not stream.eof:
            raise Packed("the stream is torn")
        raw = stream.unused_data
    return bytes(whole)


def _deflated(raw: bytes) -> bytes:
    try:
        return _undone(raw, "deflate")
    except Packed:
        # servers that leave the header out are as common
        return _undone(raw, "raw deflate")
