"""The binary event stream of AWS: written as others read it, refused where a byte is wrong."""

from __future__ import annotations

import random
import struct
import zlib

import pytest

from llm_do_eval.cassette.wires.eventstream import EventStreamError, Frame, Typed, frames, joined

STREAM = [
    Frame({":message-type": "event", ":event-type": "messageStart"}, b'{"role":"assistant"}'),
    Frame({}, b""),
    Frame({"blob": b"\x00\xff", "ü": "é", "time": Typed(8, bytes(8)), "true": Typed(0, b"")}, b"\x00" * 300),
    Frame({"id": Typed(9, bytes(range(16))), "n": Typed(4, b"\x00\x00\x01\x00")}, "ü".encode()),
]


def test_frames_are_written_and_read() -> None:
    assert frames(joined(STREAM)) == STREAM
    assert joined(frames(joined(STREAM))) == joined(STREAM)
    assert frames(b"") == []


def test_a_frame_has_the_bytes_of_the_format() -> None:
    header = b"\x05:name" + b"\x07" + b"\x00\x02" + b"ab"
    prelude = struct.pack(">II", 16 + len(header) + 3, len(header))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + header + b"xyz"
    assert joined([Frame({":name": "ab"}, b"xyz")]) == body + struct.pack(">I", zlib.crc32(body))


@pytest.mark.parametrize("seed", range(20))
def test_no_wrong_or_missing_byte_is_read_silently(seed: int) -> None:
    rng = random.Random(seed)
    whole = joined(STREAM)
    bounds = {len(joined(STREAM[:count])) for count in range(len(STREAM) + 1)}
    at = rng.choice([cut for cut in range(1, len(whole)) if cut not in bounds])
    with pytest.raises(EventStreamError, match=r"^byte \d+: "):
        frames(whole[:at])
    wrong = bytearray(whole)
    wrong[at] ^= 1 << rng.randrange(8)
    with pytest.raises(EventStreamError, match=r"^byte \d+: "):
        frames(bytes(wrong))


@pytest.mark.parametrize(
    "header",
    [b"\x01a\x0a", b"\x01a", b"\x01a\x07\x00\x09b", b"\x01\xff\x00", b"\x01a\x09ab", b"\x01a\x07\x00"],
)
def test_a_header_that_does_not_fit_its_frame_is_refused(header: bytes) -> None:
    prelude = struct.pack(">II", 16 + len(header), len(header))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + header
    with pytest.raises(EventStreamError, match="header"):
        frames(body + struct.pack(">I", zlib.crc32(body)))


def test_headers_that_have_no_place_are_refused() -> None:
    for headers in ({"a" * 256: "b"}, {"a": "b" * 65536}):
        with pytest.raises(EventStreamError, match="too long"):
            joined([Frame(headers, b"")])
