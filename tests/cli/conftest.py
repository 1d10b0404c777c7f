"""What the tests of the command share: a project in an empty folder, and a provider on loopback."""

from __future__ import annotations

import os
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from command import Here

from evals.standin import StandIn, by_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from evals.standin import Brain, Faults

Write = "Callable[..., Path]"
Serve = "Callable[..., StandIn]"


@pytest.fixture(autouse=True)
def _bare_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, without the models and keys of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("LLM_DO_", "OPENAI_", "ANTHROPIC_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write files of a project; returns its folder. A key `main_worker` is the file `main.worker`."""

    def write_files(**files: str) -> Path:
        for name, text in files.items():
            stem, _, suffix = name.rpartition("_")
            path = tmp_path / "proj" / f"{stem}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
        return tmp_path / "proj"

    return write_files


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str]) -> Here:
    """The command in this process."""
    return Here(capsys)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., StandIn]]:
    """Start providers; the environment leads the clients of this process and its children to the last one."""
    opened: list[StandIn] = []

    def start(brain: Brain = by_worker, *, faults: Faults | None = None) -> StandIn:
        opened.append(StandIn(brain, faults=faults))
        for name, value in opened[-1].environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("LLM_DO_MODEL", "openai-chat:gpt-4o-mini")
        return opened[-1]

    yield start
    for each in opened:
        each.stop()
