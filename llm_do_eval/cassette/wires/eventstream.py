"""The binary event stream of AWS in, its frames out, and back; each frame carries two checksums.

A frame: length of all of it and length of the headers (4 bytes each, big-endian), CRC-32 of these 8 bytes,
headers, payload, CRC-32 of all before. A header: length of its name (1 byte), name, kind (1 byte), value.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MEDIA_TYPE = "application/vnd.amazon.eventstream"

HeaderValue: TypeAlias = "str | bytes | Typed"

_PRELUDE = struct.Struct(">II")
_CRC = struct.Struct(">I")
_OVERHEAD = _PRELUDE.size + 2 * _CRC.size
_BYTES, _TEXT = 6, 7
# kinds of a fixed size, as they stand on the wire: true, false, byte, short, int, long, time, UUID
_FIXED_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}


class Typed(NamedTuple):
    """A header value of a kind that is neither text nor bytes: the number of the kind and its raw bytes."""

    kind: int
    raw: bytes


class Frame(NamedTuple):
    """One event; its headers are named as they are written, such as `:event-type`."""

    headers: Mapping[str, HeaderValue]
    payload: bytes


class EventStreamError(ValueError):
    """The bytes are no event stream, are torn, or a checksum is wrong; the message says where."""


def frames(raw: bytes) -> list[Frame]:
    """Take a stream apart.

    Raises:
        EventStreamError: it is no whole event stream.
    """
    return list(_frames(raw))


def joined(stream: Iterable[Frame]) -> bytes:
    """Write frames as one stream, with the lengths and checksums that belong to them.

    Raises:
        EventStreamError: a name of a header has over 255 bytes, or a value over 65535.
    """
    return b"".join(map(_written, stream))


def _frames(raw: bytes) -> Iterator[Frame]:
    start = 0
    while start < len(raw):
        if start + _OVERHEAD > len(raw):
            raise EventStreamError(f"byte {start}: the stream ends within a frame")
        length, headers_length = _PRELUDE.unpack_from(raw, start)
        _check(raw, start, start + _PRELUDE.size)
        end = start + length
        if length < _OVERHEAD + headers_length or end > len(raw):
            raise EventStreamError(f"byte {start}: a frame of {length} bytes does not fit in")
        _check(raw, start, end - _CRC.size)
        first = start + _PRELUDE.size + _CRC.size
        headers = dict(_headers(raw[first : first + headers_length], first))
        yield Frame(headers, raw[first + headers_length : end - _CRC.size])
        start = end


def _check(raw: bytes, start: int, end: int) -> None:
    if _CRC.unpack_from(raw, end)[0] != zlib.crc32(raw[start:end]):
        raise EventStreamError(f"byte {end}: the checksum is wrong")


def _headers(raw: bytes, offset: int) -> Iterator[tuple[str, HeaderValue]]:
    at = 0
    try:
        while at < len(raw):
            name_end = at + 1 + raw[at]
            name, kind = raw[at + 1 : name_end].decode(), raw[name_end]
            at, value = _value(raw, name_end + 1, kind)
            yield name, value
    except (IndexError, KeyError, struct.error, UnicodeDecodeError) as error:
        raise EventStreamError(f"byte {offset + at}: a header cannot be read: {error!r}") from error
    if at > len(raw):
        raise EventStreamError(f"byte {offset + at}: a header is longer than its frame says")


def _value(raw: bytes, at: int, kind: int) -> tuple[int, HeaderValue]:
    if kind in (_BYTES, _TEXT):
        first = at + 2
        end = first + int(struct.unpack_from(">H", raw, at)[0])
        value = raw[first:end]
        return end, value if kind == _BYTES else value.decode()
    end = at + _FIXED_SIZES[kind]
    return end, Typed(kind, raw[at:end])


def _written(frame: Frame) -> bytes:
    headers = b"".join(_header(name, value) for name, value in frame.headers.items())
    prelude = _PRELUDE.pack(_OVERHEAD + len(headers) + len(frame.payload), len(headers))
    body = prelude + _CRC.pack(zlib.crc32(prelude)) + headers + frame.payload
    return body + _CRC.pack(zlib.crc32(body))


def _header(name: str, value: HeaderValue) -> bytes:
    try:
        head = struct.pack(">B", len(name.encode())) + name.encode()
        if isinstance(value, Typed):
            return head + bytes([value.kind]) + value.raw
        kind, raw = (_BYTES, value) if isinstance(value, bytes) else (_TEXT, value.encode())
        return head + bytes([kind]) + struct.pack(">H", len(raw)) + raw
    except struct.error as error:
        raise EventStreamError(f"header {name[:40]!r} is too long") from error
