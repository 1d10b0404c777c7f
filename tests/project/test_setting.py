from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_do.errors import SpecError, UsageError
from llm_do.project.setting import Setting, override, parse_set
from llm_do.project.spec import AttachmentPolicy, Example, SandboxSpec, ServerTool, WorkerSpec, parse_worker

SPEC = parse_worker(
    "x.worker",
    b"---\nname: main\nmodel: a:b\ntoolsets: [calc]\nsandboxes:\n  data: {path: in}\n"
    b"examples: [{input: null, output: null}]\nserver_side_tools: [{tool_type: web_fetch}]\n---\nBody.\n",
)

fuzz = settings(derandomize=True, database=None, deadline=None, max_examples=60)


@pytest.mark.parametrize(
    ("argument", "setting"),
    [
        ("model=anthropic:claude-sonnet-4", Setting(None, "model", "anthropic:claude-sonnet-4")),
        ("main:model=a:b", Setting("main", "model", "a:b")),
        ("model_settings.temperature=0.2", Setting(None, "model_settings.temperature", 0.2)),
        ("w-1:sandboxes.data.mode=rw", Setting("w-1", "sandboxes.data.mode", "rw")),
        ("entry=true", Setting(None, "entry", value=True)),
        ("entry=True", Setting(None, "entry", value=True)),
        ("entry=no", Setting(None, "entry", "no")),
        ("retries=3", Setting(None, "retries", 3)),
        ("temperature=.5", Setting(None, "temperature", 0.5)),
        ("temperature=1e-1", Setting(None, "temperature", 0.1)),
        ('toolsets=["a", "b"]', Setting(None, "toolsets", ["a", "b"])),
        ('workers={"create": false}', Setting(None, "workers", {"create": False})),
        ('description="3"', Setting(None, "description", "3")),
        ("description=a=b", Setting(None, "description", "a=b")),
        ("description=a: b # c", Setting(None, "description", "a: b # c")),
        ("description=", Setting(None, "description", "")),
        ("description=~", Setting(None, "description", "~")),
        ("description=0777", Setting(None, "description", "0777")),
        ("description={broken", Setting(None, "description", "{broken")),
        ('workers={"a": 1, "a": 2}', Setting(None, "workers", '{"a": 1, "a": 2}')),
        ("timeout_s=null", Setting(None, "timeout_s", None)),
        ("description=NaN", Setting(None, "description", "NaN")),
    ],
)
def test_arguments(argument: str, setting: Setting) -> None:
    read = parse_set(argument)
    assert read == setting
    assert type(read.value) is type(setting.value)


@pytest.mark.parametrize(
    "argument", ["", "model", "=x", "a..b=x", ".a=x", "a.=x", ":model=x", "main:=x", "a\n=x"]
)
def test_other_forms_are_refused(argument: str) -> None:
    with pytest.raises(UsageError, match=r"must have the form \[WORKER:\]dotted\.key=VALUE"):
        parse_set(argument)


def test_infinite_numbers_are_refused() -> None:
    with pytest.raises(UsageError, match=r"\.inf is no finite number; quote it"):
        parse_set("temperature=.inf")


@pytest.mark.parametrize(
    ("key", "value", "change"),
    [
        ("model", "c:d", {"model": "c:d"}),
        ("temperature", 0.5, {"temperature": 0.5}),
        ("model_settings.temperature", 0.2, {"model_settings": {"temperature": 0.2}}),
        ("sandboxes.data.mode", "rw", {"sandboxes": {"data": SandboxSpec("in", mode="rw")}}),
        ("attachments.max_count", 1, {"attachments": AttachmentPolicy(max_count=1)}),
        ("toolsets", ["a", "b"], {"toolsets": ("a", "b")}),
        ("schema_in_ref", "a.B", {"input_schema": "a.B"}),
        ("input_schema.type", "object", {"input_schema": {"type": "object"}}),
    ],
)
def test_a_changed_worker(key: str, value: Any, change: dict[str, Any]) -> None:
    changed = override(SPEC, key, value)
    assert changed == replace(SPEC, **change)
    assert (changed.path, changed.lines, changed.sha256) == (SPEC.path, SPEC.lines, SPEC.sha256)
    assert changed.examples == (Example(None, None),)
    assert changed.server_side_tools == (ServerTool("web_fetch"),)


def test_overrides_add_up_and_leave_the_original_alone() -> None:
    twice = override(override(SPEC, "sandboxes.data.mode", "rw"), "sandboxes.data.max_bytes", 5)
    assert twice.sandboxes == {"data": SandboxSpec("in", "rw", (), 5)}
    assert SPEC.sandboxes == {"data": SandboxSpec("in")}


def test_an_alias_replaces_what_stood_under_the_other_name() -> None:
    first = override(SPEC, "input_schema", {"type": "object"})
    assert override(first, "schema_in_ref", "a.B").input_schema == "a.B"


def test_works_for_specs_made_by_hand() -> None:
    assert override(WorkerSpec("a", "Do."), "retries", 4) == WorkerSpec("a", "Do.", retries=4)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("modle", "a:b", "--set main:modle: unknown key 'modle'; did you mean 'model'?"),
        ("temperature", "hot", "--set main:temperature: 'temperature' must be a number, at least 0, found"),
        ("temperature", None, "'temperature' must be a number, at least 0, found nothing (null)"),
        ("sandboxes.data.mode", "x", "'sandboxes.data.mode' must be one of ro, rw, found text 'x'"),
        ("sandboxes.other.mode", "rw", "'sandboxes.other' needs the key 'path'"),
        ("toolsets.0", "x", "'toolsets' is no mapping; give its whole value as JSON"),
        ("model.x", "y", "'model' is no mapping; give its whole value as JSON"),
        ("compatible_models", ["a:*"], "'model' and 'compatible_models' exclude each other"),
        ("name", "../x", "'name' must be a letter"),
        ("sha256", "x", "unknown key 'sha256'"),
        ("instructions", "x", "unknown key 'instructions'"),
    ],
)
def test_refusals_name_the_option(key: str, value: Any, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        override(SPEC, key, value)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"--set main:{key}: ")


@fuzz
@given(st.text("abm:.=[]{}\"'0 \n", max_size=20) | st.text(max_size=20))
def test_any_argument_gives_a_setting_or_usage_error(argument: str) -> None:
    try:
        setting = parse_set(argument)
        override(SPEC, setting.key, setting.value)
    except (UsageError, SpecError) as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017
    else:
        assert setting.key
