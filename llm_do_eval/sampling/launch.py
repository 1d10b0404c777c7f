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

    @property
    def alone(self) -> bool:
        """Whether there is only one sample: then all that happens belongs to it."""
        return len(self.samples) == 1

    @property
    def infra(self) -> int:
        """How many attempts a provider or the network has spoilt."""
        return len(self.retried) + sum(each.outcome == "infra" for each in self.samples)

    @property
    def void(self) -> bool:
        """Whether too many were spoilt for any verdict."""
        return self.infra > infra_allowed(self.max_infra, len(self.samples))

    def take(self) -> Sample | None:
        """Give the sample to start now; None if none may, until one that is under way has ended or at all."""
        if self.void or self._rule.enough(passes(self.samples)):
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
        if sample.outcome == "infra" and not self.alone and sample.attempt < ATTEMPTS and not self.void:
            self.retried.append(sample)
            again = Sample(sample.index, attempt=sample.attempt + 1)
            self.samples[sample.index] = again
            self._again.append(again)

    @property
    def _rule(self) -> Stopping:
        """Run all samples of a test that claims a quantile: a plan for the pass rate would stop too early."""
        numbers = (each.checks.numbers.values() for each in self.samples if each.outcome is not None)
        quantiled = any(number.quantile is not None for each in numbers for number in each)
        return Fixed(len(self.samples)) if quantiled else self.rule

    def _candidate(self) -> Sample | None:
        if self._again:
            return self._again[0]
        waiting = (each for each in self.samples[self._next :] if each.outcome is None)
        sample = next(waiting, None)
        if sample is None:
            return None
        judged = next(place for place, each in enumerate(self.samples) if each.outcome is None)
        return sample if sample.index - judged < self._rule.ahead(passes(self.samples)) else None

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
