"""Two commands in, their alternating runs and the ratio of their medians out."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Timing:
    """One run of a command: wall and CPU seconds of the whole process."""

    wall_s: float
    cpu_s: float


def timed(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Timing:
    """Run a command to its end and time it. Raises RuntimeError when it fails."""
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        env=None if environment is None else dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    errors = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {errors.decode()[-500:]}")
    return Timing(time.monotonic() - started, usage.ru_utime + usage.ru_stime)


def compare(
    title: str,
    ours: Sequence[str],
    theirs: Sequence[str],
    *,
    pairs: int,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run both commands in turn and print the medians and the ratios ours / theirs."""
    timed(ours, environment)
    timed(theirs, environment)
    runs = [_pair(ours, theirs, environment, ours_first=index % 2 == 0) for index in range(pairs)]
    print(f"{title} ({pairs} alternating pairs)")
    for name in ("wall_s", "cpu_s"):
        first = statistics.median(getattr(mine, name) for mine, _ in runs)
        second = statistics.median(getattr(other, name) for _, other in runs)
        ratio = statistics.median(getattr(mine, name) / getattr(other, name) for mine, other in runs)
        print(f"  {name}: ours {first:.3f}, theirs {second:.3f}, ratio {ratio:.2f}")


def _pair(
    ours: Sequence[str], theirs: Sequence[str], environment: Mapping[str, str] | None, *, ours_first: bool
) -> tuple[Timing, Timing]:
    """Time one pair; who goes first alternates, so that neither always finds a warm machine."""
    if ours_first:
        return timed(ours, environment), timed(theirs, environment)
    second = timed(theirs, environment)
    return timed(ours, environment), second
