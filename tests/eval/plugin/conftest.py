"""An empty suite of tests for a small project."""

from __future__ import annotations

import pytest
from llm_suite import INI, PLAY, PROJECT, Suite


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    monkeypatch.delenv("LLM_DO_MODEL", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeini(INI)
    pytester.makepyfile(play=PLAY)
    project = pytester.mkdir("project")
    for name, text in PROJECT.items():
        (project / name).write_text(text.strip() + "\n", encoding="utf-8")
    return Suite(pytester)
