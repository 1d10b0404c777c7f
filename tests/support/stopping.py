"""A run of the command in progress and a signal in, how it ended, after how long, and what is left, out."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

from command import SCRIPT, Done, journals, outside

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def start(*argv: str | Path) -> subprocess.Popen[bytes]:
    """Start the command in a session and group of its own."""
    return subprocess.Popen(
        [SCRIPT, *map(str, argv)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=outside(),
        start_new_session=True,
    )


def stopped(
    process: subprocess.Popen[bytes],
    until: Callable[[], bool],
    *,
    by: signal.Signals = signal.SIGINT,
    patience_s: float = 30,
) -> tuple[Done, float]:
    """Send a signal, once a condition holds; return the end and the seconds it took.

    An interrupt goes to the group, as Ctrl-C does; any other to the process alone, as from a supervisor.
    """
    deadline = time.monotonic() + patience_s
    while not until():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    sent = time.monotonic()
    if by == signal.SIGINT:
        os.killpg(process.pid, by)
    else:
        process.send_signal(by)
    out, err = process.communicate(timeout=patience_s)
    return Done(process.returncode, out.decode(), err.decode()), time.monotonic() - sent


def running_in_group(group: int) -> list[int]:
    """List the processes of a group that are more than an entry waiting to be collected."""
    return [int(pid) for pid, pgid, stat, *_ in _listed() if int(pgid) == group and not stat.startswith("Z")]


def running_with(word: str) -> list[int]:
    """List the processes, in whatever group, that have a word among their arguments."""
    return [int(pid) for pid, _, stat, *words in _listed() if word in words and not stat.startswith("Z")]


def _listed() -> list[list[str]]:
    listed = subprocess.run(
        ["ps", "-ww", "-e", "-o", "pid=,pgid=,stat=,args="], capture_output=True, text=True, check=True
    ).stdout
    return [line.split() for line in listed.splitlines()]


def left_open(root: Path) -> set[str]:
    """Name the calls that the only journal of a project tells of, and that have no line of their own."""
    (journal,) = journals(root)
    told = {line["call"] for line in journal if "call" in line}
    parents = {line["parent"] for line in journal if line["kind"] == "call" and line["parent"]}
    return (told | parents) - {line["id"] for line in journal if line["kind"] == "call"}
