"""A worker with tools that ask, and callbacks that answer: what the tests of the gate share."""

from __future__ import annotations

import logging.handlers
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from llm_do.runtime import Decision, Request, RunApprovalPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from scripted import Bench

TOOLS = """
from pydantic_ai import RunContext
from pydantic_ai.exceptions import ApprovalRequired
from pydantic_ai.toolsets import FunctionToolset
from llm_do.runtime import WorkerRuntime

files = FunctionToolset()
ran = []

@files.tool_plain
def write(path: str, times: int = 1, tags: list[str] | None = None) -> str:
    ran.append([path, times, tags])
    return f"wrote {path} x{times}"

@files.tool
def journal(ctx: RunContext[WorkerRuntime]) -> str:
    return ctx.deps.run.journal.path.read_text()

@files.tool_plain
def scale(factor: float) -> float:
    ran.append(factor)
    return factor

@files.tool_plain(requires_approval=True)
def guarded(path: str) -> str:
    return f"guarded {path}"

@files.tool
def asking(ctx: RunContext[WorkerRuntime], path: str) -> str:
    if not ctx.tool_call_approved:
        raise ApprovalRequired
    return f"asked {path}"

def doubtful(ctx: RunContext[WorkerRuntime], path: str) -> None:
    if not ctx.tool_call_approved:
        raise ApprovalRequired

@files.tool_plain(args_validator=doubtful)
def doubted(path: str) -> str:
    return f"doubted {path}"
"""

APPROVE_ALL = RunApprovalPolicy("approve_all")


@contextmanager
def logged(pattern: str) -> Generator[None]:
    """Expect a warning in the log of llm_do."""
    handler = logging.handlers.BufferingHandler(100)
    logger = logging.getLogger("llm_do")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
    lines = [each.getMessage() for each in handler.buffer]
    assert any(re.search(pattern, line) for line in lines), lines


class Answers:
    """An approval callback that keeps its questions and answers them by the same word or function."""

    def __init__(self, answer: Callable[[Request], Any] | Decision | str | bool | None) -> None:  # noqa: FBT001
        self.answer = answer
        self.asked: list[Request] = []

    def __call__(self, question: Request) -> Any:
        self.asked.append(question)
        return self.answer(question) if callable(self.answer) else self.answer

    @property
    def policy(self) -> RunApprovalPolicy:
        return RunApprovalPolicy("approve_all", approval_callback=self)


def ran(bench: Bench) -> list[Any]:
    """The arguments that each tool call ran with, as the journal says."""
    return [each["input"] for each in bench.calls() if each["parent"] and each["ok"]]


def rules(*given: dict[str, Any]) -> RunApprovalPolicy:
    return RunApprovalPolicy("approve_all", rules=given)
