"""The kind of a failure is told by types and classes, where they tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic_ai import exceptions as ai

from llm_do.errors import CallFailed, LimitReached, Refused, RunFailed
from llm_do_eval.failurekind import failure_kind
from llm_do_eval.sample import Sample, outcome_of

if TYPE_CHECKING:
    from llm_do_eval.sample import Outcome


def ended(error: BaseException | None, outcome: Outcome | None = None) -> Sample:
    sample = Sample(0)
    sample.end(error, outcome or (outcome_of(error) if error else "pass"))
    return sample


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RunFailed("cut", error_class="truncation"), "truncation"),
        (RunFailed("filtered", error_class="content_filter"), "content_filter"),
        (RunFailed("nothing", error_class="empty"), "empty"),
        (RunFailed("unfit", error_class="format"), "format"),
        (RunFailed("late", error_class="timeout"), "timeout"),
        (CallFailed("late", chain=("a", "b"), cause=RunFailed("x", error_class="timeout")), "timeout"),
        (LimitReached("20 requests"), "limit"),
        (Refused("no"), "approval"),
        (TimeoutError(), "timeout"),
        (AssertionError("the answer was truncation"), "assertion"),
        (ai.ContentFilterError("stopped"), "content_filter"),
        (ai.OutputTokenLimitExceeded("cut"), "truncation"),
        (ExceptionGroup("two", [KeyError("x"), AssertionError()]), "assertion"),
    ],
)
def test_what_ended_a_sample_tells_its_kind(error: Exception, kind: str) -> None:
    assert failure_kind(ended(error)) == kind


@pytest.mark.parametrize(
    "error",
    [
        KeyError("timeout"),
        RunFailed("odd", error_class="model"),
        RunFailed("429", error_class="infra"),
        RunFailed("no key", error_class="auth"),
        ExceptionGroup("one", [ValueError("format")]),
    ],
)
def test_what_facts_do_not_tell_has_no_kind(error: Exception) -> None:
    assert failure_kind(ended(error)) is None


def test_what_else_fails_a_sample_is_an_assertion() -> None:
    class Failed(BaseException):
        """As that of pytest.fail is, no exception of Python's own."""

    assert failure_kind(ended(Failed("too long"), "fail")) == "assertion"


def test_a_sample_without_an_error_fails_by_its_invariants() -> None:
    sample = Sample(0)
    sample.checks.check("queue", condition=False, must=False, label=None)
    sample.end(None, "pass")
    assert failure_kind(sample) == "invariant"
    assert failure_kind(ended(None)) is None
    complained = Sample(1, complaints=["a stub was never used"])
    complained.end(None, "pass")
    assert (complained.outcome, failure_kind(complained)) == ("fail", None)


def test_a_worker_that_could_not_call_a_tool_is_told_from_one_that_could_not_answer() -> None:
    sample = ended(RunFailed("unfit", error_class="format"))
    sample.tools_misused = True
    assert failure_kind(sample) == "tool_misuse"
    other = ended(AssertionError())
    other.tools_misused = True
    assert failure_kind(other) == "assertion"


def test_every_class_of_a_failed_run_is_known() -> None:
    stated = {"truncation", "content_filter", "empty", "format", "timeout", "limit"}
    assert {failure_kind(ended(RunFailed("x", error_class=each))) for each in stated} == stated
