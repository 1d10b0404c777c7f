"""A text in somebody's own editor: in a file that nobody else can read, and gone afterwards."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from llm_do.errors import UsageError
from llm_do.ui.editor import edited, editor_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

pytestmark = pytest.mark.asyncio


@pytest.fixture
def terminal() -> Iterator[IO[str]]:
    here, there = os.openpty()
    with os.fdopen(there, encoding="utf-8") as text:
        yield text
    os.close(here)


def script(folder: Path, body: str) -> str:
    """The command of an editor that runs Python with the file's path in `path`."""
    file = folder / "my editor.py"
    file.write_text(f"import os, sys\nfrom pathlib import Path\npath = Path(sys.argv[-1])\n{body}\n")
    return f"'{sys.executable}' '{file}' --wait"


def is_there(path: str) -> bool:
    return Path(path).exists()


def awaited(file: Path) -> str:
    """Wait until a file says something."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if file.exists() and (text := file.read_text()):
            return text
        time.sleep(0.01)
    raise AssertionError(file)


@pytest.mark.parametrize(
    ("environment", "command"),
    [
        ({"VISUAL": "code --wait", "EDITOR": "ed"}, "code --wait"),
        ({"EDITOR": "ed"}, "ed"),
        ({"VISUAL": "", "EDITOR": "ed"}, "ed"),
        ({"VISUAL": "", "EDITOR": ""}, None),
        ({}, None),
    ],
)
async def test_which_editor(environment: dict[str, str], command: str | None) -> None:
    assert editor_command(environment) == command


async def test_what_the_editor_leaves_is_the_text(tmp_path: Path, terminal: IO[str]) -> None:
    command = script(
        tmp_path, "path.write_text(path.read_text().upper() + str([sys.argv[1], os.isatty(0), os.isatty(1)]))"
    )
    assert await edited("ä\n", command, terminal, terminal) == "Ä\n['--wait', True, True]"


async def test_the_file_is_private_and_gone_afterwards(tmp_path: Path, terminal: IO[str]) -> None:
    seen = tmp_path / "seen"
    command = script(
        tmp_path,
        f"Path({str(seen)!r}).write_text(f'{{path}} {{path.stat().st_mode & 0o777:o}} "
        f"{{path.parent.stat().st_mode & 0o777:o}}')",
    )
    assert await edited("secret", command, terminal, terminal) == "secret"
    path, *modes = seen.read_text().split()
    assert modes == ["600", "700"]
    assert not Path(path).parent.exists()


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("no-such-editor-here --wait", r"the editor 'no-such-editor-here' cannot be started \(No such file"),
        ("'unclosed", "is no command: No closing quotation"),
        ("  ", "is no command; set"),
        ("false", r"the editor 'false' failed \(exit 1\)"),
        ("rm", "left no UTF-8 text"),
        ("truncate --no-such-option", "failed"),
    ],
)
async def test_an_editor_that_fails_says_so(command: str, complaint: str, terminal: IO[str]) -> None:
    with pytest.raises(UsageError, match=complaint):
        await edited("text", command, terminal, terminal)


async def test_bytes_are_no_text(tmp_path: Path, terminal: IO[str]) -> None:
    with pytest.raises(UsageError, match="left no UTF-8 text"):
        await edited("text", script(tmp_path, "path.write_bytes(b'\\xff\\xfe')"), terminal, terminal)


async def test_no_shell_reads_the_command(tmp_path: Path, terminal: IO[str]) -> None:
    bait = tmp_path / "bait"
    with pytest.raises(UsageError):
        await edited("text", f"false; touch {bait}", terminal, terminal)
    assert not bait.exists()


async def test_a_stopped_run_ends_its_editor_and_gets_the_terminal_back(
    tmp_path: Path, terminal: IO[str]
) -> None:
    noted = tmp_path / "noted"
    command = script(
        tmp_path,
        f"import tty, time; tty.setraw(0); Path({str(noted)!r}).write_text(f'{{os.getpid()}} {{path}}')\n"
        "time.sleep(60)",
    )
    before = termios.tcgetattr(terminal.fileno())
    editing = asyncio.create_task(edited("text", command, terminal, terminal))
    pid, path = (await asyncio.to_thread(awaited, noted)).split()
    editing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await editing
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)
    assert not is_there(path)
    assert termios.tcgetattr(terminal.fileno()) == before
