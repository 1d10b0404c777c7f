from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_do.approval import Rule
from llm_do.errors import SpecError
from llm_do.project.manifest import ApprovalOverride, Manifest, RuntimeConfig, UsageLimits, load_manifest

EVERY_KEY = """\
{
  "version": 1,
  "runtime": {
    "approval_mode": "approve_all",
    "max_depth": 3,
    "return_permission_errors": false,
    "worker_calls_require_approval": true,
    "worker_attachments_require_approval": true,
    "worker_approval_overrides": {
      "triage": {"calls_require_approval": false},
      "mailer": {"attachments_require_approval": true}
    },
    "approval_rules": [
      {"tool": "write_file", "args": {"path": "out/*"}, "decision": "approve"},
      {"tool": "shell", "decision": "reject"}
    ],
    "auth_mode": "oauth_auto",
    "usage_limits": {"requests": 50, "tokens": 100000, "cost_usd": 0.5},
    "timeout_s": 90
  },
  "entry": {"input": {"input": "Hello!"}},
  "allow_cli_input": false,
  "worker_files": ["main.worker", "workers/**/*.worker"],
  "python_files": ["tools.py"]
}
"""

fuzz = settings(derandomize=True, database=None, deadline=None, max_examples=60)


def read(text: str) -> Manifest:
    return load_manifest("project.json", text.encode())


def with_keys(**keys: Any) -> str:
    return json.dumps({"version": 1, "worker_files": ["main.worker"], **keys}, indent=1)


def test_every_key() -> None:
    manifest = read(EVERY_KEY)
    assert manifest == Manifest(
        worker_files=("main.worker", "workers/**/*.worker"),
        python_files=("tools.py",),
        runtime=RuntimeConfig(
            approval_mode="approve_all",
            max_depth=3,
            return_permission_errors=False,
            worker_calls_require_approval=True,
            worker_attachments_require_approval=True,
            worker_approval_overrides={
                "triage": ApprovalOverride(calls_require_approval=False),
                "mailer": ApprovalOverride(attachments_require_approval=True),
            },
            approval_rules=(
                Rule("write_file", {"path": "out/*"}, "approve"),
                Rule("shell", {}, "reject"),
            ),
            auth_mode="oauth_auto",
            usage_limits=UsageLimits(requests=50, tokens=100_000, cost_usd=0.5),
            timeout_s=90,
        ),
        entry_input={"input": "Hello!"},
        allow_cli_input=False,
        path="project.json",
    )
    assert manifest.lines["worker_files.1"] == 23
    assert manifest.lines["runtime.approval_rules"] == 13


def test_defaults() -> None:
    manifest = read('{"version": 1, "worker_files": ["main.worker"]}')
    assert manifest == Manifest(worker_files=("main.worker",), path="project.json")
    assert (manifest.entry_input, manifest.allow_cli_input, manifest.python_files) == (None, True, ())
    runtime = manifest.runtime
    assert (runtime.approval_mode, runtime.max_depth, runtime.auth_mode) == ("prompt", 5, "oauth_off")
    assert (runtime.return_permission_errors, runtime.timeout_s) == (True, None)
    assert (runtime.worker_calls_require_approval, runtime.worker_attachments_require_approval) == (
        False,
        False,
    )
    assert runtime.usage_limits == UsageLimits(requests=None, tokens=None, cost_usd=None)
    assert (runtime.approval_rules, runtime.worker_approval_overrides) == ((), {})


def test_reference_documentation_example() -> None:
    manifest = read(
        '{"version": 1, "runtime": {"approval_mode": "prompt", "max_depth": 5},'
        ' "entry": {"input": {"input": "Hello!"}},'
        ' "worker_files": ["main.worker"], "python_files": ["tools.py"]}'
    )
    assert manifest.runtime == RuntimeConfig()
    assert manifest.entry_input == {"input": "Hello!"}
    assert manifest.python_files == ("tools.py",)


def test_empty_sections_are_defaults() -> None:
    assert read(with_keys(runtime={}, entry={}, python_files=[])) == read(with_keys())


@pytest.mark.parametrize(
    "path",
    ["main.worker", "a/b.worker", "*.worker", "**/*.worker", "a b/[cd]?.py", "..a/b..", "é/ü.py", "a~/b"],
)
def test_paths(path: str) -> None:
    assert read(with_keys(worker_files=[path])).worker_files == (path,)


