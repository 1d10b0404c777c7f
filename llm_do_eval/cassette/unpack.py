"""Compressed bytes and the names of their codings in, the bytes themselves out."""

from __future__ import annotations

import importlib
import zlib
from functools import partial
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

LIMIT: Final = 256 * 2**20
"""How many bytes a body may unpack to."""

_STEP = 2**14


class Packed(ValueError):
    """Bytes could not be unpacked: no library for their coding is here, or they are not of it, or torn."""


class TooLarge(Packed):
    """What bytes unpack to exceeds the limit."""


def unpacked(raw: bytes, codings: Iterable[str], limit: int = LIMIT) -> bytes:
    """Undo codings (`gzip`, `deflate`, `br`, `zstd`, `identity`), the last one first.

    Args:
        raw: the coded bytes.
        codings: in the order in which they were applied, as `content-encoding` lists them.
        limit: how many bytes there may be after each step.

    Raises:
        Packed: they cannot be undone.
    """
    for coding in reversed([each.strip().lower() for each in codings]):
        if coding in _UNDO:
            raw = _UNDO[coding](raw, limit)
        elif coding not in ("", "identity"):
            raise Packed(f"coding {coding!r} is unknown")
    return raw


def _zlib(raw: bytes, limit: int, *, bits: int) -> bytes:
    whole = bytearray()
    try:
        while raw:
            # gzip allows one stream after the other
            stream = zlib.decompressobj(bits)
            whole += stream.decompress(raw, limit + 1 - len(whole))
            _check(len(whole), limit)
            if not stream.eof:
                raise Packed("the stream is torn")
            raw = stream.unused_data
    except zlib.error as error:
        raise Packed(str(error)) from error
    return bytes(whole)


def _deflate(raw: bytes, limit: int) -> bytes:
    try:
        return _zlib(raw, limit, bits=zlib.MAX_WBITS)
    except TooLarge:
        raise
    except Packed:
        # servers that send the stream without its two bytes of header are as common
        return _zlib(raw, limit, bits=-zlib.MAX_WBITS)


def _zstd(raw: bytes, limit: int) -> bytes:
    zstd = _library("compression.zstd", "backports.zstd")
    whole = bytearray()
    try:
        while raw:
            stream = zstd.ZstdDecompressor()
            whole += stream.decompress(raw, limit + 1 - len(whole))
            _check(len(whole), limit)
            if not stream.eof:
                raise Packed("the stream is torn")
            raw = stream.unused_data
    except zstd.ZstdError as error:
        raise Packed(str(error)) from error
    return bytes(whole)


def _brotli(raw: bytes, limit: int) -> bytes:
    brotli = _library("brotli", "brotlicffi")
    stream = brotli.Decompressor()
    whole = bytearray()
    try:
        for start in range(0, len(raw), _STEP):
            whole += stream.process(raw[start : start + _STEP])
            _check(len(whole), limit)
    except brotli.error as error:
        raise Packed(str(error)) from error
    if not stream.is_finished():
        raise Packed("the stream is torn")
    return bytes(whole)


def _check(size: int, limit: int) -> None:
    if size > limit:
        raise TooLarge(f"more than {limit} bytes")


def _library(*names: str) -> Any:
    for name in names:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise Packed(f"none of {', '.join(names)} is installed")


_UNDO: Mapping[str, Callable[[bytes, int], bytes]] = {
    "gzip": partial(_zlib, bits=zlib.MAX_WBITS | 16),
    "x-gzip": partial(_zlib, bits=zlib.MAX_WBITS | 16),
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
