from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_ai.settings import ModelSettings

from llm_do.approval import Rule
from llm_do.errors import SpecError
from llm_do.project.spec import (
    MODEL_SETTINGS,
    AttachmentPolicy,
    Example,
    SandboxSpec,
    ServerTool,
    WorkerAccess,
    WorkerSpec,
    front_matter,
    parse_spec,
    parse_worker,
    tool_description,
)
from llm_do.project.strictyaml import load_yaml

EVERY_KEY = """\
---
name: triage
description: Sorts tickets.
entry: true
model: anthropic:claude-haiku-4-5
temperature: 0.2
model_settings: {max_tokens: 500, openai_reasoning_effort: low}
system_prompt: Be exact.
spec: Labels are billing and other.
examples:
  - {input: charged twice, output: {queue: billing}}
  - input: null
    output: null
input_schema: schemas.py:Ticket
output_schema: {type: object, properties: {queue: {type: string, default: null}}}
toolsets: [filesystem_project_ro, lookup, classifier]
server_side_tools:
  - {tool_type: web_search, max_uses: 3, allowed_domains: [a.org], blocked_domains: [b.org]}
  - tool_type: code_execution
sandboxes:
  decks: {path: input, suffixes: [.pdf]}
  out: {path: output, mode: rw, max_bytes: 10}
attachments: {max_count: 1, max_bytes: 5, suffixes: [.pdf], denied_suffixes: [.exe]}
workers: {allow: ["eval_*"], create: true}
approvals:
  - {tool: write_file, args: {path: "out/*", force: false}, decision: approve}
  - {tool: "*", decision: ask}
locked: true
template: jinja2
retries: 0
timeout_s: 1.5
---
Sort the ticket {{ input }}.
"""

fuzz = settings(derandomize=True, database=None, deadline=None, max_examples=60)


def read(front: str, body: str = "Body.") -> WorkerSpec:
    return parse_worker("x.worker", f"---\n{front}\n---\n{body}\n".encode())


def test_every_key() -> None:
    spec = parse_worker("x.worker", EVERY_KEY.encode())
    assert spec == WorkerSpec(
        "triage",
        "Sort the ticket {{ input }}.",
        description="Sorts tickets.",
        entry=True,
        model="anthropic:claude-haiku-4-5",
        temperature=0.2,
        model_settings={"max_tokens": 500, "openai_reasoning_effort": "low"},
        system_prompt="Be exact.",
        spec="Labels are billing and other.",
        examples=(Example("charged twice", {"queue": "billing"}), Example(None, None)),
        input_schema="schemas.py:Ticket",
        output_schema={"type": "object", "properties": {"queue": {"type": "string", "default": None}}},
        toolsets=("filesystem_project_ro", "lookup", "classifier"),
        server_side_tools=(
            ServerTool("web_search", 3, ("a.org",), ("b.org",)),
            ServerTool("code_execution"),
        ),
        sandboxes={
            "decks": SandboxSpec("input", suffixes=(".pdf",)),
            "out": SandboxSpec("output", mode="rw", max_bytes=10),
        },
        attachments=AttachmentPolicy(1, 5, (".pdf",), (".exe",)),
        workers=WorkerAccess(("eval_*",), create=True),
        approvals=(
            Rule("write_file", {"path": "out/*", "force": False}, "approve"),
            Rule("*", {}, "ask"),
        ),
        locked=True,
        template="jinja2",
        retries=0,
        timeout_s=1.5,
        path="x.worker",
        sha256=hashlib.sha256(EVERY_KEY.encode()).hexdigest(),
    )


def test_lines_of_keys_items_and_body() -> None:
    lines = parse_worker("x.worker", EVERY_KEY.encode()).lines
    wanted = {"name": 2, "toolsets": 16, "toolsets.2": 16, "sandboxes.out": 22, "workers.allow": 24}
    assert {key: lines[key] for key in wanted} == wanted
    assert lines["instructions"] == EVERY_KEY.count("\n")


def test_defaults() -> None:
    spec = read("name: main")
    assert spec == WorkerSpec("main", "Body.", path="x.worker", sha256=spec.sha256)
    assert (spec.model, spec.compatible_models, spec.temperature, spec.template) == (None, (), None, "plain")
    assert (spec.retries, spec.timeout_s, spec.locked, spec.entry) == (1, None, False, False)
    assert AttachmentPolicy() == AttachmentPolicy(4, 10_000_000, (), ())
    assert SandboxSpec("p") == SandboxSpec("p", "ro", (), 2_000_000)


