"""Commands in, what the runner made of them out; and which of their processes are left."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm_do.sandbox.landlock import landlock_abi
from llm_do.sandbox.process import Confinement, Finished, run_command

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


@dataclass(frozen=True, slots=True)
class Place:
    """A root and what lies beside it; `seconds` is a number of which no other process knows."""

    root: Path
    outside: Path
    seconds: str

    def run(self, *argv: str, timeout_s: float = 20, writable: bool = True, **options: Any) -> Finished:
        return asyncio.run(self.start(*argv, timeout_s=timeout_s, writable=writable, **options))

    async def start(
        self, *argv: str, timeout_s: float = 20, writable: bool = True, **options: Any
    ) -> Finished:
        options = {"landlock": landlock_abi() > 0, **options}
        where = Confinement(self.root, writable=writable, **options)
        return await run_command(argv, where, timeout_s=timeout_s)

    def sleepers(self) -> list[int]:
        """The processes that sleep for `seconds`."""
        wanted = f"sleep\0{self.seconds}\0".encode()
        return [
            int(each.parent.name) for each in Path("/proc").glob("[0-9]*/cmdline") if _read(each) == wanted
        ]

    async def slept(self, count: int) -> None:
        """Return when so many of them do."""
        for _ in range(1000):
            if len(self.sleepers()) == count:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"{len(self.sleepers())} sleep, not {count}")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@contextmanager
def made_place(folder: Path) -> Generator[Place]:
    """Make a root and what lies beside it; at the end, what still sleeps is ended."""
    made = Place(folder / "root", folder / "outside", f"{900 + os.urandom(1)[0]}.{time.monotonic_ns()}")
    made.root.mkdir()
    made.outside.mkdir()
    (made.root / "f").write_text("b\na\n")
    (made.outside / "secret").write_text("SECRET")
    yield made
    for pid in made.sleepers():
        os.kill(pid, signal.SIGKILL)


def until(is_so: Callable[[], bool]) -> None:
    for _ in range(500):
        if is_so():
            return
        time.sleep(0.01)
    raise AssertionError("it never came to be")
