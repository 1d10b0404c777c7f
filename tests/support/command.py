"""The `llm-do` command as its users start it: in this process, as a process, or on a terminal of its own."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from llm_do.cli import run

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

SCRIPT = Path(sys.executable).with_name("llm-do")
JSON_KEYS = {"ok", "output", "error", "run", "calls", "usage", "cost_usd", "latency_s"}
PATIENCE_S = 30.0

# makes the terminal on standard input the controlling one, so that Ctrl-C is a signal
_ON_TERMINAL = (
    "import fcntl, os, sys, termios; "
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


@dataclass(frozen=True)
class Done:
    """How one invocation ended."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The error: exactly one line on standard error, and nothing on standard output."""
        assert self.out == ""
        assert self.err.startswith("llm-do: "), self.err
        assert self.err.endswith("\n"), self.err
        assert self.err.count("\n") == 1, self.err
        assert "Traceback" not in self.err
        return self.err.removeprefix("llm-do: ").removesuffix("\n")

    @property
    def json(self) -> dict[str, Any]:
        """The object of `--json`: nothing else stands on standard output."""
        assert self.out.count("\n") == 1, self.out
        found = json.loads(self.out)
        assert set(found) == JSON_KEYS
        assert found["ok"] is (self.code == 0)
        assert (found["error"] is None) is found["ok"]
        return found


@dataclass(frozen=True)
class Here:
    """Runs the command in this process, which spares the start of one."""

    capture: pytest.CaptureFixture[str]

    def __call__(self, *argv: str | Path) -> Done:
        """Run it; what stands before in the captured output is dropped."""
        self.capture.readouterr()
        code = run([str(word) for word in argv])
        captured = self.capture.readouterr()
        return Done(code, captured.out, captured.err)


def outside() -> dict[str, str]:
    """Give the environment without what tells libraries that tests or an unattended build are going on."""
    return {name: value for name, value in os.environ.items() if name != "CI" and "PYTEST" not in name}


def started(*argv: str | Path, stdin: bytes | None = None, env: Mapping[str, str] | None = None) -> Done:
    """Run the command as a process of its own; bytes are piped in, else it reads /dev/null."""
    process = subprocess.Popen(
        [SCRIPT, *map(str, argv)],
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**outside(), **(env or {})},
    )
    with process:
        out, err = process.communicate(stdin, timeout=PATIENCE_S)
    return Done(process.returncode, out.decode(), err.decode())


# as on a computer that lacks a package: whoever imports it is told what Python would tell
_WITHOUT = """
import importlib, sys
sys.path.insert(0, sys.argv.pop(1))
name, command = sys.argv.pop(1), sys.argv.pop(1)

class Absent:
    def find_spec(self, module, path=None, target=None):
        if module.partition(".")[0] == name:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
importlib.import_module(command).main()
"""


def without(package: str, command: str, *argv: str | Path) -> Done:
    """Run the `main` of a module as a process in which a package is not installed."""
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT, Path(__file__).parents[2], package, command, *argv],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**outside(), "OPENAI_API_KEY": "none"},
        timeout=PATIENCE_S,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@dataclass
class Terminal:
    """The command on a terminal: standard input and error are its two ends, standard output is a pipe."""

    process: subprocess.Popen[bytes]
    end: int
    shown: str = ""
    read_up_to: int = field(default=0, repr=False)

    @classmethod
    def of(cls, *argv: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Self:
        """Start the command on a new terminal."""
        here, there = os.openpty()
        process = subprocess.Popen(
            [sys.executable, "-c", _ON_TERMINAL, str(SCRIPT), *map(str, argv)],
            stdin=there,
            stdout=subprocess.PIPE,
            stderr=there,
            env={**outside(), **(env or {})},
            cwd=cwd,
            start_new_session=True,
        )
        os.close(there)
        return cls(process, here)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()
        os.close(self.end)

    def wait_for(self, pattern: str) -> str:
        """Wait until the terminal shows a pattern after what was matched before; return the text up to it."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := re.search(pattern, self.shown[self.read_up_to :])):
            assert self._read(deadline), f"{pattern!r} never came after: {self.shown}"
        text = self.shown[self.read_up_to : self.read_up_to + found.end()]
        self.read_up_to += found.end()
        return text

    def type(self, text: str) -> None:
        """Type a text; `\\x03` is Ctrl-C, `\\x04` on an empty line Ctrl-D."""
        os.write(self.end, text.encode())

    def ended(self) -> Done:
        """Wait for the end; the error is all that the terminal showed."""
        deadline = time.monotonic() + PATIENCE_S
        while self._read(deadline):
            pass
        out, _ = self.process.communicate(timeout=PATIENCE_S)
        return Done(self.process.returncode, out.decode(), self.shown.replace("\r\n", "\n"))

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self.end], [], [], max(0.0, deadline - time.monotonic()))
        try:
            text = os.read(self.end, 65536) if ready else b""
        except OSError:  # the other end is closed
            text = b""
        self.shown += text.decode()
        return bool(text)


def journals(root: Path) -> list[list[dict[str, Any]]]:
    """Read the journals of a project; every line of each must parse and begin with the version."""
    found = [path.read_text(encoding="utf-8") for path in sorted((root / ".llm-do" / "runs").glob("*.jsonl"))]
    assert all(text.endswith("\n") for text in found)
    lines = [[json.loads(line) for line in text.splitlines()] for text in found]
    assert all(line["v"] == 1 for each in lines for line in each)
    assert all(each[0]["kind"] == "run" for each in lines)
    return lines


def calls(root: Path) -> dict[str, dict[str, Any]]:
    """Index the calls of the only journal of a project by name."""
    (journal,) = journals(root)
    return {line["name"]: line for line in journal if line["kind"] == "call"}
