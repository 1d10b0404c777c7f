from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from llm_do.sandbox.landlock import landlock_abi

if TYPE_CHECKING:
    from collections.abc import Generator

    from llm_do.sandbox.launcher import Plan, Report

NOBODY = 65534
# the modules are loaded before the rights are given up: another user may not read where Python is
START = f"""
import ctypes, os, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from llm_do.sandbox.launcher import main
user = int(sys.argv.pop(1))
if user != os.getuid():
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # as after an exec: its files in /proc are its own
main()
"""
USERS = [os.getuid(), *([NOBODY] if os.getuid() == 0 else [])]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="namespaces and capabilities are Linux's")


@pytest.fixture
def folder() -> Generator[Path]:
    """A folder that other users can enter."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "in").mkdir()
        (folder / "in" / "f").write_text("inside")
        (folder / "secret").write_text("SECRET")
        (folder / "in").chmod(0o777)
        yield folder


def launch(user: int, argv: list[str], place: Path, **changes: Any) -> tuple[str, Report]:
    """Run a plan as a user; what it printed, errors last, and the report."""
    plan: Plan = {
        "program": argv[0],
        "argv": argv,
        "folder": str(place / "in"),
        "environment": {"PATH": "/usr/bin:/bin"},
        "limits": {},
        "grants": {"/usr": "run", "/bin": "run", "/lib": "run", "/lib64": "run", str(place / "in"): "write"},
        "metadata": False,
        "network": False,
    }
    changed = {**plan, **changes}
    if landlock_abi() == 0:
        changed |= {"grants": None, "metadata": True}
    hear, tell = os.pipe()
    with os.fdopen(hear, "rb") as report:
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", START, str(user), json.dumps(changed), str(tell)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=(tell,),
        )
        os.close(tell)
        with process:
            assert process.stdout is not None
            return process.stdout.read(), json.loads(report.read())


@pytest.mark.parametrize("user", USERS)
def test_a_program_runs_as_the_same_user_in_its_folder(user: int, folder: Path) -> None:
    said, report = launch(user, ["/bin/sh", "-c", "id -u; id -g; cat f; echo made > new; exit 3"], folder)
    group = os.getgid() if user == os.getuid() else user
    assert (said, report["exit_code"]) == (f"{user}\n{group}\ninside", 3)
    assert (folder / "in" / "new").read_text() == "made\n"
    assert (folder / "in" / "new").stat().st_uid == user


@pytest.mark.skipif(landlock_abi() == 0, reason="this kernel has no Landlock")
@pytest.mark.parametrize("user", USERS)
def test_no_user_leaves_the_folder(user: int, folder: Path) -> None:
    said, report = launch(user, ["/bin/cat", "../secret"], folder)
    assert "Permission denied" in said
    assert report["exit_code"] == 1
    assert launch(user, ["/bin/cat", "../secret"], folder, grants=None)[0] == "SECRET"


@pytest.mark.skipif(landlock_abi() == 0, reason="this kernel has no Landlock")
@pytest.mark.parametrize("network", [True, False])
@pytest.mark.parametrize("user", USERS)
def test_no_user_changes_the_mode_of_a_file_outside(user: int, folder: Path, *, network: bool) -> None:
    if not _has_namespace(0x00020000, user):
        pytest.skip("this kernel gives this user no mount namespace")
    for name in ("secret", "in", "in/f"):
        os.chown(folder / name, user, -1)
    (folder / "secret").chmod(0o600)
    changes = ["/bin/sh", "-c", "chmod 640 f && cd .. && chmod 777 secret"]
    said, _ = launch(user, changes, folder, network=network)
    assert "Read-only file system" in said
    assert (folder / "secret").stat().st_mode & 0o777 == 0o600
    assert (folder / "in" / "f").stat().st_mode & 0o777 == 0o640
    assert launch(user, changes, folder, network=network, metadata=True)[0] == ""
    assert (folder / "secret").stat().st_mode & 0o777 == 0o777


@pytest.mark.parametrize("user", USERS)
def test_what_any_user_leaves_running_is_ended(user: int, folder: Path) -> None:
    """The launcher's output would stay open for as long as one of them sleeps."""
    before = time.monotonic()
    _, report = launch(user, ["/bin/sh", "-c", "setsid sleep 60 & sleep 60 & exit 4"], folder)
    assert report["exit_code"] == 4
    assert time.monotonic() - before < 20


@pytest.mark.parametrize("user", USERS)
def test_no_user_has_rights_to_gain(user: int, folder: Path) -> None:
    said, _ = launch(user, ["/bin/grep", "-E", "CapBnd|NoNewPrivs", "/proc/self/status"], folder, grants=None)
    status = dict(line.split(":\t") for line in said.splitlines())
    assert status["NoNewPrivs"] == "1"
    if user == 0:
        assert int(status["CapBnd"], 16) == 0b11011


@pytest.mark.parametrize("user", USERS)
def test_the_network_is_empty(user: int, folder: Path) -> None:
    if not _has_namespace(0x40000000, user):
        pytest.skip("this kernel gives this user no network namespace")
    interfaces = ["/bin/cat", "/proc/net/dev"]
    said, _ = launch(user, interfaces, folder, grants=None)
    assert [line.split(":")[0].strip() for line in said.splitlines()[2:]] == ["lo"]
    mine, _ = launch(user, ["/usr/bin/readlink", "/proc/self/ns/net"], folder, grants=None)
    shared, _ = launch(user, ["/usr/bin/readlink", "/proc/self/ns/net"], folder, grants=None, network=True)
    assert shared == f"{Path('/proc/self/ns/net').readlink()}\n"
    assert mine not in {"", shared}


def test_limits_hold(folder: Path) -> None:
    limits = {"FSIZE": 0, "CORE": 0, "CPU": 7}
    said, report = launch(os.getuid(), ["/bin/sh", "-c", "ulimit -f -t; echo x > new"], folder, limits=limits)
    assert said.split()[-1] == "7" or "7" in said.split()
    assert report["exit_code"] != 0
    assert (folder / "in" / "new").read_text() == ""


@pytest.mark.parametrize(
    ("changes", "failed", "reason"),
    [
        ({"program": "/nowhere"}, "start", "No such file or directory"),
        ({"program": "f"}, "start", "Permission denied"),
        ({"folder": "/nowhere"}, "confine", "No such file or directory"),
        ({"limits": {"NOTHING": 1}}, "confine", "AttributeError"),
        ({"grants": {"/": "fly"}}, "confine", "KeyError: 'fly'"),
    ],
)
def test_what_fails_before_the_program_is_reported(
    folder: Path, changes: dict[str, Any], failed: str, reason: str
) -> None:
    if "grants" in changes and landlock_abi() == 0:
        pytest.skip("this kernel has no Landlock")
    said, report = launch(os.getuid(), ["/bin/true"], folder, **changes)
    assert said == ""
    assert report["failed"] == failed
    assert reason in report["reason"]


def _has_namespace(kind: int, user: int) -> bool:
    flags = kind if user == 0 else kind | 0x10000000
    become = f"import ctypes, os, sys; os.setresuid({user}, {user}, {user})"
    code = f"{become}; sys.exit(ctypes.CDLL(None).unshare({flags}) != 0)"
    return subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
