"""One run of a test's body in, a sample with its own state and outcome out.

A sample is found through a `ContextVar`, so tasks and `asyncio.to_thread` calls of a body belong to it.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from llm_do.errors import Refused
from llm_do_eval.cassette import sample as requests_of
from llm_do_eval.invariant import Checks
from llm_do_eval.owner import Owner
from llm_do_eval.trajectory import Response, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

Outcome = Literal["pass", "fail", "error", "infra"]
"""How a sample ended: `error` is a mistake of the test or the project, `infra` a provider or the network."""

_FAILURES = frozenset({"content_filter", "empty", "format", "limit", "model", "timeout", "truncation"})
_RUNNING: ContextVar[Sample | None] = ContextVar("llm_do_eval_running_sample", default=None)


@dataclass(eq=False, slots=True)
class Sample:
    """One run of a test's body: what it set up and checked, what its runs spent, and how it ended.

    `attempt` is 1, and more where the attempts before it had no outcome. `runs` counts those it started,
    `responses` are what providers answered them, `tools_misused` says that one ended because its model could
    not call a tool; `not_begun` is why one could not begin. `outcome` is None until the sample has ended;
    `failure` is the kind of its failure where the error itself is no longer known. `cost_usd` is what its
    requests cost when they were answered, `spent_usd` what they cost now, which is nothing for replayed ones;
    each is None once a price is unknown. `latency_s` are the seconds of its runs (of a replay, as they were
    recorded), None once one is unknown. `workers` are the digests of the files of the workers that ran, by
    name.
    """

    index: int
    attempt: int = 1
    owner: Owner = field(default_factory=Owner)
    checks: Checks = field(default_factory=Checks)
    complaints: list[str] = field(default_factory=list[str])
    runs: int = 0
    not_begun: BaseException | None = None
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = 0.0
    latency_s: float | None = 0.0
    spent_usd: float | None = 0.0
    models: set[str] = field(default_factory=set[str])
    responses: list[Response] = field(default_factory=list[Response])
    tools_misused: bool = False
    workers: dict[str, str] = field(default_factory=dict[str, str])
    outcome: Outcome | None = None
    failure: str | None = None
    error: BaseException | None = None

    @property
    def reasons(self) -> list[str]:
        """Why it did not pass, in one line each."""
        raised = [] if self.error is None else [_first_line(self.error)]
        return [*raised, *self.checks.reasons, *self.complaints]

    @property
    def labels(self) -> list[str]:
        """The test's own names for its failures, each once."""
        return list(dict.fromkeys(each.label for each in self.checks.broken if each.label))

    def end(self, error: BaseException | None, outcome: Outcome) -> None:
        """Close the sample; `outcome` counts where an error ended it, else what it checked and set up."""
        self.error = error
        if error is None:
            self.complaints += self.owner.stubs.complaints()
            outcome = "fail" if self.reasons else "pass"
        self.outcome = outcome


class StopSampling(BaseException):
    """Raised by a sorter of errors to end the whole test with `cause`, not just its sample."""

    def __init__(self, cause: BaseException) -> None:
        self.cause = cause
        super().__init__(str(cause))


def running() -> Sample | None:
    """Return the sample that this code belongs to; None in fixtures."""
    return _RUNNING.get()


@contextmanager
def sampling(sample: Sample, *, sort: Callable[[BaseException], Outcome], alone: bool) -> Generator[None]:
    """Run the code inside as a sample and note how it ended; `sort` tells what an exception means.

    Requests of a sample that runs `alone` are its own even from threads that have lost their context.

    Raises:
        StopSampling: `sort` raised it.
    """
    token = _RUNNING.set(sample)
    try:
        with nullcontext() if alone else requests_of(sample.index):
            yield
    except asyncio.CancelledError as error:
        task = _current_task()
        if task is not None and task.cancelling():
            raise
        sample.end(error, "error")
    except BaseException as error:  # noqa: BLE001  the border of a sample: record how it ended and go on
        sample.end(error, sort(error))
    else:
        sample.end(None, "pass")
    finally:
        _RUNNING.reset(token)


def outcome_of(error: BaseException) -> Outcome:
    """Sort an exception by its type and class, never by its text.

    A failed assertion, a limit that the user set and an answer of the model that cannot be used are a
    `fail`; what a provider or the network did is `infra`; anything else is a mistake, `error`.
    """
    if isinstance(error, BaseExceptionGroup):
        found = {outcome_of(each) for each in error.exceptions}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType, reportUnknownMemberType]
        return next(each for each in ("fail", "error", "infra") if each in found)
    if isinstance(error, AssertionError | TimeoutError | Refused):
        return "fail"
    stated = error_class(error)
    if stated == "infra":
        return "infra"
    return "fail" if stated in _FAILURES else "error"


def error_class(error: BaseException) -> str | None:
    """Give the class that an exception states, or that one of pydantic-ai has; None for any other."""
    stated = getattr(error, "error_class", None)
    if isinstance(stated, str):
        return stated
    if "pydantic_ai" not in sys.modules:
        return None
    from llm_do.state.failure import provider_failure

    return provider_failure(error)


def _current_task() -> asyncio.Task[object] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def _first_line(error: BaseException) -> str:
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
