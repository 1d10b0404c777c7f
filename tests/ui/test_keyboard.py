"""What is typed on a terminal, piece by piece: a line is one when return was pressed, and nothing blocks."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from llm_do.ui.console import Keyboard

if TYPE_CHECKING:
    from collections.abc import Generator

pytestmark = pytest.mark.asyncio


@contextmanager
def terminal() -> Generator[tuple[int, Keyboard]]:
    """Open a terminal; return is pressed on it after a while, for a keyboard that blocks the loop."""
    here, there = os.openpty()
    with os.fdopen(there, encoding="utf-8") as stream:
        rescue = threading.Timer(5, os.write, (here, b"\n"))
        rescue.start()
        try:
            yield here, Keyboard(stream)
        finally:
            rescue.cancel()
            rescue.join()
    os.close(here)


@pytest.mark.parametrize(
    ("pieces", "line"),
    [
        ([b"y\n"], "y\n"),
        ([b"y\x04\x04"], ""),
        ([b"y\x04", b"\x04"], ""),
        ([b"yes\x04", b"\x04", b"y\n"], ""),
        ([b"y\x04", b"es\n"], "yes\n"),
        ([b"n gr\xc3\x04", b"\xbc\xc3\x9f\xe2\x82\x04", b"\xac\n"], "n grüß€\n"),
        ([b"y\xff\n"], ""),
        ([b"x" * 4000 + b"\n"], "x" * 4000 + "\n"),
    ],
    ids=["return", "ends at once", "ends later", "ends before", "goes on", "half letters", "no text", "long"],
)
async def test_a_line_ends_with_return(pieces: list[bytes], line: str) -> None:
    with terminal() as (end, keyboard):
        waiting = asyncio.create_task(keyboard.line())
        for piece in pieces:
            os.write(end, piece)
            await asyncio.sleep(0.02)
        assert await waiting == line


async def test_a_part_of_a_line_blocks_nothing() -> None:
    with terminal() as (end, keyboard):
        os.write(end, b"y\x04")
        waiting = asyncio.create_task(keyboard.line())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        os.write(end, b"\n")
        assert await keyboard.line() == "\n", "what was typed for one question is no part of the next answer"


async def test_what_somebody_else_read_is_waited_for() -> None:
    with terminal() as (end, keyboard):
        waiting = asyncio.create_task(keyboard.line())
        await asyncio.sleep(0)
        os.write(end, b"theirs\n")
        assert os.read(keyboard.stream.fileno(), 100) == b"theirs\n"
        await asyncio.sleep(0.02)
        assert not waiting.done()
        os.write(end, b"ours\n")
        assert await waiting == "ours\n"
        assert os.get_blocking(keyboard.stream.fileno()), "an editor reads the same terminal"


async def test_a_terminal_that_is_gone_gives_nothing() -> None:
    here, there = os.openpty()
    with os.fdopen(there, encoding="utf-8") as stream:
        waiting = asyncio.create_task(Keyboard(stream).line())
        await asyncio.sleep(0)
        os.close(here)
        assert await waiting == ""
