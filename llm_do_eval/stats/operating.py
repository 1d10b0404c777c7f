"""A plan and a true rate in, how it ends and how many samples it takes out: exact, by forward recursion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from llm_do_eval.stats.plan import Plan

_SLACK = 1e-12


@dataclass(frozen=True, slots=True)
class Operating:
    """What a plan does at one true rate: it stops after `n` samples with probability `stops[n]`."""

    pass_: float
    fail: float
    stops: tuple[float, ...]

    @property
    def expected(self) -> float:
        """The mean number of samples."""
        return float(np.dot(np.arange(len(self.stops)), self.stops))

    @property
    def variance(self) -> float:
        """The variance of the number of samples."""
        return float(np.dot((np.arange(len(self.stops)) - self.expected) ** 2, self.stops))

    def quantile(self, share: float) -> int:
        """Give the least number of samples that suffices with probability `share`."""
        return min(int(np.searchsorted(np.cumsum(self.stops), share - _SLACK)), len(self.stops) - 1)


class Errors(NamedTuple):
    """How often a plan errs: `alpha` is P(FAIL) at `p_hi`, `beta` is P(PASS) at `p_lo`."""

    alpha: float
    beta: float


def operating(plan: Plan, p: float) -> Operating:
    """Run `plan` from its start at the true rate `p`."""
    passes, fails, stops = 0.0, 0.0, [0.0]
    for step in _steps(plan, 0, 0, p):
        passes += step.passing
        fails += step.failing
        stops.append(step.passing + step.failing)
    # what is left undecided at the last sample stops there too
    stops[-1] += max(0.0, 1 - passes - fails)
    return Operating(passes, fails, tuple(stops))


def errors(plan: Plan) -> Errors:
    """Give the exact probabilities of error that the design limits."""
    design = plan.design
    return Errors(alpha=operating(plan, design.p_hi).fail, beta=operating(plan, design.p_lo).pass_)


def keeps_errors(plan: Plan) -> bool:
    """Tell whether the exact errors are within the limits of the design, but for rounding."""
    alpha, beta = errors(plan)
    return alpha <= plan.design.alpha + _SLACK and beta <= plan.design.beta + _SLACK


def needed(plan: Plan, n: int, k: int, p: float) -> tuple[float, ...]:
    """Give the probability that each further sample will be looked at, sample `n` (from 0) first.

    One forward pass from `k` of `n` at the true rate `p`: sample `j` is needed unless the plan stopped after
    `j` samples or fewer. Empty where it has stopped already.

    Raises:
        ValueError: `k` of `n` is no state of the plan.
    """
    if plan.decide(n, k) is not None:
        return ()
    reached, shares = 1.0, [1.0]
    for step in _steps(plan, n, k, p):
        reached -= step.passing + step.failing
        shares.append(max(0.0, reached))
    return tuple(shares[:-1])


class _Step(NamedTuple):
    passing: float
    failing: float


def _steps(plan: Plan, n: int, k: int, p: float) -> Iterator[_Step]:
    """Yield with what probability each sample from `n` on ends the plan, which goes on at `k` of `n`."""
    # going[i] is the probability of low + i passes; what has stopped is cut off, so few states are left
    low, going = k, np.ones(1)
    for size in range(n + 1, plan.cap + 1):
        going = _another(going, p)
        fails = min(max(plan.fail_at[size] + 1 - low, 0), len(going))
        passes = min(max(plan.pass_at[size] - low, 0), len(going))
        yield _Step(passing=float(going[passes:].sum()), failing=float(going[:fails].sum()))
        low, going = low + fails, going[fails:passes]


def _another(going: NDArray[np.float64], p: float) -> NDArray[np.float64]:
    after = np.zeros(len(going) + 1)
    after[:-1] = going * (1 - p)
    after[1:] += going * p
    return after