def test_absent_and_empty_differ_where_it_matters() -> None:
    assert read("name: a").workers is None
    assert read("name: a\nworkers: {create: true}").workers == WorkerAccess(None, create=True)
    assert read("name: a\nworkers: {allow: []}").workers == WorkerAccess((), create=False)
    assert read("name: a").attachments is None
    assert read("name: a\nattachments: {}").attachments == AttachmentPolicy()


def test_reference_documentation_example() -> None:
    spec = read(
        "name: main\nentry: true\nmodel: anthropic:claude-haiku-4-5",
        "You are a friendly greeter. Respond to the user with a warm, personalized greeting.\n"
        "Keep your responses brief and cheerful.",
    )
    assert (spec.name, spec.entry, spec.model) == ("main", True, "anthropic:claude-haiku-4-5")
    assert spec.instructions.endswith("greeting.\nKeep your responses brief and cheerful.")


def test_python_constructs_a_spec_by_hand() -> None:
    spec = WorkerSpec(name="x", instructions="Do it.")
    assert (spec.toolsets, spec.model_settings, spec.path, spec.sha256) == ((), {}, None, "")


@pytest.mark.parametrize("name", ["a", "A", "a-b_C9", "a" * 64])
def test_names(name: str) -> None:
    assert WorkerSpec(name).name == name
    assert read(f'name: "{name}"').name == name


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "A B", "", "_x", "a" * 65, "1a", "-a", "a.b", "é", "a\n", "٣"]
)
@pytest.mark.policy("spec-name-traversal")
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(SpecError, match="a letter, then at most 63 letters, digits"):
        WorkerSpec(name)
    with pytest.raises(SpecError, match="a letter, then at most 63 letters, digits"):
        parse_spec(load_yaml('"name": "' + name.replace("\n", "\\n") + '"'))


def test_description_for_callers() -> None:
    assert tool_description(WorkerSpec("a", "x" * 300, description="Sorts.")) == "Sorts."
    assert tool_description(WorkerSpec("a", "x" * 300)) == "x" * 200


@pytest.mark.parametrize("key", ["input_schema", "schema_in_ref"])
@pytest.mark.parametrize("written", ["schemas.py:Ticket", "lib/schemas.py:Ticket", "pkg.schemas.Ticket"])
def test_schema_references(key: str, written: str) -> None:
    spec = read(f"name: a\n{key}: {written}\noutput_schema: {written}")
    assert (spec.input_schema, spec.output_schema) == (written, written)
    assert spec.lines["input_schema"] == 3


def test_inline_schema() -> None:
    assert read("name: a\nschema_in_ref: {type: object}").input_schema == {"type": "object"}


