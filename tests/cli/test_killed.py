"""A run that is killed at any moment: its journal reads, its files are whole, its programs are gone."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import select
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from command import Terminal
from stopping import running_with

from evals.standin import Reply, ToolCall
from llm_do.approval import Request
from llm_do.project.spec import parse_worker
from llm_do.sandbox.fs import Root
from llm_do_eval.health import Health
from llm_do_eval.journals import read_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evals.standin import Request as Asked
    from evals.standin import StandIn

pytestmark = pytest.mark.slow

KILLS = 60
TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.tmp\.llm-do")
TOOLS = """
import time
from pathlib import Path
from pydantic_ai.toolsets import FunctionToolset

tools = FunctionToolset()

@tools.tool_plain
def plain(version: int) -> str:
    "Write a file as one does who thinks of no end."
    with Path(__file__).with_name("twin.txt").open("w") as file:
        for _ in range(30):
            file.write(f"{version:06}\\n" * 1000)
            file.flush()
            time.sleep(0.001)
    return "done"
"""
PROJECT = {
    "version": 1,
    "runtime": {"usage_limits": {"requests": 1000}},
    "worker_files": ["*.worker"],
    "python_files": ["tools.py"],
}


def text(version: int) -> str:
    return f"{version:06}\n" * 30_000


def made(version: int) -> dict[str, Any]:
    """The arguments that make a worker: its file takes several blocks of a disk."""
    name = f"made{version % 2}"
    return {"name": name, "instructions": f"Version {version:06}.\n" * 300, "description": f"{version:06}"}


@dataclass
class Brain:
    """One program that sleeps, beside a worker that makes workers and has files written, over and over."""

    seconds: str
    versions: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    begun: int = 0

    def __call__(self, asked: Asked, _rng: random.Random) -> Reply:
        if "I am main." in asked.instructions:
            program = ToolCall("shell", {"command": ["sh", "sleepers.sh"], "timeout": 600})
            return Reply(tool_calls=(program, ToolCall("looper", {"input": "go"})))
        if "I am looper." in asked.instructions:
            self.begun = next(self.versions)
            make = ToolCall("create_worker", made(self.begun))
            return Reply(tool_calls=(make, ToolCall("writer", {"input": str(self.begun)})))
        if asked.results:
            return Reply("written")
        version = int(asked.prompt)
        moves = [["mv", "a.txt", "b.txt"], ["mv", "b.txt", "a.txt"]]
        return Reply(
            tool_calls=(
                ToolCall("write_file", {"path": "data.txt", "content": text(version)}),
                ToolCall("write_file", {"path": f"more/{version % 3}.txt", "content": text(version)}),
                ToolCall("shell", {"command": moves[version % 2]}),
                ToolCall("plain", {"version": version}),
            )
        )


@pytest.fixture
def brain(tmp_path: Path) -> Brain:
    return Brain(f"3{os.getpid()}{tmp_path.stat().st_ino}")


@pytest.fixture
def root(write: Callable[..., Path], brain: Brain) -> Path:
    def worker(name: str, more: str) -> str:
        return f"---\nname: {name}\n{more}\n---\nI am {name}.\n"

    root = write(
        sleepers_sh=f"sleep {brain.seconds} & sleep {brain.seconds}\n",
        main_worker=worker("main", "toolsets: [shell_readonly, looper]"),
        looper_worker=worker("looper", "toolsets: [worker_tools, writer]\nworkers: {create: true}"),
        writer_worker=worker("writer", "toolsets: [filesystem_project, shell_file_ops, tools]"),
        tools_py=TOOLS,
        project_json=json.dumps(PROJECT),
    )
    (root / "a.txt").write_text("moved")
    return root


@dataclass
class Moment:
    """When to kill: some time after the start, or after the worker has begun its next round."""

    brain: Brain
    delay_s: float
    at_start: bool

    def __post_init__(self) -> None:
        self._before = self.brain.begun
        self._since = time.monotonic() if self.at_start else None

    @property
    def has_come(self) -> bool:
        if self._since is None and self.brain.begun > self._before:
            self._since = time.monotonic()
        return self._since is not None and time.monotonic() > self._since + self.delay_s


def until_killed(root: Path, moment: Moment) -> bool:
    """Run the command on a terminal, say yes to what it asks, and kill it when the moment has come.

    Returns whether its program ran then.
    """
    with Terminal.of(root, "go", "--approve-all") as terminal:
        shown = b""
        while not moment.has_come:
            assert terminal.process.poll() is None, shown
            if select.select([terminal.end], [], [], 0.001)[0]:
                shown += os.read(terminal.end, 65536)
            if re.search(rb"Run it\?.*: $", shown):
                shown = b""
                terminal.type("y\n")
        is_running = len(running_with(moment.brain.seconds)) >= 2
        terminal.process.kill()
        terminal.process.wait()
    return is_running


def is_whole(path: Path) -> bool:
    found = path.read_text()
    return found == text(int(found[:6] or 0))


class Checked:
    """What was found after a kill, by the keys of all decisions that journals hold so far."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.approved: set[str] = set()
        self.read: set[Path] = set()
        self.unfinished = 0

    def journals(self) -> None:
        """Every journal can be read, up to a line that was being written."""
        for path in set((self.root / ".llm-do" / "runs").glob("*.jsonl")) - self.read:
            self.read.add(path)
            health = Health()
            assert list(read_runs([path], health)) == []  # none of these runs has ended
            self.unfinished += sum(each.count for each in health.problems() if each.kind == "unfinished-line")
            whole = [line for line in path.read_bytes().split(b"\n")[:-1] if line]
            lines = [json.loads(line) for line in whole]
            yes = [each for each in lines if each["kind"] == "approval" and each["decision"] == "approve"]
            self.approved |= {each["key"] for each in yes}

    def was_approved(self, worker: str, tool: str, **args: Any) -> bool:
        request = Request(tool, args, "", (), worker, 0)
        return request.key in self.approved

    def files(self) -> None:
        """Every file is one that a decision allowed, as a whole."""
        places = [self.root / "data.txt", *(self.root / "more").glob("[0-9].txt")]
        for path in filter(Path.exists, places):
            assert is_whole(path)
            inside = str(path.relative_to(self.root))
            assert self.was_approved("writer", "write_file", path=inside, content=path.read_text())
        assert [path.read_text() for path in self.root.glob("[ab].txt")] == ["moved"]
        for path in (self.root / "workers" / "generated").glob("*.worker"):
            spec = parse_worker(str(path), path.read_bytes())
            assert spec.instructions == made(int(spec.description))["instructions"].rstrip()
            assert self.was_approved("looper", "create_worker", **made(int(spec.description)))

    def rest(self) -> None:
        """What else is there is hidden, and called as what is not finished is."""
        known = {"data.txt", "more", "a.txt", "b.txt", "twin.txt", "workers", "generated"}
        known |= {"0.txt", "1.txt", "2.txt", "made0.worker", "made1.worker", "__pycache__", ".llm-do"}
        known |= {"main.worker", "looper.worker", "writer.worker", "tools.py", "project.json", "sleepers.sh"}
        others = [path for path in self.root.rglob("*") if path.name not in known]
        ours = [path for path in others if not {"__pycache__", ".llm-do"} & set(path.parts)]
        assert [path for path in ours if not TEMPORARY.fullmatch(path.name)] == []
        assert [path for path in Root(self.root).list(max_entries=1000) if "tmp.llm-do" in path] == []


def test_whatever_moment_it_is_killed(root: Path, serve: Callable[..., StandIn], brain: Brain) -> None:
    moments = random.Random(11)
    serve(brain)
    checked, torn, ran = Checked(root), 0, 0
    for kill in range(KILLS):
        at_start = kill % 6 == 0
        ran += until_killed(root, Moment(brain, moments.uniform(0, 1.5 if at_start else 0.6), at_start))
        deadline = time.monotonic() + 10
        while running_with(brain.seconds):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        checked.journals()
        checked.files()
        checked.rest()
        twin = root / "twin.txt"
        torn += twin.exists() and not is_whole(twin)
    assert brain.begun > KILLS / 2
    assert ran > KILLS / 2  # so that what is gone afterwards was there
    assert len(checked.read) > KILLS / 2
    assert not checked.was_approved("writer", "write_file", path="data.txt", content=text(999_999))
    assert torn > 0  # the moments did fall into writing, and a file that is written plainly shows it
