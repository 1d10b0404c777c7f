"""A rule that names nothing is told; a rule that may name something is not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from llm_do.command.idlerules import idle_rules
from llm_do.linking.registry import link
from llm_do.project.discover import read_project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOOLS = """
from pydantic_ai.toolsets import FunctionToolset

tools = FunctionToolset()

@tools.tool_plain
def lookup(key: str) -> str:
    return key
"""
HIDDEN = """
from llm_do.runtime import ToolsetSpec
from elsewhere import build

hidden = ToolsetSpec(factory=build)
"""


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., list[str]]:
    def find(rules: list[Any], front: str = "", python: str = TOOLS, **runtime: Any) -> list[str]:
        toolset = "tools" if python == TOOLS else "hidden"
        worker = f"---\nname: main\ntoolsets: [filesystem_project, {toolset}]\n{front}---\nGo.\n"
        (tmp_path / "main.worker").write_text(worker, encoding="utf-8")
        (tmp_path / "tools.py").write_text(python, encoding="utf-8")
        manifest = {
            "version": 1,
            "runtime": {"approval_rules": rules, **runtime},
            "worker_files": ["main.worker"],
            "python_files": ["tools.py"],
        }
        (tmp_path / "project.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        project = read_project([tmp_path])
        lines = idle_rules(project, link(project.workers, project.python))
        return [line.replace(f"{tmp_path}/", "") for line in lines]

    return find


def reject(tool: str) -> dict[str, str]:
    return {"tool": tool, "decision": "reject"}


@pytest.mark.parametrize("tool", ["write_file", "write*", "*", "lookup", "main", "shell"])
def test_a_rule_that_names_something(told: Callable[..., list[str]], tool: str) -> None:
    assert told([reject(tool)]) == []


def test_a_rule_that_names_nothing(told: Callable[..., list[str]]) -> None:
    front = "approvals:\n  - {tool: main, decision: ask}\n  - {tool: lookpu, decision: approve}\n"
    assert told([reject("main"), reject("writefile")], front) == [
        "project.json:4: a rule to reject 'writefile' matches no tool or worker; did you mean 'write_file'?",
        "main.worker:6: a rule to approve 'lookpu' matches no tool or worker; did you mean 'lookup'?",
    ]


def test_an_override_of_nothing(told: Callable[..., list[str]]) -> None:
    overrides = {"main": {"calls_require_approval": True}, "mian": {"calls_require_approval": True}}
    (line,) = told([], worker_approval_overrides=overrides)
    assert "worker_approval_overrides: there is no worker 'mian'; did you mean 'main'?" in line


@pytest.mark.parametrize("kind", ["hidden toolset", "created workers"])
def test_where_only_a_run_can_tell_nothing_is_said(told: Callable[..., list[str]], kind: str) -> None:
    front, python = ("", HIDDEN) if kind == "hidden toolset" else ("workers: {create: true}\n", TOOLS)
    assert told([reject("whatever")], front, python) == []