@pytest.mark.parametrize(
    ("front", "line", "message"),
    [
        ("description: x", 2, "the file needs the key 'name'"),
        ("name: a\naproval: always", 3, "unknown key 'aproval'; did you mean 'approvals'?"),
        ("name: a\nzzz: 1", 3, "unknown key 'zzz'; known keys: approvals, attachments,"),
        ("name: a\n<<: {model: x}", 3, "unknown key '<<'"),
        ("name: a\ninstructions: x", 3, "unknown key 'instructions'"),
        ("name: 1", 2, "'name' must be text, found number 1; quote it"),
        ("name: [a]", 2, "'name' must be text, found a list"),
        ("name: a\ndescription: true", 3, "'description' must be text, found boolean true; quote it"),
        ("name: a\ndescription:", 3, "'description' must be text, found nothing (null)"),
        ("name: a\nentry: 'true'", 3, "'entry' must be true or false, found text 'true'"),
        ("name: a\nentry: yes", 3, "'entry' must be true or false, found text 'yes'"),
        ("name: a\nlocked: 1", 3, "'locked' must be true or false, found number 1"),
        ("name: a\nmodel: ' '", 3, "'model' must be a text that is not blank, found text ' '"),
        ("name: a\ntemperature: hot", 3, "'temperature' must be a number, at least 0, found text 'hot'"),
        ("name: a\ntemperature: -1", 3, "'temperature' must be a number, at least 0, found number -1"),
        ("name: a\ntemperature: true", 3, "'temperature' must be a number, at least 0, found boolean true"),
        ("name: a\nretries: 1.5", 3, "'retries' must be a whole number, at least 0, found number 1.5"),
        ("name: a\nretries: -1", 3, "'retries' must be a whole number, at least 0, found number -1"),
        ("name: a\nretries: false", 3, "'retries' must be a whole number, at least 0, found boolean false"),
        ("name: a\ntimeout_s: 0", 3, "'timeout_s' must be a number above 0, found number 0"),
        (
            "name: a\ntemplate: jinja",
            3,
            "'template' must be one of plain, jinja2, found text 'jinja'; did you",
        ),
        ("name: a\ntemplate: 3", 3, "'template' must be one of plain, jinja2, found number 3"),
        ("name: a\ntoolsets: calc", 3, "'toolsets' must be a list, found text 'calc'"),
        ("name: a\ntoolsets:\n- b\n- 2", 5, "'toolsets.1' must be text, found number 2; quote it"),
        ("name: a\ntoolsets:\n- b\n- b", 5, "'b' stands twice in 'toolsets'; keep one"),
        ("name: a\ncompatible_models: x", 3, "'compatible_models' must be a list, found text 'x'"),
        ("name: a\nmodel: x\ncompatible_models: ['y:*']", 4, "'model' and 'compatible_models' exclude each"),
        ("name: a\nmodel_settings: 3", 3, "'model_settings' must be a mapping, found number 3"),
        ("name: a\nmodel_settings:\n  topp: 1", 4, "key 'topp' in 'model_settings'; did you mean 'top_p'?"),
        ("name: a\nmodel_settings:\n  zzz: 1", 4, "key 'zzz' in 'model_settings'; a provider's own settings"),
        (
            "name: a\ntemperature: 1\nmodel_settings:\n  temperature: 1",
            5,
            "'temperature' also stands in 'mod",
        ),
        ("name: a\nexamples:\n- input: x", 4, "'examples.0' needs the key 'output'"),
        ("name: a\nexamples:\n- x", 4, "'examples.0' must be a mapping, found text 'x'"),
        ("name: a\nexamples: {input: x, output: y}", 3, "'examples' must be a list, found a mapping"),
        (
            "name: a\ninput_schema: Ticket",
            3,
            "'input_schema' must be 'path.py:Class', 'module.Class' or a JS",
        ),
        ("name: a\noutput_schema: [x]", 3, "'output_schema' must be text, found a list"),
        ("name: a\noutput_schema: x.py:A-B", 3, "'output_schema' must be 'path.py:Class'"),
        (
            "name: a\ninput_schema: {}\nschema_in_ref: a.B",
            4,
            "'schema_in_ref' is another name of 'input_sche",
        ),
        (
            "name: a\nserver_side_tools:\n- tool_type: web",
            4,
            "'server_side_tools.0.tool_type' must be one of",
        ),
        ("name: a\nserver_side_tools:\n- max_uses: 1", 4, "'server_side_tools.0' needs the key 'tool_type'"),
        (
            "name: a\nserver_side_tools:\n- tool_type: web_fetch\n  max_use: 1",
            5,
            "unknown key 'max_use' in 'server_side_tools.0'; did you mean 'max_uses'?",
        ),
        (
            "name: a\nserver_side_tools: [{tool_type: web_fetch, max_uses: 0}]",
            3,
            "'server_side_tools.0.max_uses' must be a whole number, at least 1, found number 0",
        ),
        ("name: a\nsandboxes:\n  d:\n    mode: rw", 4, "'sandboxes.d' needs the key 'path'"),
        ("name: a\nsandboxes:\n  d/e: {path: x}", 4, "name 'd/e' in 'sandboxes' must be a letter"),
        (
            "name: a\nsandboxes:\n  d:\n    path: x\n    mode: w",
            6,
            "'sandboxes.d.mode' must be one of ro, rw",
        ),
        (
            "name: a\nsandboxes: {d: {path: x, suffixes: [pdf]}}",
            3,
            "a file suffix such as '.pdf', found text",
        ),
        (
            "name: a\nsandboxes: {d: {path: x, max_byte: 1}}",
            3,
            "unknown key 'max_byte' in 'sandboxes.d'; did",
        ),
        ("name: a\nattachments: {max_count: -1}", 3, "'attachments.max_count' must be a whole number"),
        ("name: a\nattachments: {sufixes: []}", 3, "unknown key 'sufixes' in 'attachments'; did you mean"),
        ("name: a\nworkers: [b]", 3, "'workers' must be a mapping, found a list"),
        ("name: a\nworkers:", 3, "'workers' must be a mapping, found nothing (null)"),
        ("name: a\nworkers: {allow: b}", 3, "'workers.allow' must be a list, found text 'b'"),
        ("name: a\nworkers: {creat: true}", 3, "unknown key 'creat' in 'workers'; did you mean 'create'?"),
        ("name: a\napprovals: {tool: x}", 3, "'approvals' must be a list, found a mapping"),
        ("name: a\napprovals: [{tool: x}]", 3, "'approvals.0' needs the key 'decision'"),
        ("name: a\napprovals: [{decision: ask}]", 3, "'approvals.0' needs the key 'tool'"),
        ("name: a\napprovals:\n- tool: x\n  decision: aks", 5, "found text 'aks'; did you mean 'ask'?"),
        ("name: a\napprovals: [{tool: x, decision: ask, arg: {}}]", 3, "unknown key 'arg' in 'approvals.0'"),
        (
            "name: a\napprovals: [{tool: x, decision: ask, args: []}]",
            3,
            "'approvals.0.args' must be a mapping",
        ),
    ],
)
@pytest.mark.policy("spec-unknown-key")
def test_refusals_name_key_line_wanted_and_found(front: str, line: int, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        read(front)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"x.worker:{line}: ")
    assert len(str(caught.value).splitlines()) == 1


