"""What Python gives is read as a manifest is, and refused at the door."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from llm_do.approval import Rule
from llm_do.errors import UsageError
from llm_do.project.manifest import ApprovalOverride, UsageLimits
from llm_do.runtime import RunApprovalPolicy, Runtime

if TYPE_CHECKING:
    from scripted import Bench


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"usage_limits": {"request": 1}},
            "unknown key 'request' in 'usage_limits'; did you mean 'requests'?",
        ),
        (
            {"usage_limits": {"requests": "5"}},
            "'usage_limits.requests' must be a whole number, at least 0, found text '5'",
        ),
        (
            {"approval_rules": [Rule("x"), {"tol": "y", "decision": "ask"}]},
            "unknown key 'tol' in 'approval_rules.1'; did you mean 'tool'?",
        ),
        ({"approval_rules": [{"decision": "ask"}]}, "'approval_rules.0' needs the key 'tool'"),
        (
            {"worker_approval_overrides": {"a": {"calls_require": True}}},
            "unknown key 'calls_require' in 'worker_approval_overrides.a'; did you mean 'calls_requi",
        ),
        ({"max_depth": "5"}, "'max_depth' must be a whole number, at least 0, found text '5'"),
        ({"max_depth": 1.5}, "'max_depth' must be a whole number, at least 0, found number 1.5"),
        ({"max_depth": -1}, "'max_depth' must be a whole number, at least 0, found number -1"),
        ({"timeout_s": "5"}, "'timeout_s' must be a number above 0, found text '5'"),
        ({"timeout_s": math.nan}, "'timeout_s' must be a number above 0, found number nan"),
        ({"auth_mode": "x"}, "'auth_mode' must be one of oauth_off, oauth_auto, oauth_required, found text"),
        (
            {"worker_calls_require_approval": "no"},
            "'worker_calls_require_approval' must be true or false, found text 'no'",
        ),
        ({"return_permission_errors": "no"}, "'return_permission_errors' must be true or false, found text"),
        (
            {"worker_approval_overrides": {"other": True}},
            "'worker_approval_overrides.other' must be a mapping, found boolean true",
        ),
        (
            {"run_approval_policy": RunApprovalPolicy(rules="x")},  # pyright: ignore[reportArgumentType]
            "'approval_rules' must be a list, found text 'x'",
        ),
        (
            {"run_approval_policy": RunApprovalPolicy(rules=[3])},  # pyright: ignore[reportArgumentType]
            "'approval_rules.0' must be a mapping, found number 3",
        ),
        (
            {"run_approval_policy": "approve_all"},
            "Runtime takes a RunApprovalPolicy first, found text 'approve_all'",
        ),
    ],
)
def test_mappings_are_read_as_in_a_manifest(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Runtime(**options)
    assert str(caught.value).startswith(message)


def test_what_is_none_is_not_said() -> None:
    config = Runtime(
        usage_limits={"requests": 3, "tokens": None},
        worker_approval_overrides={
            "a": {"calls_require_approval": None},
            "b": ApprovalOverride(calls_require_approval=True),
        },
    ).config
    assert config.usage_limits == UsageLimits(requests=3)
    assert config.worker_approval_overrides == {
        "a": ApprovalOverride(),
        "b": ApprovalOverride(calls_require_approval=True),
    }


def test_a_rule_keeps_the_values_it_compares_with() -> None:
    rule = Rule("x", {"a": None, "b": 1.0}, "ask")
    assert Runtime(approval_rules=[rule]).config.approval_rules == (rule,)


@pytest.mark.parametrize(
    ("entry", "history", "message"),
    [
        ("main", None, "a run takes the first of what build_entry returned, found text 'main'"),
        ("both", None, "a run takes the first of what build_entry returned, found a Built"),
        ("first", "hi", "message_history takes a list of messages, as in runtime.messages of an"),
        ("first", [{"role": "user"}], "message_history takes a list of messages, as in runtime.messages"),
    ],
)
def test_what_cannot_be_run_is_refused(bench: Bench, entry: str, history: Any, message: str) -> None:
    bench.worker("main")
    main = bench.script("main", "done")
    built = bench.build()
    given: Any = {"both": built, "first": built.entry}.get(entry, entry)
    with pytest.raises(UsageError) as caught:
        bench.runtime().run(given, "hi", message_history=history)
    assert str(caught.value).startswith(message)
    assert (main.requests, bench.events) == ([], [])
