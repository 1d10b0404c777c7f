"""What code of a test sets up in, what its runs use out: stubs, answers to approvals, models."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal

from llm_do.approval import Decision
from llm_do_eval.stub import Stubs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from pydantic_ai.models import Model

    from llm_do.approval import Request

Answer = Literal["approve", "reject"] | dict[str, Any]
"""What becomes of a call that has to be asked about: a dict replaces its arguments and lets it run."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer to every question about tools whose name the glob fits."""

    tools: str
    answer: Answer

    def decision(self) -> Decision:
        """Put the answer as a decision."""
        if isinstance(self.answer, dict):
            return Decision("modify", self.answer)
        return Decision(self.answer, note="" if self.answer == "approve" else "the test refuses it")


@dataclass(eq=False, slots=True)
class Owner:
    """A test or one of its samples, with everything that its code has set up."""

    stubs: Stubs = field(default_factory=Stubs)
    answers: list[Answered] = field(default_factory=list[Answered])
    models: dict[str | None, Model] = field(default_factory=dict[str | None, "Model"])


def asker(owners: Iterable[Owner]) -> Callable[[Request], Awaitable[Decision]] | None:
    """Answer approval requests: the nearest owner's last fitting word; None when nobody has given any."""
    given = [each for owner in owners for each in reversed(owner.answers)]
    if not given:
        return None

    async def _ask(request: Request) -> Decision:
        for each in given:
            if fnmatchcase(request.tool, each.tools):
                return each.decision()
        return Decision("reject", note="it needs approval, and no llm_do.approve of the test speaks of it")

    return _ask
