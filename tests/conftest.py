from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from gated import TOOLS
from scripted import Bench

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scripted import Script


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def play(bench: Bench) -> Callable[..., Script]:
    """A worker `main` with the tools of `gated`, playing the turns given; then it says `done`."""
    bench.tools(TOOLS)
    bench.worker("main", toolsets=["files"])
    return lambda *turns: bench.script("main", *turns, "done")
