"""What a test says about its samples in, whether some number of samples can show it at all out.

Nothing here needs scipy: marks are read while tests are collected, also in runs that sample nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from llm_do_eval.plural import counted

Mode = Literal["prove", "guard"]

_SLACK = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What has to be shown.

    Without `min_pass_rate` (between 0 and 1) every sample has to pass. `target` is a rate above it that a
    worker in order is meant to have: plans are made so that such a worker rarely fails. `prove` passes when
    the rate is shown to be reached, `guard` fails only when it is shown not to be. Of `must_pass` invariants
    none may be false. More than the share `max_infra` of samples without an outcome voids the verdict.
    `confidence` is that of each one-sided bound.

    Raises:
        ValueError: a number out of its range, or a guard without a rate.
    """

    min_pass_rate: float | None = None
    target: float | None = None
    mode: Mode = "prove"
    must_pass: frozenset[str] = frozenset()
    max_infra: float = 0.05
    confidence: float = 0.95

    def __post_init__(self) -> None:
        rate = self.min_pass_rate
        if rate is not None and not 0 < rate < 1:
            raise ValueError(
                f"min_pass_rate is {rate}, and no number of samples shows a rate of 1; leave it out to ask "
                f"that every sample passes"
                if rate == 1
                else f"min_pass_rate is {rate}, not between 0 and 1"
            )
        if self.target is not None and (rate is None or not rate < self.target < 1):
            raise ValueError(f"target is {self.target}, not between min_pass_rate and 1")
        if not 0 <= self.max_infra <= 1:
            raise ValueError(f"max_infra is {self.max_infra}, not from 0 to 1")
        if self.mode == "guard" and rate is None:
            raise ValueError('mode="guard" needs a min_pass_rate to guard')

    @property
    def alpha(self) -> float:
        """How often a bound may be wrong."""
        return round(1 - self.confidence, 12)

    def provable(self, samples: int) -> bool:
        """Tell whether `samples` samples, all passing, show what is claimed: `rate ** n <= alpha`."""
        rate = self.min_pass_rate
        if rate is None or self.mode == "guard":
            return True
        return samples * math.log(rate) <= math.log(self.alpha) + _SLACK

    def too_few(self, samples: int) -> str:
        """Say why so few samples can never show the rate, and what to do; for claims not `provable`."""
        from llm_do_eval.stats.bounds import lower_bound, min_samples

        assert self.min_pass_rate is not None, "without a rate every number shows something"
        shown = lower_bound(samples, samples, self.alpha)
        affordable = math.floor(shown * 100) / 100
        return (
            f"{counted(samples, 'sample')} can never show {self.min_pass_rate:g}: {samples}/{samples} shows "
            f"only {shown:.3f}. "
            f"Needs >= {min_samples(self.min_pass_rate, self.alpha)} samples (all passing). "
            f"Raise the number of samples, lower min_pass_rate to {affordable:.2f}, "
            f'or use mode="guard"'
        )


def infra_allowed(max_infra: float, samples: int) -> int:
    """Give how many attempts may end in `infra` without voiding the verdict over `samples` samples."""
    return math.floor(max_infra * samples + _SLACK)
