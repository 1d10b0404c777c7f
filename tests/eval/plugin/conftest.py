"""An empty suite of tests for a small project, and a provider that never repeats itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from llm_suite import INI, PLAY, PROJECT, Suite

from evals.standin import Reply, StandIn

if TYPE_CHECKING:
    import random
    from collections.abc import Generator

    from evals.standin import Request


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    for name in ("LLM_DO_MODEL", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeini(INI)
    pytester.makepyfile(play=PLAY)
    project = pytester.mkdir("project")
    for name, text in PROJECT.items():
        (project / name).write_text(text.strip() + "\n", encoding="utf-8")
    return Suite(pytester)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Generator[StandIn]:
    with StandIn(_chatter) as running:
        for name, value in running.environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("LLM_DO_MODEL", "openai-chat:stand-in")
        yield running


def _chatter(_: Request, rng: random.Random) -> Reply:
    """Say something that no other conversation says."""
    return Reply(str(rng.randrange(10**9)))
