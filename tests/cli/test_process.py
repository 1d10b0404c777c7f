"""The installed command as a process: exit codes, standard streams, and ends that only a process has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from command import SCRIPT, Terminal, outside, started

from evals.standin import Reply, Status

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    from evals.standin import Request, StandIn

pytestmark = pytest.mark.slow

ECHO = "---\nname: main\n---\nRepeat.\n"


def long_text(_request: Request, _rng: random.Random) -> Reply:
    return Reply("word " * 100_000 + "\x1b[31mend\u202e")


def shell(line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of a shell whose `llm-do` is the installed command; the exit code is the pipe's worst."""
    path = f"{SCRIPT.parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        env={**outside(), "PATH": path}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_prompt_on_the_line(write: Callable[..., Path], serve: Callable[..., StandIn]) -> None:
    serve()
    write(main_worker=ECHO)
    done = started("proj/main.worker", "hi")
    assert (done.code, done.out, done.err) == (0, "Thank you. You said: hi\n", "")


def test_a_prompt_through_a_pipe(write: Callable[..., Path], serve: Callable[..., StandIn]) -> None:
    serve()
    write(main_worker=ECHO)
    done = started("proj/main.worker", stdin="grüße\n".encode())
    assert (done.code, done.out, done.err) == (0, "Thank you. You said: grüße\n", "")
    done = started("proj/main.worker", stdin="grüße\n".encode(), env={"LC_ALL": "C", "PYTHONUTF8": "0"})
    assert (done.code, done.out, done.err) == (0, "Thank you. You said: gr\\xfc\\xdfe\n", "")


def test_a_prompt_in_a_file(write: Callable[..., Path], serve: Callable[..., StandIn]) -> None:
    serve()
    write(main_worker=ECHO, prompt_txt="from a file\n")
    done = shell("llm-do proj/main.worker < proj/prompt.txt")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Thank you. You said: from a file\n", "")


@pytest.mark.parametrize("redirection", ["< /dev/null", "<&-", "| true; echo -n | llm-do proj/main.worker"])
def test_no_prompt(redirection: str, write: Callable[..., Path], serve: Callable[..., StandIn]) -> None:
    serve()
    write(main_worker=ECHO)
    done = shell(f"llm-do proj/main.worker {redirection}")
    assert done.returncode == 2
    assert "worker 'main' needs an input" in done.stderr


def test_a_terminal_is_no_prompt(write: Callable[..., Path]) -> None:
    write(main_worker=ECHO)
    with Terminal.of("proj/main.worker") as terminal:
        done = terminal.ended()
    assert done.code == 2
    assert done.line.startswith("worker 'main' needs an input")


def test_a_failed_run_and_one_that_cannot_start(
    write: Callable[..., Path], serve: Callable[..., StandIn]
) -> None:
    serve(faults={0: Status(401)})
    write(main_worker=ECHO)
    done = started("proj/main.worker", "hi", "--json")
    assert (done.code, done.json["error"]["class"]) == (1, "auth")
    done = started("proj/main.worker", "hi", "--model", "nosuch:model")
    assert done.code == 2
    assert done.line.startswith("proj/main.worker:2: worker 'main': unknown model: nosuch:model")


def test_a_reader_that_has_seen_enough(write: Callable[..., Path], serve: Callable[..., StandIn]) -> None:
    serve(long_text)
    write(main_worker=ECHO)
    done = shell("llm-do proj/main.worker hi | head -c 4")
    assert (done.returncode, done.stdout, done.stderr) == (0, "word", "")
    done = shell("llm-do proj/main.worker hi -vvv 2>&1 | head -n 1")
    assert done.returncode == 0
    assert json.loads(done.stdout)["kind"] == "run"
    assert done.stderr == ""
    assert shell("llm-do --help | true").stderr == ""


def test_a_long_result_arrives_whole(write: Callable[..., Path], serve: Callable[..., StandIn]) -> None:
    serve(long_text)
    write(main_worker=ECHO)
    done = shell("llm-do proj/main.worker hi | cat")
    assert done.returncode == 0
    assert done.stdout == "word " * 100_000 + "\x1b[31mend\u202e\n"


def test_a_disk_that_is_full(write: Callable[..., Path], serve: Callable[..., StandIn]) -> None:
    serve()
    write(main_worker=ECHO)
    done = shell("llm-do proj/main.worker hi > /dev/full")
    assert done.returncode == 1
    assert done.stderr == "llm-do: standard output: the result cannot be written (No space left on device)\n"


def test_streams_that_are_closed(write: Callable[..., Path], serve: Callable[..., StandIn]) -> None:
    serve()
    write(main_worker=ECHO)
    assert shell("llm-do proj/main.worker hi >&-").returncode == 0
    done = shell("llm-do proj/main.worker hi 2>&-")
    assert (done.returncode, done.stdout) == (0, "Thank you. You said: hi\n")
    assert shell("llm-do nowhere 2>&-").returncode == 2


def test_a_result_does_not_steer_the_terminal(
    write: Callable[..., Path], serve: Callable[..., StandIn]
) -> None:
    serve(long_text)
    write(main_worker=ECHO)
    code = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"
    command = [sys.executable, "-c", code, str(SCRIPT), "proj/main.worker", "hi"]
    done = subprocess.run(
        command, capture_output=True, timeout=60, check=False, env=outside(), stdin=subprocess.DEVNULL
    )
    assert done.stdout.decode().endswith("\\x1b[31mend\u202e\r\n")


def test_no_library_says_anything(write: Callable[..., Path], serve: Callable[..., StandIn]) -> None:
    serve()
    write(main_worker=ECHO)
    assert started("proj/main.worker", "hi", env={"CLAUDECODE": "1"}).err == ""
    with Terminal.of("proj/main.worker", "hi") as terminal:
        assert terminal.ended().err == ""


def test_a_tool_that_is_stuck_keeps_no_process_alive(
    write: Callable[..., Path], serve: Callable[..., StandIn]
) -> None:
    serve()
    write(
        main_worker=ECHO,
        tools_py="import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n",
    )
    done = started("proj/main.worker", "proj/tools.py", "hi")
    assert (done.code, done.out) == (0, "Thank you. You said: hi\n")


def test_what_a_project_left_for_the_end_is_done(
    write: Callable[..., Path], serve: Callable[..., StandIn], tmp_path: Path
) -> None:
    serve()
    tools = "import atexit, pathlib\natexit.register(pathlib.Path('left').touch)\n"
    write(main_worker=ECHO, tools_py=tools)
    assert started("proj/main.worker", "proj/tools.py", "hi").code == 0
    assert (tmp_path / "left").exists()


def test_python_m_llm_do(write: Callable[..., Path]) -> None:
    write(main_worker=ECHO)
    command = [sys.executable, "-m", "llm_do", "proj/main.worker", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("entry main ")
