"""Boundaries of many plans in, their errors and expected samples out, and the best that keeps a design."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from llm_do_eval.stats.plan import Plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from llm_do_eval.stats.plan import Design

    Integers = NDArray[np.int32]
    Floats = NDArray[np.float64]

_SLACK = 1e-12


class Ends(NamedTuple):
    """What each plan of a pool does at one true rate; `reached[n]` is the share that takes sample `n`."""

    pass_: Floats
    fail: Floats
    expected: Floats
    reached: Floats


class Choice(NamedTuple):
    """A plan and its expected samples, the mean of those at the two rates of its design."""

    plan: Plan
    expected: float


@dataclass(frozen=True, slots=True)
class Pool:
    """Boundaries as a `Plan` has them, one column a plan: both arrays are of shape (cap + 1, plans)."""

    pass_at: Integers
    fail_at: Integers

    def ends(self, p: float) -> Ends:
        """Run every plan from its start at the true rate `p`."""
        plans = self.pass_at.shape[1]
        low, going = 0, np.ones((plans, 1))
        passes, fails, expected = np.zeros(plans), np.zeros(plans), np.zeros(plans)
        reached = np.zeros(self.pass_at.shape)
        for n in range(1, len(self.pass_at)):
            reached[n] = going.sum(axis=1)
            expected += reached[n]
            after = np.zeros((plans, going.shape[1] + 1))
            after[:, :-1] = going * (1 - p)
            after[:, 1:] += going * p
            counts = np.arange(low, low + after.shape[1])
            passing = counts >= self.pass_at[n][:, None]
            failing = counts <= self.fail_at[n][:, None]
            passes += np.where(passing, after, 0).sum(axis=1)
            fails += np.where(failing, after, 0).sum(axis=1)
            # columns in which every plan has stopped are cut off
            first = max(0, int(self.fail_at[n].min()) + 1 - low)
            last = max(first, int(self.pass_at[n].max()) - low)
            going = np.where(passing | failing, 0, after)[:, first:last]
            low += first
        return Ends(passes, fails, expected, reached)

    def best(self, design: Design) -> Choice | None:
        """Give the plan that keeps the errors of `design` with the least expected samples, if any does."""
        at_hi, at_lo = self.ends(design.p_hi), self.ends(design.p_lo)
        kept = (at_hi.fail <= design.alpha + _SLACK) & (at_lo.pass_ <= design.beta + _SLACK)
        if not kept.any():
            return None
        # rounded, so that the first of equal plans is taken on every machine
        expected = np.where(kept, ((at_hi.expected + at_lo.expected) / 2).round(9), np.inf)
        index = int(expected.argmin())
        cap = int(np.flatnonzero(at_hi.reached[:, index] + at_lo.reached[:, index] > 0)[-1])
        return Choice(self._plan(design, index, cap), float(expected[index]))

    def _plan(self, design: Design, index: int, cap: int) -> Plan:
        pass_at, fail_at = self.pass_at[: cap + 1, index].tolist(), self.fail_at[: cap + 1, index].tolist()
        # what is left at the last sample that is ever taken decides it; counts between are never reached
        fail_at[cap] = pass_at[cap] - 1
        return Plan(design, tuple(pass_at), tuple(fail_at))
