"""Agreement of a rule found in noise: bounds from other data hold, bounds from the same data do not."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from llm_do_eval.stats.bounds import lower_bound

BUCKETS = 32
SHARE = 0.7
RUNS = 2000


def table(buckets: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Give each bucket the label that it has most often, and the commoner one where it has none."""
    votes = np.bincount(buckets, np.where(labels, 1, -1), BUCKETS)
    return votes >= 0


def coverage(n: int, *, held_out: bool, rng: np.random.Generator) -> float:
    """Give how often the lower bound of the agreement lies below the true one."""
    covered = 0
    for _ in range(RUNS):
        buckets, labels = rng.integers(BUCKETS, size=n), rng.random(n) < SHARE
        seen = n // 2 if held_out else n
        rule = table(buckets[:seen], labels[:seen])
        judged = slice(seen, n) if held_out else slice(n)
        agreed = int((rule[buckets[judged]] == labels[judged]).sum())
        truth = float(np.where(rule, SHARE, 1 - SHARE).mean())
        covered += lower_bound(agreed, len(labels[judged])) <= truth
    return covered / RUNS


@pytest.mark.parametrize("n", [32, 320])
def test_held_out_bounds_hold_and_bounds_from_the_same_data_do_not(n: int) -> None:
    rng = np.random.default_rng(n)
    error = sqrt(0.05 * 0.95 / RUNS)
    assert coverage(n, held_out=True, rng=rng) >= 0.95 - 4 * error
    # the control: who judges a rule by what it was found in is wrong far more often than 1 time in 20
    assert coverage(n, held_out=False, rng=rng) < 0.95 - 20 * error
