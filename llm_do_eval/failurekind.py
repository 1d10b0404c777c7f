"""A sample that did not pass in, the kind of its failure out, where types and classes tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, cast, get_args

from llm_do.errors import Refused
from llm_do_eval.sample import error_class

if TYPE_CHECKING:
    from llm_do_eval.sample import Sample

FailureKind = Literal[
    "format",
    "empty",
    "content_filter",
    "truncation",
    "tool_misuse",
    "limit",
    "timeout",
    "approval",
    "invariant",
    "assertion",
]
"""What went wrong: `content_filter` is also a model that refused, `approval` a call that was not approved,
`tool_misuse` a model that until its last retry called a tool that there is not, or with arguments that do not
fit."""

_STATED: Final = frozenset(get_args(FailureKind)) - {"tool_misuse", "approval", "invariant", "assertion"}


def failure_kind(sample: Sample) -> FailureKind | None:
    """Tell the kind of failure of a sample; None for one that passed, and where facts do not tell it."""
    if sample.outcome not in ("fail", "error"):
        return None
    if sample.failure is not None:
        return cast("FailureKind", sample.failure)
    if sample.error is None:
        return "invariant" if sample.checks.broken else None
    kind = _of_error(sample.error)
    if kind == "format" and sample.tools_misused:
        return "tool_misuse"
    # what else fails a sample is pytest.fail
    return kind or ("assertion" if sample.outcome == "fail" and error_class(sample.error) is None else None)


def _of_error(error: BaseException) -> FailureKind | None:
    if isinstance(error, BaseExceptionGroup):
        inner = cast("BaseExceptionGroup[BaseException]", error).exceptions
        return next((kind for each in inner if (kind := _of_error(each)) is not None), None)
    stated = error_class(error)
    if stated in _STATED:
        return cast("FailureKind", stated)
    if isinstance(error, Refused):
        return "approval"
    if isinstance(error, TimeoutError):
        return "timeout"
    return "assertion" if isinstance(error, AssertionError) else None
