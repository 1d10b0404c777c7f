"""The words of one command and a folder in, what it printed and how it ended out; nothing of it is left.

A program is found on a fixed path, runs below the folder with an environment made from nothing, and is
watched by a launcher, which ends it with all that it started: on a time limit, on too much output, on
cancellation, and when this process dies.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from llm_do.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_do.sandbox.landlock import Access
    from llm_do.sandbox.launcher import Plan, Report

MAX_OUTPUT_BYTES: Final = 100_000
SEARCHED: Final = ("/usr/local/bin", "/usr/bin", "/bin")

_Cause = Literal["timeout", "output", "cancelled"]
_STREAM_BYTES: Final = 65_536
_GRACE_S: Final = 5.0
_LAST_MOMENT_S: Final = 0.3
_PROGRAMS: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_READABLE: Final = ("/etc/ld.so.cache", "/etc/localtime", "/dev/zero", "/dev/random", "/dev/urandom")
_CHANGING_NONE: Final = frozenset({"cat", "grep", "head", "ls", "pwd", "sort", "tail", "wc"})
"""Programs that cannot change modes, owners or times, so that they need no mounts of their own."""
_START: Final = "import sys; sys.path.append({!r}); from llm_do.sandbox.launcher import main; main()"
_GIT: Final = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
"""Git ends where it may not read the system's configuration; nobody answers its questions."""
_QUIET_MEMORY_BYTES: Final = 2 << 30


@dataclass(frozen=True, slots=True)
class Confinement:
    """Where a command runs, and what the kernel lets it do there.

    `writable`: it may change the folder and run programs below it, else it can only read; `network`: it has
    the machine's; `landlock`: the kernel can hold it to the folder.
    """

    folder: Path
    writable: bool
    network: bool = False
    landlock: bool = True


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command printed, at most `MAX_OUTPUT_BYTES` of each, and how it ended.

    `exit_code` is 128 + N after signal N; `ended_by` says why it was ended before its own end.
    """

    stdout: str
    stderr: str
    exit_code: int
    truncated: bool
    ended_by: Literal["timeout", "output"] | None = None


async def run_command(argv: Sequence[str], where: Confinement, *, timeout_s: float) -> Finished:
    """Run exactly these words; when this returns or raises, no process of the command is left.

    Raises:
        ToolError: `missing` or `denied`: the program does not exist or cannot be started.
    """
    child = _Child(_plan(argv, where, timeout_s))
    # shielded, because what has been started has to be ended before a cancellation goes on
    work = asyncio.create_task(child.run(timeout_s))
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError as error:
            cancelled = error
            child.end("cancelled")
    if cancelled is not None:
        work.exception()
        raise cancelled
    return work.result()


def find_program(name: str, folder: Path) -> str:
    """Return the path of a program; a bare name is looked up in `SEARCHED`, never below the folder.

    Raises:
        ToolError: `missing`, with what to do.
    """
    if "/" in name:
        return name
    for place in _places(folder):
        found = Path(place, name)
        if found.is_file() and os.access(found, os.X_OK) and not found.resolve().is_relative_to(folder):
            return str(found)
    raise ToolError(
        "missing",
        f"there is no program {name!r} in {', '.join(_places(folder))}; name one of the project by its path, "
        f"as in '.venv/bin/{name}', use another, or ask the user",
    )


def bare_name(program: str) -> str:
    """Return the bare name of a program that is spelled as a path in a searched folder, else what came."""
    folder, slash, name = program.rpartition("/")
    is_searched = os.path.realpath(folder or "/") in map(os.path.realpath, SEARCHED)
    return name if slash and program.startswith("/") and is_searched else program


def _places(folder: Path) -> list[str]:
    return [place for place in SEARCHED if not Path(place).resolve().is_relative_to(folder.resolve())]


def _plan(argv: Sequence[str], where: Confinement, timeout_s: float) -> Plan:
    folder = str(where.folder)
    limits = {"CORE": 0}
    if not where.writable:
        limits |= {"FSIZE": 0, "AS": _QUIET_MEMORY_BYTES, "CPU": ceil(timeout_s) + 1}
    return {
        "program": find_program(argv[0], where.folder.resolve()),
        "argv": list(argv),
        "folder": folder,
        "environment": {
            "PATH": ":".join(_places(where.folder)),
            "HOME": folder,
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            **_GIT,
        },
        "limits": limits,
        "grants": _grants(where) if where.landlock else None,
        "network": where.network,
        "metadata": not where.landlock or bare_name(argv[0]) in _CHANGING_NONE,
    }


def _grants(where: Confinement) -> dict[str, Access]:
    grants: dict[str, Access] = {
        **dict.fromkeys(_PROGRAMS, "run"),
        **dict.fromkeys(_READABLE, "read"),
        os.devnull: "write",
    }
    return {**grants, str(where.folder): "write" if where.writable else "read"}


class _Child:
    """One launcher and what can end it; the first cause counts."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._cause: _Cause | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._transport: asyncio.SubprocessTransport | None = None
        self._last_resort: asyncio.TimerHandle | None = None
        self._stdout = bytearray()
        self._stderr = bytearray()

    def end(self, cause: _Cause) -> None:
        """Have the launcher end the program and all that it started."""
        self._cause = self._cause or cause
        if self._process is None or self._last_resort is not None:
            return
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGCONT)  # without Landlock, the program can stop its launcher
        self._last_resort = asyncio.get_running_loop().call_later(_GRACE_S, self._process.kill)
        if self._process.stdin is not None:
            self._process.stdin.write(b"!")
            self._process.stdin.close()

    async def run(self, timeout_s: float) -> Finished:
        """Start the launcher and return when it has ended."""
        hear, tell = os.pipe()
        os.set_blocking(hear, False)
        try:
            try:
                self._transport, self._process = await _launch(self._plan, tell)
            finally:
                os.close(tell)
            if self._cause is not None:
                self.end(self._cause)
            await self._watch(self._process, timeout_s)
            return self._finished(hear)
        finally:
            if self._transport is not None:  # where the loop is being closed, nothing else closes it
                self._transport.close()
            os.close(hear)

    async def _watch(self, process: asyncio.subprocess.Process, timeout_s: float) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        reading = asyncio.gather(
            self._keep(self._stdout, process.stdout), self._keep(self._stderr, process.stderr)
        )
        deadline = asyncio.get_running_loop().call_later(timeout_s, self.end, "timeout")
        try:
            await process.wait()
            await asyncio.wait([reading], timeout=_GRACE_S)
        finally:
            deadline.cancel()
            reading.cancel()
            if process.returncode is None:  # the loop is being closed: nothing can be awaited any more
                self.end("cancelled")
                _wait_blocking(process.pid)
            if self._last_resort is not None:
                self._last_resort.cancel()
            if process.returncode is None:
                process.kill()

    async def _keep(self, kept: bytearray, stream: asyncio.StreamReader) -> None:
        while chunk := await stream.read(_STREAM_BYTES):
            room = MAX_OUTPUT_BYTES - len(kept)
            kept += chunk[:room]
            if len(chunk) > room:
                self.end("output")

    def _finished(self, hear: int) -> Finished:
        report = _read(hear)
        if report is None or report["failed"]:
            raise _refusal(self._plan, report, self._stderr)
        return Finished(
            stdout=self._stdout.decode(errors="replace"),
            stderr=self._stderr.decode(errors="replace"),
            exit_code=report["exit_code"],
            truncated=self._cause == "output",
            ended_by=None if self._cause == "cancelled" else self._cause,
        )


