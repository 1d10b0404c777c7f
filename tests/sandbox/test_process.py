from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from confined import Place, made_place, until

from llm_do.errors import ToolError
from llm_do.sandbox.process import Finished, find_program

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.fixture
def place(tmp_path: Path) -> Generator[Place]:
    with made_place(tmp_path) as made:
        yield made


@pytest.mark.slow
def test_two_commands_run_at_once(place: Place) -> None:
    async def _both() -> list[Finished]:
        return list(await asyncio.gather(place.start("sleep", "3"), place.start("sleep", "3")))

    before = time.monotonic()
    assert [each.exit_code for each in asyncio.run(_both())] == [0, 0]
    assert 3 <= time.monotonic() - before < 5


@pytest.mark.parametrize(
    ("argv", "stdout", "stderr", "exit_code"),
    [
        (["printf", "a\\377b"], "a\ufffdb", "", 0),
        (["sh", "-c", "echo out; echo err >&2; exit 7"], "out\n", "err\n", 7),
        (["sh", "-c", "kill -TERM $$"], "", "", 143),
        (["sh", "-c", "yes | head -n 1"], "y\n", "", 0),
        (["printf", "%s", "\U0001f600ä" * 8000], "\U0001f600ä" * 8000, "", 0),
        (["printf", "%s", "\x01" * 16000], "\x01" * 16000, "", 0),
        (["printf", "%s|", "a b", "", "$HOME", "*", ";"], "a b||$HOME|*|;|", "", 0),
    ],
)
def test_what_comes_back(place: Place, argv: list[str], stdout: str, stderr: str, exit_code: int) -> None:
    assert place.run(*argv) == Finished(stdout, stderr, exit_code, truncated=False)


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["no-such-program"], "missing", "no program 'no-such-program'"),
        (["f"], "missing", "no program 'f'"),
        (["./nowhere"], "missing", "does not exist"),
        (["./f"], "denied", "cannot be started (Permission denied)"),
        (["."], "missing", "no program '.'"),
    ],
)
def test_what_cannot_start_is_told(place: Place, argv: list[str], code: str, words: str) -> None:
    with pytest.raises(ToolError) as caught:
        place.run(*argv)
    assert caught.value.code == code
    assert words in caught.value.message


def test_where_programs_are_looked_up_is_told(place: Place) -> None:
    with pytest.raises(
        ToolError, match=r"in /usr/local/bin, /usr/bin, /bin; .* as in '.venv/bin/pytset', use"
    ):
        place.run("pytset")


def test_git_needs_no_configuration_of_the_system(place: Place) -> None:
    assert place.run("git", "init", "--quiet") == Finished("", "", 0, truncated=False)
    assert place.run("git", "status", "--short").exit_code == 0


def test_a_folder_that_is_gone_is_told(place: Place) -> None:
    gone = Place(place.root / "gone", place.outside, place.seconds)
    with pytest.raises(ToolError, match="cannot confine the command"):
        gone.run("ls")


def test_a_launcher_that_is_killed_from_outside_is_told(place: Place) -> None:
    async def _killed() -> Finished:
        task = asyncio.create_task(place.start("sleep", place.seconds))
        await place.slept(1)
        os.kill(_parent(place.sleepers()[0]), signal.SIGKILL)
        return await task

    with pytest.raises(ToolError, match="ended from outside"):
        asyncio.run(_killed())
    until(lambda: place.sleepers() == [])


def test_a_cancellation_before_the_start_leaves_nothing(place: Place) -> None:
    async def _cancelled() -> None:
        task = asyncio.create_task(place.start("sleep", place.seconds))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(_cancelled())
    assert place.sleepers() == []


def test_a_loop_that_is_closed_takes_the_command_along(place: Place) -> None:
    async def _left() -> None:
        task = asyncio.create_task(place.start("sh", "-c", f"sleep {place.seconds} & sleep {place.seconds}"))
        await place.slept(2)
        assert not task.done()  # closing the loop cancels it, and what it waits for

    asyncio.run(_left())
    assert place.sleepers() == []
    gc.collect()  # a transport that was left open would be told here


def test_a_bare_name_is_never_found_below_the_folder() -> None:
    assert find_program("ls", Path("/nowhere")) == "/usr/bin/ls"
    assert find_program("./ls", Path("/nowhere")) == "./ls"
    with pytest.raises(ToolError):
        find_program("ls", Path("/usr"))


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
