"""A command in, what it wrote to a terminal of its own out."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class Written(NamedTuple):
    """All that a command wrote, and how it ended."""

    text: str
    code: int


def on_a_terminal(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], width: int, height: int
) -> Written:
    """Run a command whose three streams are one terminal of that size, until it ends."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    with subprocess.Popen(
        command, cwd=folder, env=dict(environment), stdin=theirs, stdout=theirs, stderr=theirs
    ) as running:
        os.close(theirs)
        written = b""
        while part := _read(ours):
            written += part
        os.close(ours)
    return Written(written.decode(), running.returncode)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that nobody holds the other end any more
        return b""
