"""Whether each judged sample passed, in launch order, in; whether more samples are needed, and how many, out.

Rules look at the order in which samples were launched, never at the order in which they ended: failures that
take longer than passes would be left out of the early looks, and PASS would be told too often.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from llm_do_eval.stats.operating import needed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_do_eval.stats.plan import Plan

_LIKELY: Final = 0.9
"""How likely a sample has to be looked at to be launched before it is certain (if the worker is in order)."""


class Stopping(Protocol):
    """When samples are enough; `path` says of each judged one, in launch order, whether it passed."""

    def enough(self, path: Sequence[bool]) -> bool:
        """Tell whether no further sample is looked at."""
        ...

    def ahead(self, path: Sequence[bool]) -> int:
        """Give how many samples after the judged ones to have under way; 0 where they are enough."""
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """All `samples` are looked at, and none before the others."""

    samples: int

    def enough(self, path: Sequence[bool]) -> bool:
        """Tell whether all have been judged."""
        return len(path) >= self.samples

    def ahead(self, path: Sequence[bool]) -> int:
        """Give how many are left."""
        return max(0, self.samples - len(path))


@dataclass(frozen=True, slots=True)
class Planned:
    """Samples are looked at one by one, until the plan decides or `samples` are judged.

    A sample is launched ahead if the plan will probably look at it when the true rate is the one that it is
    made to pass. Where the plan ends undecided and more samples were asked for, all of these are run.
    """

    plan: Plan
    samples: int

    def enough(self, path: Sequence[bool]) -> bool:
        """Tell whether the plan has decided, or there are no more samples."""
        return len(path) >= self.samples or self.plan.first_stop(path) is not None

    def ahead(self, path: Sequence[bool]) -> int:
        """Give how many samples will probably be looked at, at least one."""
        if self.enough(path):
            return 0
        if len(path) >= self.plan.cap:
            return self.samples - len(path)
        chances = needed(self.plan, len(path), sum(path), self.plan.design.p_hi)
        likely = sum(chance >= _LIKELY for chance in chances)
        return min(max(1, likely), self.samples - len(path))
