"""A project and tests for it in, what a real pytest run of them with the plugin says out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

# an inner run forgets what it imports: what takes long is imported here once
for name in (
    "plugin.conduct",
    "plugin.page",
    "plugin.reports",
    "plugin.summary",
    "plugin.table",
    "cassette.patches.player",
):
    import_module(f"llm_do_eval.{name}")
for name in ("openai", "function"):
    import_module(f"pydantic_ai.models.{name}")

# no plugin but these, which is faster; an inner run finds ours imported by the outer one
LOAD = ("-p", "asyncio", "-p", "llm_do_eval.plugin", "-W", "ignore::pytest.PytestAssertRewriteWarning")

INI = """
[pytest]
filterwarnings = error
asyncio_default_fixture_loop_scope = function
llm_project = project
pythonpath = .
addopts = --strict-markers --strict-config -p no:cacheprovider
"""

PROJECT = {
    "project.json": """
        {"version": 1, "runtime": {"approval_mode": "prompt"},
         "entry": {"input": {"input": "from the manifest"}},
         "worker_files": ["triage.worker", "classifier.worker"], "python_files": ["tools.py"]}
    """,
    "triage.worker": """
---
name: triage
entry: true
toolsets: [classifier, orders]
---
You triage tickets.
""",
    "classifier.worker": """
---
name: classifier
---
You classify tickets.
""",
    "tools.py": """
from pydantic_ai.toolsets import FunctionToolset
from llm_do.runtime import ToolsetSpec
from llm_do.toolsets.approval import set_toolset_approval_config

def build():
    orders = FunctionToolset()

    @orders.tool_plain
    def lookup_order(number: int) -> str:
        return f"order {number}"

    @orders.tool_plain
    def send_email(to: str, text: str) -> str:
        return f"sent to {to}"

    set_toolset_approval_config(orders, {"lookup_order": {"pre_approved": True}})
    return orders

orders = ToolsetSpec(factory=build)
""",
}

PLAY = '''
"""Models that follow a script: each step is a text, or a list of calls (name, arguments)."""

from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import FunctionModel

def scripted(*steps):
    def answer(messages, info):
        step = steps[sum(isinstance(message, ModelResponse) for message in messages)]
        if isinstance(step, BaseException):
            raise step
        if isinstance(step, str):
            return ModelResponse(parts=[TextPart(step)])
        return ModelResponse(parts=[ToolCallPart(name, args) for name, args in step])

    return FunctionModel(answer)
'''


@dataclass
class Suite:
    """A folder with a project, scripted models, and the tests that `run` writes into it."""

    pytester: pytest.Pytester

    def run(self, source: str, *args: str) -> pytest.RunResult:
        """Write the tests and run them in this process."""
        self.pytester.makepyfile(test_suite="import pytest\nfrom play import scripted\n\n" + source)
        return self.again(*args)

    def again(self, *args: str) -> pytest.RunResult:
        """Run what is there."""
        return self.pytester.runpytest_inprocess(*LOAD, "--llm-json=session.json", *args)

    @property
    def path(self) -> Path:
        """The folder."""
        return self.pytester.path

    def tests(self) -> dict[str, dict[str, Any]]:
        """Read the session of the last run: its entries by the name of the test."""
        session = json.loads((self.path / "session.json").read_text(encoding="utf-8"))
        return {test["test"].partition("::")[2]: test for test in session["tests"]}

    def runs(self) -> list[list[dict[str, Any]]]:
        """Read the journals of all runs so far, in the order in which they started."""
        files = (self.path / ".llm-do" / "runs").glob("*.jsonl")
        runs = [
            [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] for file in files
        ]
        return sorted(runs, key=lambda run: run[0]["at"])