def _wait_blocking(pid: int) -> None:
    """Give a launcher the moment it needs to end what it has started; killed, it could not."""
    until = time.monotonic() + _LAST_MOMENT_S
    with suppress(ChildProcessError):  # somebody else has taken its status: it has ended
        while not os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if time.monotonic() > until:
                return
            time.sleep(0.001)


def _read(hear: int) -> Report | None:
    try:
        return json.loads(os.read(hear, 65_536))
    except (BlockingIOError, ValueError):  # the launcher itself was killed, or did not start
        return None


def _refusal(plan: Plan, report: Report | None, stderr: bytearray) -> ToolError:
    program, reason = plan["argv"][0], report["reason"] if report else ""
    if report is None:
        said = stderr.decode(errors="replace").strip().rpartition("\n")[2]
        return ToolError("denied", f"the command was ended from outside ({said}); tell the user")
    if report["failed"] == "confine":
        return ToolError("denied", f"the system cannot confine the command ({reason}); tell the user")
    if reason == os.strerror(errno.ENOENT):
        return ToolError("missing", f"{program!r} does not exist, or what it is written for does not")
    return ToolError(
        "denied", f"{program!r} cannot be started ({reason}); use a program of the system or of the folder"
    )


async def _launch(plan: Plan, report: int) -> tuple[asyncio.SubprocessTransport, asyncio.subprocess.Process]:
    library = os.environ.get("LD_LIBRARY_PATH")  # some Pythons do not start without it
    loop = asyncio.get_running_loop()
    # `create_subprocess_exec` does the same, but keeps to itself what can be closed
    transport, protocol = await loop.subprocess_exec(
        lambda: asyncio.subprocess.SubprocessStreamProtocol(limit=_STREAM_BYTES, loop=loop),
        sys.executable,
        *("-I", "-S", "-X", "utf8", "-c", _START.format(str(Path(__file__).parents[2]))),
        *(json.dumps(plan, ensure_ascii=False), str(report)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={} if library is None else {"LD_LIBRARY_PATH": library},
        pass_fds=(report,),
        start_new_session=True,
    )
    return transport, asyncio.subprocess.Process(transport, protocol, loop)