@pytest.mark.parametrize(
    "path",
    [
        "", " ", "/etc/x.py", "../x.py", "a/../x.py", "a/..", "..", ".", "./x.py", "a/./x.py", "a//x.py",
        "a/", "~/x.py", "~root/x.py", "a\\x.py", "..\\x.py", "C:/x.py", "C:x.py", "file:///x.py",
        "a\nb.py", "a\x1b.py", "a\u202eb.py",
    ],
)  # fmt: skip
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(SpecError) as caught:
        read(with_keys(python_files=["ok.py", path]))
    assert caught.value.line == 8
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        ("", 1, "not valid JSON"),
        ("[]", 1, "the file must be a mapping, found a list"),
        ("3", 1, "the file must be a mapping, found number 3"),
        ('{"version": 1,\n "version": 1}', 2, "key 'version' stands twice"),
        ('{"version": 1,\n "runtime": {"timeout_s": NaN}}', None, "NaN is no number"),
        ('{\n"worker_files": ["a.worker"]}', 1, "the file needs the key 'version'"),
        ('{\n"version": 2}', 2, "'version' must be 1, found number 2"),
        ('{\n"version": "1"}', 2, "'version' must be a whole number, at least 0, found text '1'"),
        ('{\n"version": true}', 2, "'version' must be a whole number, at least 0, found boolean true"),
        ('{\n"version": 1.0}', 2, "'version' must be a whole number, at least 0, found number 1.0"),
        ('{"version": 1}', 1, "lists no 'worker_files' and no 'python_files'; name at least one file"),
        ('{"version": 1, "worker_files": []}', 1, "lists no 'worker_files'"),
        (with_keys(worker_file=[]), 6, "unknown key 'worker_file'; did you mean 'worker_files'?"),
        (
            with_keys(runtime={"max_dept": 1}),
            7,
            "unknown key 'max_dept' in 'runtime'; did you mean 'max_depth'?",
        ),
        (with_keys(runtime=None), 6, "'runtime' must be a mapping, found nothing (null)"),
        (with_keys(runtime={"approval_mode": "aprove_all"}), 7, "did you mean 'approve_all'?"),
        (
            with_keys(runtime={"auth_mode": "oauth"}),
            7,
            "must be one of oauth_off, oauth_auto, oauth_required",
        ),
        (with_keys(runtime={"max_depth": -1}), 7, "'runtime.max_depth' must be a whole number, at least 0"),
        (with_keys(runtime={"return_permission_errors": 1}), 7, "must be true or false, found number 1"),
        (
            with_keys(runtime={"worker_calls_require_approval": "no"}),
            7,
            "must be true or false, found text 'no'",
        ),
        (with_keys(runtime={"worker_attachments_require_approval": 0}), 7, "must be true or false"),
        (
            with_keys(runtime={"worker_approval_overrides": {"a/b": {}}}),
            8,
            "name 'a/b' in 'runtime.worker_appr",
        ),
        (
            with_keys(runtime={"worker_approval_overrides": {"a": {"calls": True}}}),
            9,
            "unknown key 'calls' in",
        ),
        (with_keys(runtime={"approval_rules": {}}), 7, "'runtime.approval_rules' must be a list"),
        (with_keys(runtime={"approval_rules": [{"tool": "x"}]}), 8, "rules.0' needs the key 'decision'"),
        (with_keys(runtime={"usage_limits": {"cost": 1}}), 8, "unknown key 'cost' in 'runtime.usage_limits'"),
        (with_keys(runtime={"usage_limits": {"requests": 1.5}}), 8, "must be a whole number, at least 0"),
        (with_keys(runtime={"usage_limits": {"cost_usd": -1}}), 8, "must be a number, at least 0"),
        (
            with_keys(runtime={"timeout_s": 0}),
            7,
            "'runtime.timeout_s' must be a number above 0, found number 0",
        ),
        (with_keys(entry={"inputs": {}}), 7, "unknown key 'inputs' in 'entry'; did you mean 'input'?"),
        (with_keys(entry={"input": "hi"}), 7, "'entry.input' must be a mapping, found text 'hi'"),
        (with_keys(allow_cli_input="yes"), 6, "'allow_cli_input' must be true or false, found text 'yes'"),
        (with_keys(python_files="tools.py"), 6, "'python_files' must be a list, found text 'tools.py'"),
        (with_keys(python_files=["a.py", 1]), 8, "'python_files.1' must be text, found number 1"),
        (
            with_keys(python_files=["a.py", "b.py", "a.py"]),
            9,
            "'a.py' stands twice in 'python_files'; keep one",
        ),
        (with_keys(python_files=["../a.py"]), 7, "path '../a.py' must lead into the project"),
        (with_keys(python_files=["a\\b.py"]), 7, "must be relative, with '/' between its parts"),
    ],
)
def test_refusals_name_file_and_line(source: str, line: int | None, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        read(source)
    assert message in str(caught.value)
    assert caught.value.line == line
    assert str(caught.value).startswith("project.json:")
    assert len(str(caught.value).splitlines()) == 1


@fuzz
@given(st.data())
def test_a_damaged_file_gives_a_manifest_or_spec_error(data: st.DataObject) -> None:
    source = EVERY_KEY.encode()
    start = data.draw(st.integers(0, len(source)))
    stop = data.draw(st.integers(start, min(len(source), start + 12)))
    patch = data.draw(
        st.binary(max_size=4) | st.sampled_from([b"null", b"[]", b"{}", b"1", b'"x"', b"", b","])
    )
    expect_manifest_or_error(source[:start] + patch + source[stop:])


FOREIGN: list[Any] = [None, True, -1, 1.5, "", "x", [], [1], ["a"], {}, {"a": {}}, [{}]]


@fuzz
@given(st.dictionaries(st.sampled_from([*json.loads(EVERY_KEY), "input", "x"]), st.sampled_from(FOREIGN)))
def test_foreign_values_give_a_manifest_or_spec_error(keys: dict[str, Any]) -> None:
    expect_manifest_or_error(json.dumps({**json.loads(EVERY_KEY), **keys}).encode())
    expect_manifest_or_error(with_keys(runtime=keys).encode())


def expect_manifest_or_error(source: bytes) -> None:
    try:
        manifest: Any = load_manifest("project.json", source)
    except SpecError as error:
        assert str(error).startswith("project.json:")  # noqa: PT017
        assert len(str(error).splitlines()) == 1  # noqa: PT017
    else:
        assert isinstance(manifest, Manifest)
