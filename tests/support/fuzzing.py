"""What the fuzz tests share: how long to look, and bytes that were right before they were damaged."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")

SHORT, LONG = 80, 1500
efforts = pytest.mark.parametrize("examples", [SHORT, pytest.param(LONG, marks=pytest.mark.slow)])
"""A short look in every run of the suite, a long one in `.ci/run`; both look at the same cases each time."""


def explore(strategy: st.SearchStrategy[T], check: Callable[[T], None], examples: int) -> None:
    """Call a check with generated values; the first that it fails on is shrunk and shown."""

    @settings(
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=examples,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(strategy)
    def _explore(value: T) -> None:
        check(value)

    _explore()


@st.composite
def damaged(draw: st.DrawFn, seeds: Sequence[bytes], words: Sequence[bytes] = ()) -> bytes:
    """Bytes of a seed with a few cuts, copies, flipped bits and foreign words."""
    source = draw(st.sampled_from(seeds))
    pieces = st.sampled_from([*words, *_ODD]) | st.binary(max_size=4)
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(source)))
        end = draw(st.integers(start, min(len(source), start + 40)))
        match draw(st.sampled_from(["cut", "copy", "flip", "insert", "replace", "end"])):
            case "cut":
                source = source[:start] + source[end:]
            case "copy":
                source = source[:end] + source[start:end] * draw(st.integers(1, 3)) + source[end:]
            case "flip" if start < len(source):
                flipped = source[start] ^ (1 << draw(st.integers(0, 7)))
                source = source[:start] + bytes([flipped]) + source[start + 1 :]
            case "replace":
                source = source[:start] + draw(pieces) + source[end:]
            case "end":
                source = source[:start]
            case _:
                source = source[:start] + draw(pieces) + source[start:]
    return source


_ODD = [
    *(sign.encode("utf-8", "surrogatepass") for sign in (*string.punctuation, "\u2028", "\ud800", "\ufeff")),
    *(
        b"\n",
        b"\r\n",
        b"\t",
        b" ",
        b"\0",
        b"\x1b",
        b"\xff",
        b"---\n",
        b"{{",
        b"{%",
        b"<<: *a",
        b"&a ",
        b"!!str ",
    ),
    *(b"&a ", b"!!str ", b"null", b"true", b"-1", b"1e999", b"NaN", b"9" * 400, b"0x1", b".5", b"[" * 14),
]
