from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from llm_do.sandbox.landlock import landlock_abi

ROOT = Path(__file__).parents[2]
START = """
import contextlib, json, os, signal, socket, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from llm_do.sandbox.landlock import restrict
grants, network, act = json.loads(sys.argv[1])
if grants is not None:
    restrict(grants, network=network)
try:
    print("did", eval(act))
except OSError as error:
    print(type(error).__name__)
"""

pytestmark = pytest.mark.skipif(landlock_abi() == 0, reason="this kernel has no Landlock")


def done(act: str, grants: dict[str, str] | None, *, network: bool = False) -> str:
    """What a process prints that does `act` under `grants`; None is no restriction."""
    arguments = json.dumps([grants, network, act])
    start = START.format(root=str(ROOT))
    ran = subprocess.run(
        [sys.executable, "-I", "-c", start, arguments], capture_output=True, text=True, timeout=20, check=True
    )
    return ran.stdout.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "f").write_text("inside")
    (tmp_path / "secret").write_text("SECRET")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "secret")
    return tmp_path


@pytest.mark.parametrize(
    ("access", "act", "result"),
    [
        ("read", "Path('in/f').read_text()", "did inside"),
        ("read", "sorted(os.listdir('in'))", "did ['f', 'link', 'sub']"),
        ("read", "Path('in/f').write_text('x')", "PermissionError"),
        ("read", "os.unlink('in/f')", "PermissionError"),
        ("read", "os.truncate('in/f', 0)", "PermissionError"),
        ("write", "Path('in/new').write_text('x')", "did 1"),
        ("write", "os.rename('in/f', 'in/sub/f')", "did None"),
        ("write", "os.mkfifo('in/pipe')", "did None"),
        ("write", "os.rename('in/f', 'f')", "PermissionError"),
        ("write", "os.link('secret', 'in/hard')", "OSError"),
        ("write", "Path('in/link').read_text()", "PermissionError"),
        ("write", "Path('in/link').write_text('x')", "PermissionError"),
        ("write", "Path('in/../secret').read_text()", "PermissionError"),
        ("write", "Path('secret').read_text()", "PermissionError"),
        ("write", "Path('new').write_text('x')", "PermissionError"),
        ("write", "os.listdir('/')", "PermissionError"),
        ("write", "Path('/proc/self/environ').read_text()", "PermissionError"),
        ("write", "os.execv('/bin/true', ['true'])", "PermissionError"),
    ],
)
def test_what_a_grant_allows(
    folder: Path, monkeypatch: pytest.MonkeyPatch, access: str, act: str, result: str
) -> None:
    monkeypatch.chdir(folder)
    assert done(act, {str(folder / "in"): access}) == result
    assert (folder / "secret").read_text() == "SECRET"
    if result.endswith("Error"):  # the control: without the grants the same is done
        assert done(act, None) != result


def test_a_file_can_be_granted_alone_and_a_missing_path_grants_nothing(folder: Path) -> None:
    grants = {str(folder / "in" / "f"): "read", str(folder / "gone"): "write"}
    assert done(f"Path({str(folder / 'in' / 'f')!r}).read_text()", grants) == "did inside"
    assert done(f"Path({str(folder / 'gone')!r}).write_text('x')", grants) == "PermissionError"


@pytest.mark.skipif(landlock_abi() < 4, reason="this kernel's Landlock knows no TCP")
@pytest.mark.parametrize(("network", "result"), [(False, "PermissionError"), (True, "did None")])
def test_tcp(folder: Path, *, network: bool, result: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        act = f"socket.socket().connect(('127.0.0.1', {listener.getsockname()[1]}))"
        assert done(act, {str(folder): "write"}, network=network) == result


@pytest.mark.skipif(landlock_abi() < 6, reason="this kernel's Landlock knows no scopes")
def test_no_signal_to_a_process_outside() -> None:
    act = "os.kill(os.getppid(), 0)"
    assert done(act, {}) == "PermissionError"
    assert done(act, None) == "did None"


def test_without_landlock_the_version_is_0() -> None:
    """Kernels before 5.13 know no such call; another system has none."""
    probe = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.platform = 'darwin'; "
        f"from llm_do.sandbox.landlock import landlock_abi; print(landlock_abi())"
    )
    ran = subprocess.run([sys.executable, "-I", "-c", probe], capture_output=True, text=True, check=True)
    assert ran.stdout == "0\n"
