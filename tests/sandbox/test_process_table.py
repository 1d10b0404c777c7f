from __future__ import annotations

import asyncio
import os
import socket
import stat
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from confined import Place, made_place, until

from llm_do.errors import ToolError
from llm_do.sandbox.landlock import landlock_abi
from llm_do.sandbox.process import MAX_OUTPUT_BYTES, Finished

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

ROOT = Path(__file__).parents[2]


@pytest.fixture
def place(tmp_path: Path) -> Generator[Place]:
    with made_place(tmp_path) as made:
        yield made


def plain(place: Place, *argv: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """The control: the same words without any of this."""
    return subprocess.run(argv, cwd=place.root, capture_output=True, text=True, check=False, **options)


def path_shadow(place: Place) -> None:
    shadow = place.root / "ls"
    shadow.write_text("#!/bin/sh\necho SHADOW\n")
    shadow.chmod(0o755)
    assert place.run("ls").stdout == "f\nls\n"
    assert place.run("sh", "-c", "ls").stdout == "f\nls\n"
    assert plain(place, "sh", "-c", "ls", env={"PATH": ".:/usr/bin:/bin"}).stdout == "SHADOW\n"


def grandchild(place: Place) -> None:
    started = ["sh", "-c", f"sleep {place.seconds} & sleep {place.seconds}"]
    finished = place.run(*started, timeout_s=0.5)
    assert (finished.ended_by, finished.exit_code) == ("timeout", 137)
    assert place.sleepers() == []
    with subprocess.Popen(started) as control:
        until(lambda: len(place.sleepers()) == 2)
        control.kill()
    assert len(place.sleepers()) == 2


def setsid_grandchild(place: Place) -> None:
    started = f"setsid sleep {place.seconds} > /dev/null 2>&1 & exec sleep 0.3"
    assert place.run("sh", "-c", started).exit_code == 0
    assert place.sleepers() == []
    plain(place, "sh", "-c", started)
    assert len(place.sleepers()) == 1


def output_cap(place: Place) -> None:
    tracemalloc.start()
    finished = place.run("yes")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (finished.truncated, finished.ended_by, finished.exit_code) == (True, "output", 137)
    assert finished.stdout == "y\n" * (MAX_OUTPUT_BYTES // 2)
    assert peak < 5_000_000
    assert len(plain(place, "head", "-c", "10000000", "/dev/zero").stdout) == 10_000_000


def landlock_read(place: Place) -> None:
    finished = place.run("cat", "../outside/secret")
    assert "Permission denied" in finished.stderr
    assert "SECRET" not in finished.stdout
    assert place.run("cat", "../outside/secret", landlock=False).stdout == "SECRET"


def landlock_link(place: Place) -> None:
    (place.root / "l").symlink_to(place.outside / "secret")
    for writable in (True, False):
        finished = place.run("cat", "l", writable=writable)
        assert "Permission denied" in finished.stderr
        assert "SECRET" not in finished.stdout
    assert place.run("cat", "l", landlock=False).stdout == "SECRET"


def landlock_write(place: Place) -> None:
    target = place.outside / "x"
    assert "Permission denied" in place.run("sort", "-o", str(target), "f").stderr
    assert not target.exists()
    place.run("sort", "-o", str(target), "f", landlock=False)
    assert target.read_text() == "a\nb\n"


def metadata_outside(place: Place) -> None:
    secret = place.outside / "secret"
    secret.chmod(0o600)
    os.utime(secret, (1, 1))
    (place.root / "l").symlink_to(secret)
    for path in ("l", str(secret)):
        for argv in (
            ["chmod", "777", path],
            ["touch", path],
            ["chown", f"{os.getuid()}:{os.getgid()}", path],
        ):
            assert "Read-only file system" in place.run(*argv).stderr
    assert "Read-only file system" in place.run("chmod", "777", str(place.outside), network=True).stderr
    assert (stat.S_IMODE(secret.stat().st_mode), secret.stat().st_mtime) == (0o600, 1)
    assert place.run("chmod", "640", "f").stderr == ""
    assert place.run("sh", "-c", "cd / && cd $HOME && touch f new").stderr == ""
    assert stat.S_IMODE((place.root / "f").stat().st_mode) == 0o640
    assert place.run("chmod", "644", "l", landlock=False).stderr == ""
    assert stat.S_IMODE(secret.stat().st_mode) == 0o644


def quiet_is_read_only(place: Place) -> None:
    assert "Permission denied" in place.run("sort", "-o", "f", "f", writable=False).stderr
    assert (place.root / "f").read_text() == "b\na\n"
    assert place.run("sort", "-o", "f", "f").stderr == ""
    assert (place.root / "f").read_text() == "a\nb\n"


def program_below_root(place: Place) -> None:
    tool = place.root / "tool"
    tool.write_text("#!/bin/sh\necho RAN\n")
    tool.chmod(0o755)
    assert place.run("./tool").stdout == "RAN\n"
    with pytest.raises(ToolError, match="cannot be started") as caught:
        place.run("./tool", writable=False)
    assert caught.value.code == "denied"


def cancel(place: Place) -> None:
    async def _cancelled() -> float:
        task = asyncio.create_task(place.start("sh", "-c", f"sleep {place.seconds} & sleep {place.seconds}"))
        await place.slept(2)
        before = time.monotonic()
        task.cancel()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert place.sleepers() == []
        return time.monotonic() - before

    assert asyncio.run(_cancelled()) < 1


def parent_killed(place: Place) -> None:
    harness = (
        f"import asyncio, sys; sys.path.insert(0, {str(ROOT)!r})\n"
        f"from pathlib import Path\n"
        f"from llm_do.sandbox.process import Confinement, run_command\n"
        f"where = Confinement(Path({str(place.root)!r}), writable=True, landlock={landlock_abi() > 0})\n"
        f"words = ['sh', '-c', 'setsid sleep {place.seconds} & sleep {place.seconds}']\n"
        f"asyncio.run(run_command(words, where, timeout_s=60))\n"
    )
    with subprocess.Popen([sys.executable, "-c", harness]) as process:
        until(lambda: len(place.sleepers()) == 2)
        process.kill()
    until(lambda: place.sleepers() == [])


def launcher_stopped(place: Place) -> None:
    stops = f"kill -STOP $PPID; sleep {place.seconds}"
    assert place.run("sh", "-c", stops, timeout_s=0.5, landlock=False).ended_by == "timeout"
    assert place.sleepers() == []


def environment(place: Place) -> None:
    os.environ["LLM_DO_CANARY_KEY"] = "SECRET"
    try:
        said = place.run("env").stdout
        control = plain(place, "env").stdout
    finally:
        del os.environ["LLM_DO_CANARY_KEY"]
    assert dict(line.split("=", 1) for line in said.splitlines()) == {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(place.root),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }
    assert "SECRET" in control


def stdin(place: Place) -> None:
    assert place.run("cat") == Finished("", "", 0, truncated=False)
    silent, held = os.pipe()
    with os.fdopen(silent), os.fdopen(held, "w"), pytest.raises(subprocess.TimeoutExpired):
        plain(place, "cat", stdin=silent, timeout=0.3)


def network_udp(place: Place) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(0.3)
        said = ["bash", "-c", f"echo leaked > /dev/udp/127.0.0.1/{listener.getsockname()[1]}"]
        assert place.run(*said).exit_code != 0
        with pytest.raises(TimeoutError):
            listener.recv(99)
        assert place.run(*said, network=True).exit_code == 0
        assert listener.recv(99) == b"leaked\n"


def network_tcp(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.3)
        said = ["bash", "-c", f"echo leaked > /dev/tcp/127.0.0.1/{listener.getsockname()[1]}"]
        assert place.run(*said).exit_code != 0
        with pytest.raises(TimeoutError):
            listener.accept()
        assert place.run(*said, network=True).exit_code == 0
        with listener.accept()[0] as connection:
            assert connection.recv(99) == b"leaked\n"


ROWS: dict[str, Callable[[Place], None]] = {
    "run-path-shadow": path_shadow,
    "run-grandchild": grandchild,
    "run-setsid-grandchild": setsid_grandchild,
    "run-output-cap": output_cap,
    "run-landlock-read": landlock_read,
    "run-landlock-link": landlock_link,
    "run-landlock-write": landlock_write,
    "run-metadata-outside": metadata_outside,
    "run-quiet-is-read-only": quiet_is_read_only,
    "run-program-below-root": program_below_root,
    "run-cancel": cancel,
    "run-parent-killed": parent_killed,
    "run-launcher-stopped": launcher_stopped,
    "run-environment": environment,
    "run-stdin": stdin,
    "run-network-udp": network_udp,
    "run-network-tcp": network_tcp,
}
OF_LANDLOCK = {name for name in ROWS if "landlock" in name} | {
    "run-metadata-outside",
    "run-quiet-is-read-only",
    "run-program-below-root",
}


@pytest.mark.parametrize("name", ROWS)
def test_row(name: str, place: Place) -> None:
    if name in OF_LANDLOCK and landlock_abi() == 0:
        pytest.skip("this kernel has no Landlock")
    if "network" in name and not _has_namespace(0x40000000):
        pytest.skip("this kernel gives no network namespace")
    if "metadata" in name and not _has_namespace(0x00020000):
        pytest.skip("this kernel gives no mount namespace")
    outside = {each.name for each in place.outside.iterdir()} if "write" not in name else None
    ROWS[name](place)
    assert outside is None or outside == {each.name for each in place.outside.iterdir()}


def test_every_row_of_the_table_is_run() -> None:
    table = yaml.safe_load((ROOT / "tests" / "tables" / "shell.yaml").read_text())
    named = {row["id"] for row in table["cases"] if row.get("layer") == "runner"}
    assert named == {*ROWS, "run-landlock-missing"}  # the latter is the toolset's


def _has_namespace(kind: int) -> bool:
    flags = kind if os.geteuid() == 0 else kind | 0x10000000
    code = f"import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare({flags}) != 0)"
    return subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
