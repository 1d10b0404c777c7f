"""A run that is interrupted or told to end takes its programs along, and its journal is whole."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from command import Terminal, journals
from stopping import left_open, running_in_group, running_with, start, stopped

from evals.standin import Hang, Reply, ToolCall

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    from evals.standin import Request, StandIn

pytestmark = pytest.mark.slow

CODES = {signal.SIGINT: (130, "interrupted"), signal.SIGTERM: (143, "terminated")}
TOOLS = """
import time
from pathlib import Path
from pydantic_ai.toolsets import FunctionToolset

tools = FunctionToolset()

@tools.tool_plain
def act() -> str:
    Path("acting").touch()
    time.sleep(30)
    return "done"
"""
BLOCKS_THE_LOOP = """
import asyncio, time
from pathlib import Path
from pydantic_ai.toolsets import FunctionToolset

tools = FunctionToolset()

@tools.tool_plain
async def act() -> str:
    await asyncio.sleep(1)  # by then the program beside it runs
    Path("acting").touch()
    time.sleep(30)
    return "done"
"""
EDITOR = """
import subprocess, sys
print("editing", flush=True)
subprocess.run(["sleep", sys.argv[1]])
"""


@pytest.fixture
def seconds(tmp_path: Path) -> str:
    """How long the programs of this test sleep: a number that no other process has among its words."""
    return f"3{os.getpid()}{int(tmp_path.stat().st_ino)}"


SLEEPERS = ToolCall("shell", {"command": ["sh", "sleepers.sh"]})
"""A program with children of its own, one of them in the background."""


def sleepers(seconds: str) -> str:
    """The script that it runs; as words of the command, code would ask whatever the mode."""
    return f"sleep {seconds} & sleep {seconds}\n"


def worker(name: str, *toolsets: str, more: str = "") -> str:
    return f"---\nname: {name}\ntoolsets: [{', '.join(toolsets)}]\n{more}---\nI am {name}.\n"


def by_name(**turns: list[ToolCall]) -> Callable[[Request, random.Random], Reply]:
    """A brain that makes the calls of the worker that it speaks for, once."""

    def think(request: Request, _rng: random.Random) -> Reply:
        name = next(name for name in turns if f"I am {name}." in request.instructions)
        return Reply("done") if request.results else Reply(tool_calls=tuple(turns[name]))

    return think


def gone(seconds: str, process: Any) -> None:
    """Nothing that the run started is left, a moment later."""
    deadline = time.monotonic() + 10
    while running_with(seconds) or running_in_group(process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def classes(root: Path) -> dict[str, set[str]]:
    """The error classes of the calls of a project's only journal by name."""
    (journal,) = journals(root)
    found: dict[str, set[str]] = {}
    for line in journal:
        if line["kind"] == "call":
            found.setdefault(line["name"], set()).add(line["error"]["class"] if line["error"] else "ok")
    return found


@pytest.mark.parametrize("by", CODES, ids=["Ctrl-C", "SIGTERM"])
def test_while_a_program_runs(
    by: signal.Signals, seconds: str, write: Callable[..., Path], serve: Callable[..., StandIn]
) -> None:
    serve(by_name(main=[SLEEPERS]))
    root = write(main_worker=worker("main", "shell_readonly"), sleepers_sh=sleepers(seconds))
    process = start(root / "main.worker", "go", "--approve-all", "--json")
    done, took_s = stopped(process, lambda: len(running_with(seconds)) >= 2, by=by)
    code, message = CODES[by]
    assert done.code == code
    assert (done.json["error"]["class"], done.json["error"]["message"]) == ("interrupted", message)
    assert done.err.splitlines()[1:] == [f"llm-do: {message}"]
    assert took_s < 5
    gone(seconds, process)
    assert left_open(root) == set()
    assert classes(root) == {"shell": {"interrupted"}, "main": {"interrupted"}}


@pytest.mark.parametrize("by", CODES, ids=["Ctrl-C", "SIGTERM"])
def test_while_workers_below_run_programs(
    by: signal.Signals, seconds: str, write: Callable[..., Path], serve: Callable[..., StandIn]
) -> None:
    asks = [ToolCall("worker_call", {"worker": "helper", "input": text}) for text in "ab"]
    serve(by_name(main=asks, helper=[SLEEPERS]))
    root = write(
        main_worker=worker("main", "worker_tools", more="workers: {allow: [helper]}\n"),
        helper_worker=worker("helper", "shell_readonly"),
        sleepers_sh=sleepers(seconds),
    )
    process = start(root / "main.worker", root / "helper.worker", "go", "--approve-all")
    done, took_s = stopped(process, lambda: len(running_with(seconds)) >= 4, by=by)
    assert done.code == CODES[by][0]
    assert took_s < 5
    gone(seconds, process)
    assert left_open(root) == set()
    assert classes(root) == {name: {"interrupted"} for name in ("shell", "helper", "main")}
    (journal,) = journals(root)
    assert sorted(line["depth"] for line in journal if line["kind"] == "call") == [0, 1, 1, 2, 2]


