"""Samples, a stopping rule and what they may cost in; which sample to start now, if any, out.

It knows neither clock nor event loop: whoever runs samples asks for the next one and says how each ended.
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from llm_do_eval.claim import infra_allowed
from llm_do_eval.dependence import observations
from llm_do_eval.sample import Sample
from llm_do_eval.sampling.stopping import Fixed

if TYPE_CHECKING:
    from collections.abc import Callable

    from llm_do_eval.sampling.budget import Budget
    from llm_do_eval.sampling.stopping import Stopping

ATTEMPTS: Final = 4
"""How often one sample is tried at most while its provider or the network fails."""


def passes(samples: list[Sample]) -> list[bool]:
    """Say of each sample that counts, in launch order, whether it passed; up to the first that has not ended.

    Left out are those that ended in `infra`, and those that got answers which were given before.
    """
    ended = itertools.takewhile(lambda each: each.outcome is not None, samples)
    return [each.outcome == "pass" for each in observations([*ended])]


@dataclass(eq=False, slots=True)
class Launch:
    """The samples of one test under way; those that were restored have an outcome already.

    A sample that ends in `infra` is tried again from the start; `retried` keeps the attempts. More of them
    than `max_infra` times all samples ends the launch, as nothing can be shown then. `on_end` is told of each
    attempt that ended.
    """

    samples: list[Sample]
    rule: Stopping
    max_infra: float = 0.0
    budget: Budget | None = None
    on_end: Callable[[Sample], None] = field(default=lambda _: None)
    retried: list[Sample] = field(default_factory=list[Sample])
    in_flight: int = 0
    out_of_budget: bool = False
    _again: deque[Sample] = field(default_factory=deque[Sample])
    _next: int = 0
    _spoilt: int = 0
    _ended: int = -1
    """How many samples had ended before the first that has not, when `_path` was read from them."""
    _path: list[bool] = field(default_factory=list[bool])
    _enforced: Stopping = field(init=False)
    """The rule, or all samples where one claims a quantile: a plan for the pass rate would stop too early."""

    def __post_init__(self) -> None:
        self._enforced = self.rule

    @property
    def alone(self) -> bool:
        """Whether there is only one sample: then all that happens belongs to it."""
        return len(self.samples) == 1

    @property
    def infra(self) -> int:
        """How many attempts a provider or the network has spoilt."""
        return self._spoilt

    @property
    def void(self) -> bool:
        """Whether too many were spoilt for any verdict."""
        return self.infra > infra_allowed(self.max_infra, len(self.samples))

    def take(self) -> Sample | None:
        """Give the sample to start now; None if none may, until one that is under way has ended or at all."""
        self._look()
        if self.void or self._enforced.enough(self._path):
            return None
        sample = self._candidate()
        if sample is None or not self._affordable():
            return None
        if self._again:
            self._again.popleft()
        else:
            self._next = sample.index + 1
        self.in_flight += 1
        return sample

    def end(self, sample: Sample) -> None:
        """Note that a sample has ended; it is tried again if it has no outcome."""
        self.in_flight -= 1
        if self.budget is not None:
            self.budget.charge(sample)
        self.on_end(sample)
        self._spoilt += sample.outcome == "infra"
        if sample.outcome == "infra" and not self.alone and sample.attempt < ATTEMPTS and not self.void:
            self.retried.append(sample)
            again = Sample(sample.index, attempt=sample.attempt + 1)
            self.samples[sample.index] = again
            self._again.append(again)

    def _look(self) -> None:
        """Read the path again where more samples have ended: all of them for each would be slow for many."""
        ended, last = max(self._ended, 0), len(self.samples)
        while ended < last and self.samples[ended].outcome is not None:
            ended += 1
        if ended != self._ended:
            self._ended, self._path = ended, passes(self.samples[:ended])
            if any(_claims_quantile(each) for each in self.samples[:ended]):
                self._enforced = Fixed(last)

    def _candidate(self) -> Sample | None:
        if self._again:
            return self._again[0]
        while self._next < len(self.samples) and self.samples[self._next].outcome is not None:
            self._next += 1
        if self._next == len(self.samples):
            return None
        is_near = self._next - self._ended < self._enforced.ahead(self._path)
        return self.samples[self._next] if is_near else None

    def _affordable(self) -> bool:
        if self.budget is None:
            return True
        spent = [each.spent_usd or 0 for each in (*self.samples, *self.retried) if each.outcome is not None]
        if not spent and self.in_flight:
            # what a sample costs is known only when the first has ended
            return False
        if self.budget.covers(self.in_flight + 1, max(spent, default=0)):
            return True
        self.out_of_budget = self.out_of_budget or not self.in_flight
        return False


def _claims_quantile(sample: Sample) -> bool:
    return any(number.quantile is not None for number in sample.checks.numbers.values())
