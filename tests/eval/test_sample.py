"""What an exception means for the sample that it ended."""

from __future__ import annotations

import pytest
from pydantic_ai.exceptions import ModelNotFoundError, ModelRateLimitError

from llm_do.errors import CallFailed, LimitReached, Refused, RunFailed, SpecError, ToolError, UsageError
from llm_do_eval.sample import outcome_of


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (AssertionError("no"), "fail"),
        (TimeoutError(), "fail"),
        (Refused("no"), "fail"),
        (LimitReached("time is up"), "fail"),
        (RunFailed("slow", error_class="timeout"), "fail"),
        (RunFailed("cut", error_class="truncation"), "fail"),
        (RunFailed("odd", error_class="format"), "fail"),
        (RunFailed("429", error_class="infra"), "infra"),
        (
            CallFailed("below", chain=("a", "b"), cause=RunFailed("503", error_class="infra")),
            "infra",
        ),
        (RunFailed("no key", error_class="auth"), "error"),
        (RunFailed("bad request", error_class="rejected"), "error"),
        (ModelRateLimitError("m", "slow down"), "infra"),
        (ModelNotFoundError("m", "gone"), "error"),
        (UsageError("429 infra timeout"), "error"),
        (SpecError("wrong"), "error"),
        (ToolError("denied", "no"), "error"),
        (ConnectionError("429"), "error"),
        (KeyError("x"), "error"),
        (ExceptionGroup("both", [RunFailed("x", error_class="infra"), AssertionError()]), "fail"),
        (ExceptionGroup("both", [RunFailed("x", error_class="infra"), KeyError()]), "error"),
        (ExceptionGroup("all", [RunFailed("x", error_class="infra")]), "infra"),
    ],
)
def test_an_error_is_sorted_by_its_type_and_class(error: Exception, outcome: str) -> None:
    assert outcome_of(error) == outcome