@pytest.mark.parametrize("by", CODES, ids=["Ctrl-C", "SIGTERM"])
def test_while_siblings_of_all_kinds_run(
    by: signal.Signals,
    seconds: str,
    write: Callable[..., Path],
    serve: Callable[..., StandIn],
    tmp_path: Path,
) -> None:
    calls = [SLEEPERS, ToolCall("act"), ToolCall("thinker", {"input": "x"})]
    provider = serve(by_name(main=calls, thinker=[]), faults={1: Hang()})
    root = write(
        main_worker=worker("main", "shell_readonly", "tools", "thinker"),
        thinker_worker=worker("thinker"),
        tools_py=TOOLS,
        sleepers_sh=sleepers(seconds),
    )
    process = start(root / "main.worker", root / "thinker.worker", root / "tools.py", "go", "--approve-all")
    ready = [
        lambda: len(running_with(seconds)) >= 2,
        (tmp_path / "acting").exists,
        lambda: len(provider.requests) == 2,
    ]
    done, took_s = stopped(process, lambda: all(each() for each in ready), by=by)
    assert done.code == CODES[by][0]
    assert took_s < 5
    gone(seconds, process)
    assert left_open(root) == set()
    assert classes(root) == {name: {"interrupted"} for name in ("shell", "act", "thinker", "main")}


@pytest.mark.parametrize("by", CODES, ids=["Ctrl-C", "SIGTERM"])
def test_while_a_tool_blocks_the_loop_beside_a_program(
    by: signal.Signals,
    seconds: str,
    write: Callable[..., Path],
    serve: Callable[..., StandIn],
    tmp_path: Path,
) -> None:
    serve(by_name(main=[SLEEPERS, ToolCall("act")]))
    root = write(
        main_worker=worker("main", "shell_readonly", "tools"),
        tools_py=BLOCKS_THE_LOOP,
        sleepers_sh=sleepers(seconds),
    )
    process = start(root / "main.worker", root / "tools.py", "go", "--approve-all")
    ready = [lambda: len(running_with(seconds)) >= 2, (tmp_path / "acting").exists]
    done, took_s = stopped(process, lambda: all(each() for each in ready), by=by)
    assert done.code == CODES[by][0]
    assert took_s < 5
    gone(seconds, process)
    assert left_open(root) == set()


def test_a_request_is_broken_off_by_sigterm(
    write: Callable[..., Path], serve: Callable[..., StandIn]
) -> None:
    provider = serve(faults={0: Hang()})
    root = write(main_worker=worker("main"))
    process = start(root / "main.worker", "go")
    done, took_s = stopped(process, lambda: len(provider.requests) == 1, by=signal.SIGTERM)
    assert (done.code, done.line) == (143, "terminated")
    assert took_s < 5
    assert classes(root) == {"main": {"interrupted"}}


def test_while_an_editor_is_open(
    seconds: str, write: Callable[..., Path], serve: Callable[..., StandIn], tmp_path: Path
) -> None:
    create = ToolCall("create_worker", {"name": "new", "instructions": "x", "description": "x"})
    serve(by_name(main=[create]))
    root = write(main_worker=worker("main", "worker_tools", more="workers: {create: true}\n"))
    (tmp_path / "editor.py").write_text(EDITOR)
    editor = {"EDITOR": f"'{sys.executable}' '{tmp_path / 'editor.py'}' {seconds}", "VISUAL": ""}
    with Terminal.of(root / "main.worker", "go", env=editor) as terminal:
        terminal.wait_for(r"\[q\]uit: ")
        terminal.type("e\n")
        terminal.wait_for("editing")
        sent = time.monotonic()
        terminal.type("\x03")
        done = terminal.ended()
        assert time.monotonic() - sent < 5
        gone(seconds, terminal.process)
    assert done.code == 130
    assert left_open(root) == set()
    assert classes(root) == {name: {"interrupted"} for name in ("create_worker", "main")}
    assert not (root / "workers").exists()


@pytest.mark.parametrize("first", CODES, ids=["Ctrl-C", "SIGTERM"])
def test_one_signal_after_the_other(
    first: signal.Signals, seconds: str, write: Callable[..., Path], serve: Callable[..., StandIn]
) -> None:
    serve(by_name(main=[SLEEPERS]))
    root = write(main_worker=worker("main", "shell_readonly"), sleepers_sh=sleepers(seconds))
    process = start(root / "main.worker", "go", "--approve-all")

    def mashed() -> bool:
        is_running = len(running_with(seconds)) >= 2
        for number in (first, *CODES, *CODES) if is_running else ():
            process.send_signal(number)
            time.sleep(0.002)
        return is_running

    done, _ = stopped(process, mashed, by=first)
    assert done.code in (130, 143, -signal.SIGTERM)
    gone(seconds, process)
