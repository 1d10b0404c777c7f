from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from gated import TOOLS
from scripted import Bench

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scripted import Script


def pytest_configure() -> None:
    # a shell starts jobs in the background with Ctrl-C ignored, and what the tests start would inherit that
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def play(bench: Bench) -> Callable[..., Script]:
    """A worker `main` with the tools of `gated`, playing the turns given; then it says `done`."""
    bench.tools(TOOLS)
    bench.worker("main", toolsets=["files"])
    return lambda *turns: bench.script("main", *turns, "done")
