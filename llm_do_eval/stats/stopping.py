"""Prices of wrong verdicts in, the stopping boundaries of least expected cost out, by backward recursion.

A sample costs 1, a FAIL at `p_hi` costs `fail_price`, a PASS at `p_lo` `pass_price` (Wald & Wolfowitz 1948).
Costs are divided by the weighted likelihood of their state, so nothing underflows however long the plan.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from llm_do_eval.stats.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from llm_do_eval.stats.plan import Plan

    Floats = NDArray[np.float64]

_SLACK = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Which plans are looked for.

    Args of the constructor: `weights` are those of the true rates at which samples are counted. A plan takes
    `cap` samples at most, stops only at multiples of `looks` (and at `cap`), and does not FAIL before
    `min_samples_for_fail` samples (but at `cap`).
    """

    p_lo: float
    p_hi: float
    weights: Mapping[float, float]
    cap: int
    looks: int = 1
    min_samples_for_fail: int = 0

    def may_stop(self, n: int) -> bool:
        """Tell whether a plan may stop after `n` samples."""
        return n == self.cap or (n > 0 and n % self.looks == 0)

    def may_fail(self, n: int) -> bool:
        """Tell whether a plan that stops after `n` samples may FAIL."""
        return n >= min(self.min_samples_for_fail, self.cap)

    def allow(self, plan: Plan) -> bool:
        """Tell whether `plan` stops only where it may."""
        return plan.cap <= self.cap and all(
            (fails < 0 or (self.may_stop(n) and self.may_fail(n))) and (passes > n or self.may_stop(n))
            for n, (passes, fails) in enumerate(zip(plan.pass_at, plan.fail_at, strict=True))
        )


class _Stage(NamedTuple):
    """The states after `n` samples that can be reached: `low`, `low + 1`, ... passes.

    `fail` and `pass_` are what the verdicts cost at a price of 1, `going` the states at which it can be
    better to go on, and `rise` the probabilities there that the next sample passes.
    """

    low: int
    fail: Floats
    pass_: Floats
    rise: Floats
    going: slice
    stops: bool


class Stopping:
    """The states of all plans by some rules, for prices up to the largest that are given."""

    def __init__(self, rules: Rules, fail_price: float, pass_price: float) -> None:
        self._rules = rules
        self._stages = _stages(rules, fail_price, pass_price)

    def values(self, fail_prices: Floats, pass_prices: Floats) -> Floats:
        """Give the least expected cost at each pair of prices."""
        return self._solved(fail_prices[:, None], pass_prices[:, None], None)

    def pool(self, fail_prices: Floats, pass_prices: Floats) -> Pool:
        """Give the plan with the least expected cost at each pair of prices; equal plans once."""
        shape = (len(self._stages), len(fail_prices))
        found = Pool(np.zeros(shape, dtype=np.int32), np.zeros(shape, dtype=np.int32))
        self._solved(fail_prices[:, None], pass_prices[:, None], found)
        distinct = np.unique(np.concatenate([found.pass_at, found.fail_at]), axis=1)
        return Pool(*np.split(distinct, 2))

    def _solved(self, fail_prices: Floats, pass_prices: Floats, found: Pool | None) -> Floats:
        value = np.zeros((len(fail_prices), 0))
        for n in reversed(range(len(self._stages))):
            stage = self._stages[n]
            onward = 1 + value[:, :-1] + stage.rise * np.diff(value)
            if not stage.stops:
                value = onward
                if found is not None:
                    found.pass_at[n], found.fail_at[n] = n + 1, -1
                continue
            fails, passes = fail_prices * stage.fail, pass_prices * stage.pass_
            value = np.minimum(fails, passes)
            goes = np.zeros(value.shape, dtype=np.bool_)
            goes[:, stage.going] = onward < value[:, stage.going] - _SLACK
            value[goes] = onward[goes[:, stage.going]]
            if found is not None:
                passing, failing = ~goes & (passes <= fails), ~goes & (passes > fails)
                found.pass_at[n] = stage.low + np.where(
                    passing.any(axis=1), passing.argmax(axis=1), passing.shape[1]
                )
                found.fail_at[n] = stage.low + failing.sum(axis=1) - 1
        return value[:, 0]


def _stages(rules: Rules, fail_price: float, pass_price: float) -> list[_Stage]:
    stages: list[_Stage] = []
    low, high = 0, 0
    for n in range(rules.cap + 1):
        stage = _stage(rules, n, np.arange(low, high + 1), fail_price, pass_price)
        stages.append(stage)
        if stage.going.start == stage.going.stop:
            break
        low, high = low + stage.going.start, low + stage.going.stop
    return stages


def _stage(rules: Rules, n: int, k: NDArray[np.int64], fail_price: float, pass_price: float) -> _Stage:
    def _logarithm(p: float) -> Floats:
        return k * math.log(p) + (n - k) * math.log1p(-p)

    weighted = np.stack([math.log(weight) + _logarithm(p) for p, weight in rules.weights.items()])
    total = np.logaddexp.reduce(weighted)
    fail = np.exp(_logarithm(rules.p_hi) - total) if rules.may_fail(n) else np.full(len(k), np.inf)
    pass_ = np.exp(_logarithm(rules.p_lo) - total)
    rise = np.array(list(rules.weights)) @ np.exp(weighted - total)
    going = slice(0, 0 if n == rules.cap else len(k))
    if rules.may_stop(n) and n < rules.cap:
        # another sample costs 1, so where stopping costs no more it is best
        dear = np.flatnonzero(np.minimum(fail_price * fail, pass_price * pass_) > 1)
        going = slice(int(dear[0]), int(dear[-1]) + 1) if len(dear) else slice(0, 0)
    return _Stage(int(k[0]), fail, pass_, rise[going], going, stops=rules.may_stop(n))
