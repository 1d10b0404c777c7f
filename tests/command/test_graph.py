from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from llm_do.approval import Rule
from llm_do.command.graph import graph
from llm_do.errors import SpecError
from llm_do.linking.registry import find_entry, link
from llm_do.project.manifest import RuntimeConfig
from llm_do.project.spec import parse_worker
from llm_do.python.pythonfile import scan_python

if TYPE_CHECKING:
    from llm_do.linking.registry import Registry

MAIN = b"---\nname: main\nmodel: openai:gpt-4o\ntoolsets: [helper, add, filesystem_project_ro, main]\n---\n"
HELPER = b"---\nname: helper\ntoolsets: [dynamic]\n---\n"
TOOLS = b"""\
from pydantic_ai.toolsets import FunctionToolset
from llm_do.runtime import EntrySpec, ToolsetSpec
tools = FunctionToolset()

@tools.tool_plain
def add(a: int) -> int: ...

dynamic = ToolsetSpec(factory=make())
forgotten = FunctionToolset()
"""


def linked(*workers: bytes, python: bytes = TOOLS) -> Registry:
    specs = [parse_worker(f"{number}.worker", source) for number, source in enumerate(workers)]
    return link(specs, [scan_python("tools.py", python)])  # pyright: ignore[reportArgumentType]  it is only shown


def test_every_worker_and_what_it_links() -> None:
    registry = linked(HELPER, MAIN)
    assert graph(registry, find_entry(registry)).splitlines() == [
        "entry main (1.worker:2)",
        "worker main (1.worker:2), openai:gpt-4o",
        "  -> worker helper",
        "  -> tool add of tools (tools.py:3)",
        "  -> toolset filesystem_project_ro (built-in): read_file, list_files",
        "  -> worker main",
        "worker helper (0.worker:2), model of its caller",
        "  -> toolset dynamic (tools.py:8): tools known when it runs",
        "toolset forgotten (tools.py:9): linked by no worker",
    ]


@pytest.mark.parametrize(
    ("entry", "line"), [("helper", "entry helper (0.worker:2)"), ("add", "entry add (tools.py:3)")]
)
def test_the_entry_comes_first(entry: str, line: str) -> None:
    registry = linked(HELPER, MAIN)
    lines = graph(registry, find_entry(registry, entry)).splitlines()
    assert lines[0] == line
    assert lines[1].startswith("worker helper ")


def test_a_python_entry() -> None:
    registry = linked(python=b"ENTRY = EntrySpec(name='start', main=main)\n")
    assert graph(registry, find_entry(registry)) == "entry start (tools.py:1)"


def test_nothing_to_enter() -> None:
    with pytest.raises(SpecError, match="no entry"):
        find_entry(linked(HELPER))


RIGHTS = b"""\
---
name: main
toolsets: [worker_tools]
server_side_tools:
- {tool_type: web_search, max_uses: 3, allowed_domains: [a.com]}
- {tool_type: code_execution}
sandboxes: {etc: {path: /etc, mode: rw}, in: {path: in}}
workers: {allow: ["secret*", poet], create: CREATE}
approvals: [{tool: "*", decision: approve}, {tool: shell, args: {command: "rm *"}, decision: reject}]
---
"""


def test_everything_that_a_worker_may_do_is_shown() -> None:
    registry = linked(RIGHTS.replace(b"CREATE", b"true"), python=b"")
    rule = Rule("send\x1b[2J", decision="approve")
    config = RuntimeConfig(approval_mode="approve_all", approval_rules=(rule,))
    assert graph(registry, find_entry(registry), config).splitlines()[2:] == [
        "  -> toolset worker_tools (built-in): worker_call, create_worker",
        "  -> toolset sandboxes (0.worker:7): read_file, write_file, list_files",
        """  server-side tool web_search {"max_uses": 3, "allowed_domains": ["a.com"]}""",
        "  server-side tool code_execution",
        "  sandbox etc: '/etc', rw",
        "  sandbox in: 'in', ro",
        "  may call 'secret*', 'poet'",
        "  may create workers",
        "  rule: approve '*'",
        """  rule: reject 'shell' {"command": "rm *"}""",
        "manifest: approval_mode approve_all",
        "manifest: rule: approve 'send\\x1b[2J'",
    ]


def test_a_worker_that_may_create_none_has_no_tool_for_it() -> None:
    registry = linked(RIGHTS.replace(b"CREATE", b"false"), python=b"")
    shown = graph(registry, find_entry(registry))
    assert "  -> toolset worker_tools (built-in): worker_call\n" in shown
    assert "create" not in shown
