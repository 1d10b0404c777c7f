"""What refutes a rate is what a verdict calls FAIL, and it happens as often as is said."""

from __future__ import annotations

import math

import pytest

from llm_do_eval.claim import Claim
from llm_do_eval.stats.bounds import upper_bound
from llm_do_eval.stats.guard import catching, refuting
from llm_do_eval.verdict import judge_rate


@pytest.mark.parametrize("p_lo", [0.3, 0.5, 0.8, 0.9, 0.99])
@pytest.mark.parametrize("n", [1, 2, 5, 20, 59, 100])
def test_it_refutes_exactly_where_the_verdict_of_a_guard_is_fail(p_lo: float, n: int) -> None:
    claim = Claim(min_pass_rate=p_lo, mode="guard")
    failing = [k for k in range(n + 1) if judge_rate(claim, k, n).word == "FAIL"]
    assert refuting(n, p_lo) == max(failing, default=-1)
    assert all(upper_bound(k, n) > p_lo for k in range(refuting(n, p_lo) + 1, n + 1))


def test_twenty_samples_catch_as_often_as_the_reference_says() -> None:
    assert refuting(20, 0.9) == 15
    caught = [round(catching(20, 0.9, rate), 2) for rate in (0.9, 0.8, 0.7, 0.6)]
    assert caught == [0.04, 0.37, 0.76, 0.95]


@pytest.mark.parametrize("rate", [0.0, 0.4, 0.85, 1.0])
def test_the_share_caught_is_the_sum_over_the_failing_counts(rate: float) -> None:
    shares = (math.comb(12, k) * rate**k * (1 - rate) ** (12 - k) for k in range(refuting(12, 0.9) + 1))
    assert catching(12, 0.9, rate) == pytest.approx(sum(shares), abs=1e-12)


def test_too_few_samples_refute_nothing() -> None:
    assert refuting(1, 0.02) == -1
    assert catching(1, 0.02, 0.0) == 0


@pytest.mark.parametrize("p_lo", [0.5, 0.8, 0.95])
def test_a_worker_at_the_rate_is_rarely_caught(p_lo: float) -> None:
    assert max(catching(n, p_lo, p_lo) for n in range(1, 150)) <= 0.05 + 1e-12
    assert max(catching(n, p_lo, p_lo, 0.2) for n in range(1, 150)) > 0.05
