"""Ctrl-C ends a run within a second, whatever blocks, and the journal says what was interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command import SCRIPT, Terminal, calls, journals, outside
from stopping import running_in_group, start, stopped

from evals.standin import Hang, Reply, ToolCall

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from evals.standin import Request, StandIn

pytestmark = pytest.mark.slow

WORKER = """
---
name: main
toolsets: [tools]
---
Call the tool.
"""
TOOL = """
import asyncio, time, subprocess
from pathlib import Path
from pydantic_ai.toolsets import FunctionToolset

tools = FunctionToolset()

@tools.tool_plain
{} act() -> str:
    Path("acting").touch()
    {}
    return "done"
"""
BLOCKING = {
    "sync tool": ("def", "time.sleep(30)"),
    "async tool": ("async def", "await asyncio.sleep(30)"),
    "async tool that waits for a thread": ("async def", "await asyncio.to_thread(time.sleep, 30)"),
    "async tool that blocks the loop": ("async def", "time.sleep(30)"),
    "async tool that goes on when cancelled": (
        "async def",
        "try: await asyncio.sleep(30)\n    finally: await asyncio.sleep(30)",
    ),
    "sync tool with a child process": ("def", "subprocess.run(['sleep', '30'])"),
}


INTERRUPTED = {"type": "KeyboardInterrupt", "class": "interrupted", "message": "interrupted"}


def act(request: Request, _rng: random.Random) -> Reply:
    return Reply("done") if request.results else Reply(tool_calls=(ToolCall("act"),))


@pytest.mark.parametrize("kind", BLOCKING)
def test_while_a_tool_runs(
    kind: str, write: Callable[..., Path], serve: Callable[..., StandIn], tmp_path: Path
) -> None:
    serve(act)
    root = write(main_worker=WORKER, tools_py=TOOL.format(*BLOCKING[kind]))
    process = start(root / "main.worker", root / "tools.py", "go", "--approve-all", "--json")
    done, took_s = stopped(process, (tmp_path / "acting").exists)
    assert done.code == 130
    assert done.json["error"] == INTERRUPTED
    assert done.err.splitlines()[1:] == ["llm-do: interrupted"]
    assert took_s < 5
    deadline = time.monotonic() + 10
    while running_in_group(process.pid):  # a child that got the signal too may still be ending
        assert time.monotonic() < deadline
        time.sleep(0.02)
    ended = calls(root)
    assert set(ended) == {"act", "main"}
    assert ended["main"]["error"]["class"] == "interrupted"
    assert ended["main"]["requests"] == 1
    # a child process gets the signal too, so that its tool may return before it is cancelled
    assert ended["act"]["ok"] or ended["act"]["error"]["class"] == "interrupted"
    assert not ended["act"]["ok"] or "child" in kind


def test_one_interrupt_after_the_other(write: Callable[..., Path], serve: Callable[..., StandIn]) -> None:
    provider = serve(faults={0: Hang()})
    root = write(main_worker="---\nname: main\n---\nRepeat.")
    process = start(root / "main.worker", "go")

    def mashed() -> bool:
        if provider.requests:
            for _ in range(20):
                os.killpg(process.pid, signal.SIGINT)
                time.sleep(0.002)
        return bool(provider.requests)

    done, _ = stopped(process, mashed)
    assert done.code == 130
    assert done.out == ""
    assert done.err in ("", "llm-do: interrupted\n")


def test_while_the_provider_thinks(write: Callable[..., Path], serve: Callable[..., StandIn]) -> None:
    provider = serve(faults={0: Hang()})
    root = write(main_worker="---\nname: main\n---\nRepeat.")
    done, took_s = stopped(start(root / "main.worker", "go"), lambda: len(provider.requests) == 1)
    assert (done.code, done.line) == (130, "interrupted")
    assert took_s < 5
    assert calls(root)["main"]["error"]["class"] == "interrupted"


def test_while_a_called_worker_waits_for_its_provider(
    write: Callable[..., Path], serve: Callable[..., StandIn]
) -> None:
    def ask(_request: Request, _rng: random.Random) -> Reply:
        return Reply(tool_calls=(ToolCall("helper", {"input": "x"}),))

    provider = serve(ask, faults={1: Hang()})
    root = write(
        main_worker="---\nname: main\ntoolsets: [helper]\n---\nAsk.",
        helper_worker="---\nname: helper\n---\nRepeat.",
    )
    process = start(root / "main.worker", root / "helper.worker", "go")
    done, took_s = stopped(process, lambda: len(provider.requests) == 2)
    assert (done.code, done.line) == (130, "interrupted")
    assert took_s < 5
    ended = calls(root)
    assert [ended[name]["error"]["class"] for name in ("main", "helper")] == ["interrupted"] * 2


def test_while_a_project_file_is_imported(write: Callable[..., Path], tmp_path: Path) -> None:
    root = write(
        main_worker="---\nname: main\n---\nRepeat.",
        tools_py="import pathlib, time\npathlib.Path('importing').touch()\ntime.sleep(30)\n",
    )
    process = start(root / "main.worker", root / "tools.py", "go", "--json")
    done, took_s = stopped(process, (tmp_path / "importing").exists)
    assert done.code == 130
    assert done.json["error"] == INTERRUPTED
    assert took_s < 5
    assert journals(root) == []


def test_while_standard_input_is_read(write: Callable[..., Path]) -> None:
    root = write(main_worker="---\nname: main\n---\nRepeat.")
    process = subprocess.Popen(
        [SCRIPT, root / "main.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=outside(),
        start_new_session=True,
    )
    waiting = Path(f"/proc/{process.pid}/wchan")
    if not waiting.exists():
        pytest.skip("only /proc tells that the process reads")
    done, took_s = stopped(process, lambda: "pipe" in waiting.read_text())
    assert (done.code, done.line) == (130, "interrupted")
    assert took_s < 5


@pytest.mark.parametrize("typed", ["", "y", "y\x04"])
def test_while_a_question_is_open(
    typed: str, write: Callable[..., Path], serve: Callable[..., StandIn]
) -> None:
    serve(act)
    root = write(main_worker=WORKER, tools_py=TOOL.format(*BLOCKING["sync tool"]))
    with Terminal.of(root / "main.worker", root / "tools.py", "go") as terminal:
        terminal.wait_for(r"Run it\?.*: ")
        terminal.type(typed)
        time.sleep(0.2)
        sent = time.monotonic()
        terminal.type("\x03")
        done = terminal.ended()
        assert time.monotonic() - sent < 5
    assert done.code == 130
    assert done.err.endswith("^C\nllm-do: interrupted\n")
    ended = calls(root)
    assert {ended[name]["error"]["class"] for name in ("act", "main")} == {"interrupted"}
