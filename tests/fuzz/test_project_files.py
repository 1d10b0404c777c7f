"""Worker files, manifests and lock files of any bytes: understood, or refused in one line that says where."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from fuzzing import damaged, efforts, explore

from llm_do.command.lock import FILE, Lock, refuse_differences
from llm_do.errors import SpecError, UsageError
from llm_do.project.document import Node
from llm_do.project.manifest import Manifest, load_manifest
from llm_do.project.spec import front_matter, parse_spec, parse_worker
from llm_do.python.pythonfile import scan_python

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
EXAMPLES = Path(__file__).parents[2] / "examples"
FULL = b"""\
---
name: triage
description: Sorts tickets.
compatible_models: ["anthropic:*"]
model_settings: {max_tokens: 500, openai_reasoning_effort: low}
examples:
  - {input: charged twice, output: {queue: billing}}
schema_in_ref: schemas.py:Ticket
output_schema: {type: object, properties: {queue: {type: string}}}
toolsets: [filesystem_project_ro, lookup]
server_side_tools:
  - {tool_type: web_search, max_uses: 3, allowed_domains: [a.org]}
sandboxes:
  decks: {path: input, suffixes: [.pdf]}
attachments: {max_count: 1, denied_suffixes: [.exe]}
workers: {allow: ["eval_*"], create: true}
approvals:
  - {tool: write_file, args: {path: "out/*", force: false}, decision: approve}
template: jinja2
timeout_s: 1.5
---
Sort the ticket {{ input }}.
"""
MANIFEST = b"""\
{"version": 1,
 "runtime": {"approval_mode": "prompt", "max_depth": 3,
  "worker_approval_overrides": {"a": {"calls_require_approval": false}},
  "approval_rules": [{"tool": "x*", "args": {"p": 1.5}, "decision": "reject"}],
  "usage_limits": {"requests": 5, "tokens": null, "cost_usd": 0.5}, "timeout_s": 90},
 "entry": {"input": {"input": "Hello \\u00e9"}},
 "worker_files": ["main.worker", "workers/**/*.worker"], "python_files": ["tools.py"]}
"""
WORKERS = [FULL, *(path.read_bytes() for path in sorted(EXAMPLES.rglob("*.worker")))]
MANIFESTS = [MANIFEST, *(path.read_bytes() for path in sorted(EXAMPLES.rglob("project.json")))]
PYTHON = [path.read_bytes() for path in sorted(EXAMPLES.rglob("*.py"))]


def understood(read: Callable[[bytes], T], source: bytes, name: str) -> T | None:
    try:
        return read(source)
    except SpecError as error:
        refused = error
    text = str(refused)
    assert text.startswith(name), text
    assert len(text.splitlines()) == 1, text
    assert len(text) < 1000, text
    assert refused.line is None or 1 <= refused.line <= source.count(b"\n") + 1, text
    return None


def check_worker(source: bytes) -> None:
    spec = understood(lambda text: parse_worker("x.worker", text), source, "x.worker:")
    if spec is None:
        return
    assert spec == parse_worker("x.worker", source)
    emitted = front_matter(spec)
    again = parse_spec(Node(json.loads(json.dumps(emitted))), instructions=spec.instructions)
    assert replace(again, path=spec.path, sha256=spec.sha256) == spec
    assert all(1 <= line <= source.count(b"\n") + 2 for line in spec.lines.values())


@efforts
def test_worker_file(examples: int) -> None:
    explore(damaged(WORKERS, [b"name: a\n", b"model: x\n", b"locked: true\n"]), check_worker, examples)


def check_manifest(source: bytes) -> None:
    manifest = understood(lambda text: load_manifest("project.json", text), source, "project.json")
    if manifest is not None:
        assert manifest == load_manifest("project.json", source)
        assert isinstance(manifest, Manifest)
        assert not [each for each in manifest.worker_files if each.startswith("/") or ".." in each.split("/")]


@efforts
def test_manifest(examples: int) -> None:
    explore(damaged(MANIFESTS, [b'"../x"', b'"version": 1,', b"[]", b"{}"]), check_manifest, examples)


def check_python(source: bytes) -> None:
    file = understood(lambda text: scan_python(Path("x.py"), text), source, "x.py")
    if file is not None:
        assert file == scan_python(Path("x.py"), source)


@efforts
@pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")
def test_python_file(examples: int) -> None:
    explore(damaged(PYTHON, [b"TOOLS = [", b"@x.tool\n", b"lambda: ", b"import x\n"]), check_python, examples)


@efforts
def test_lock_file(examples: int, tmp_path: Path) -> None:
    worker: dict[str, Any] = {
        "file": "a",
        "model": None,
        "settings": {},
        "input_schema": None,
        "output_schema": None,
    }
    value: dict[str, Any] = {
        "version": 1,
        "manifest": {},
        "worker_files": {"a": "0" * 64},
        "python_files": {"b": "1" * 64},
        "names": {"a": {"kind": "worker", "impl": "worker"}},
        "workers": {"a": {**worker, "definition": "2" * 64}},
    }
    lock = Lock(value, {})

    def check(source: bytes) -> None:
        (tmp_path / FILE).write_bytes(source)
        try:
            refuse_differences(tmp_path, lock)
        except UsageError as error:
            assert len(str(error).splitlines()) == 1  # noqa: PT017
        else:
            assert json.loads(source) == value

    explore(damaged([json.dumps(value, indent=1).encode()], [b"null", b'"a": {}, ']), check, examples)
