"""A plan on the command line in; one program confined, watched, and ended with all that it started, out.

Run as a process of its own, so that nothing is done between fork and exec of a process that has threads.
The standard input is a leash: a byte on it, or its end, ends the program at once, so the program does not
outlive whoever holds the other end. How it ended is written to the descriptor of the plan's report.

Every command waits for this module to load, so it imports little and uses plain mappings.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
from typing import TYPE_CHECKING, Final, Literal, NoReturn, TypedDict

from llm_do.sandbox.landlock import forbid_new_rights, libc, restrict
from llm_do.sandbox.namespace import leave_machine

if TYPE_CHECKING:
    from llm_do.sandbox.landlock import Access

_PR_SET_PDEATHSIG: Final = 1
_PR_CAPBSET_DROP: Final = 24
_PR_SET_CHILD_SUBREAPER: Final = 36
_KEPT_CAPABILITIES: Final = frozenset({0, 1, 3, 4})  # those by which uid 0 uses files of other owners
_IS_LINUX: Final = sys.platform == "linux"


class Plan(TypedDict):
    """One program to run: `program` is its path, `limits` are resource limits by name.

    `grants` says what may be done with which path, None leaves files as they are; without `network` the
    program has none, and without `metadata` it changes no mode, owner or time of a file outside `folder`,
    both as far as the kernel allows that.
    """

    program: str
    argv: list[str]
    folder: str
    environment: dict[str, str]
    limits: dict[str, int]
    grants: dict[str, Access] | None
    network: bool
    metadata: bool


class Report(TypedDict):
    """The exit code (128 + N after signal N), or the step that failed and the system's reason."""

    exit_code: int
    failed: Literal["", "confine", "start"]
    reason: str


def main() -> None:
    """Run the plan that is the first argument; the second is the report's descriptor."""
    plan: Plan = json.loads(sys.argv[1])
    descriptor = int(sys.argv[2])
    os.set_inheritable(descriptor, False)  # noqa: FBT003  it takes nothing by name
    os.write(descriptor, json.dumps(supervise(plan)).encode())


def supervise(plan: Plan) -> Report:
    """Run a program until it ends or the leash is pulled; then nothing that it started is left."""
    if _IS_LINUX:  # what loses its parent becomes ours, so nothing gets away by a session of its own
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, _only_wake)
    hear, tell = os.pipe()
    supervisor = os.getpid()
    pid = os.fork()
    if pid == 0:
        _become(plan, tell, supervisor)
    os.close(tell)
    complaint = os.read(hear, 4096)  # empty as soon as the program has started
    started = _Started(pid)
    started.wait(wake)
    started.end(wake)
    if complaint:
        return json.loads(complaint)
    code = os.waitstatus_to_exitcode(started.status or 0)
    return {"exit_code": code if code >= 0 else 128 - code, "failed": "", "reason": ""}


class _Started:
    """The program, as this process sees it; its status is None until it has been taken."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.status: int | None = None

    def wait(self, wake: int) -> None:
        """Return when the program has ended, or the leash was pulled."""
        while self.status is None:
            ready, _, _ = select.select([0, wake], [], [])
            if 0 in ready:
                return
            os.read(wake, 512)
            self._reap()

    def end(self, wake: int) -> None:
        """Kill what is left until this process has no children."""
        while self._reap():
            if _IS_LINUX:
                _kill_children()
            else:
                os.killpg(self.pid, signal.SIGKILL)
            select.select([wake], [], [], 0.001)

    def _reap(self) -> bool:
        """Take the status of every child that has ended; False when there are no others."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.pid:
                self.status = status


def _only_wake(number: int, frame: object) -> None:
    """Do nothing: a signal with a handler is written to the wake-up descriptor."""


def _kill_children() -> None:
    own = os.getpid()
    for name in os.listdir("/proc"):  # noqa: PTH208  pathlib loads for longer than this runs
        if name.isdigit() and _parent(name) == own:
            os.kill(int(name), signal.SIGKILL)  # not yet waited for, so the number is still its own


def _parent(pid: str) -> int | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            return int(file.read().rpartition(b")")[2].split()[1])
    except OSError:
        return None


def _become(plan: Plan, tell: int, supervisor: int) -> NoReturn:
    step: Literal["confine", "start"] = "confine"
    try:
        _detach(supervisor)
        os.chdir(plan["folder"])
        for name, value in plan["limits"].items():
            _limit(getattr(resource, f"RLIMIT_{name}"), value)
        if _IS_LINUX:
            _confine(plan)
        step = "start"
        os.execve(plan["program"], plan["argv"], plan["environment"])  # noqa: S606  no shell is the point
    except BaseException as error:  # noqa: BLE001  a forked process may not go on as its parent
        reason = (isinstance(error, OSError) and error.strerror) or f"{type(error).__name__}: {error}"
        complaint: Report = {"exit_code": 127, "failed": step, "reason": reason}
        os.write(tell, json.dumps(complaint).encode()[:4096])
    finally:
        os._exit(127)


def _detach(supervisor: int) -> None:
    os.setsid()
    if _IS_LINUX:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:
        raise ProcessLookupError
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    signal.set_wakeup_fd(-1)
    for each in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores the latter two
        signal.signal(each, signal.SIG_DFL)


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (bound, bound))


def _confine(plan: Plan) -> None:
    leave_machine(network=plan["network"], metadata=plan["metadata"])
    for capability in range(64):
        if capability not in _KEPT_CAPABILITIES:
            _prctl(_PR_CAPBSET_DROP, capability)
    if plan["grants"] is None:
        forbid_new_rights()
    else:
        restrict(plan["grants"], network=plan["network"])


def _prctl(option: int, value: int) -> None:
    libc().prctl(option, value, 0, 0, 0)