def test_long_values_are_shortened_in_errors() -> None:
    with pytest.raises(SpecError) as caught:
        read(f"name: a\n{'k' * 900}: {'v' * 9000}")
    assert "'kkkkk" in str(caught.value)
    with pytest.raises(SpecError) as other:
        read(f"name: a\nentry: {'v' * 9000}")
    assert len(str(other.value)) < 200


def test_rules_hold_for_specs_made_by_hand() -> None:
    with pytest.raises(SpecError, match="exclude each other"):
        WorkerSpec("a", model="x:y", compatible_models=("x:*",))
    with pytest.raises(SpecError, match="'temperature' also stands"):
        WorkerSpec("a", temperature=0.0, model_settings={"temperature": 1})


def test_front_matter_reads_back_as_the_same_worker() -> None:
    spec = parse_worker("x.worker", EVERY_KEY.encode())
    front = front_matter(spec)
    assert "path" not in front
    assert "instructions" not in front
    again = parse_worker("x.worker", EVERY_KEY.encode())
    assert front == front_matter(again)
    assert front["examples"][1] == {"input": None, "output": None}
    assert front["server_side_tools"][1] == {
        "tool_type": "code_execution",
        "allowed_domains": [],
        "blocked_domains": [],
    }


def test_common_model_settings_are_those_of_the_engine() -> None:
    assert set(ModelSettings.__annotations__) <= MODEL_SETTINGS


def test_reading_imports_neither_pydantic_nor_the_engine() -> None:
    program = "import llm_do.project.setting, llm_do.project.manifest, sys; print(*sys.modules)"
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert "llm_do.project.manifest" in printed.stdout.split()
    assert {"pydantic", "pydantic_ai", "jinja2", "httpx2"}.isdisjoint(printed.stdout.split())


@fuzz
@given(st.data())
def test_a_damaged_file_gives_a_spec_or_spec_error(data: st.DataObject) -> None:
    source = EVERY_KEY.encode()
    start = data.draw(st.integers(0, len(source)))
    stop = data.draw(st.integers(start, min(len(source), start + 20)))
    patch = data.draw(
        st.binary(max_size=6) | st.sampled_from([b"\n", b"- ", b": ", b"{", b"[]", b"null", b'"'])
    )
    expect_spec_or_error(source[:start] + patch + source[stop:])


@fuzz
@given(st.sampled_from(EVERY_KEY.splitlines()[1:-2]), st.sampled_from(EVERY_KEY.splitlines()[1:-2]))
def test_foreign_values_give_a_spec_or_spec_error(one: str, other: str) -> None:
    key, value = one.partition(":")[0], other.partition(":")[2]
    expect_spec_or_error(f"---\nname: a\n{key}:{value}\n---\n".encode())


def expect_spec_or_error(source: bytes) -> None:
    try:
        spec: Any = parse_worker(Path("x.worker"), source)
    except SpecError as error:
        assert str(error).startswith("x.worker:")  # noqa: PT017
        assert len(str(error).splitlines()) == 1  # noqa: PT017
    else:
        assert isinstance(spec, WorkerSpec)
