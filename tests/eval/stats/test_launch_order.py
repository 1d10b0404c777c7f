"""Samples run side by side in virtual time, failures for longer than passes: which rule keeps its errors."""

from __future__ import annotations

import functools
import heapq
import math
import random
from typing import TYPE_CHECKING, NamedTuple

import pytest

from llm_do_eval.plans import plan_for
from llm_do_eval.stats.operating import needed, operating
from llm_do_eval.stats.plan import Design, Stop

if TYPE_CHECKING:
    from collections.abc import Callable

    Ahead = Callable[[int, int], int]

PLAN = plan_for(Design(0.8, 0.95))
WINDOW = 8
RUNS = 20_000


class Run(NamedTuple):
    """How a run stopped, and after how many launches."""

    stop: Stop
    launched: int


def window(_n: int, _k: int) -> int:
    """As many samples beyond those judged as may run at once, needed or not."""
    return WINDOW


@functools.cache
def likely(n: int, k: int) -> int:
    """Those of the window that a worker in order will need with probability 0.9."""
    shares = needed(PLAN, n, k, PLAN.design.p_hi)[:WINDOW]
    return sum(share >= 0.9 for share in shares)


def run(rng: random.Random, p: float, ahead: Ahead, *, by_completion: bool = False) -> Run:
    """Launch `ahead` of what is judged, and judge samples in the order of launch, or of completion."""
    running: list[tuple[float, int, bool]] = []
    ended: dict[int, bool] = {}
    n = k = launched = completed = 0
    now = 0.0
    while True:
        judged = completed if by_completion else n
        while launched - judged < min(ahead(n, k), PLAN.cap - judged):
            passed = rng.random() < p
            heapq.heappush(running, (now + (1 if passed else 3) * rng.uniform(0.9, 1.1), launched, passed))
            launched += 1
        now, launch, passed = heapq.heappop(running)
        ended[completed if by_completion else launch] = passed
        completed += 1
        while n in ended:
            k += ended[n]
            n += 1
            if (word := PLAN.decide(n, k)) is not None:
                return Run(Stop(n, k, word), launched)


def passing(ahead: Ahead, *, by_completion: bool = False) -> float:
    """The share of runs that PASS at the rate at which a twentieth may, by a plan of up to 75 samples."""
    rng = random.Random(7)
    runs = (run(rng, 0.8, ahead, by_completion=by_completion) for _ in range(RUNS))
    return sum(each.stop.word == "PASS" for each in runs) / RUNS


BETA = operating(PLAN, 0.8).pass_
FOUR_ERRORS = 4 * math.sqrt(BETA * (1 - BETA) / RUNS)


@pytest.mark.slow
@pytest.mark.parametrize("ahead", [window, likely])
def test_judged_in_the_order_of_launch_a_plan_errs_as_computed(ahead: Ahead) -> None:
    assert math.isclose(passing(ahead), BETA, abs_tol=FOUR_ERRORS)


@pytest.mark.slow
def test_judged_in_the_order_of_completion_it_errs_four_times_as_often() -> None:
    assert passing(window, by_completion=True) > 0.15 > BETA + FOUR_ERRORS


@pytest.mark.slow
@pytest.mark.parametrize(("p", "share"), [(0.8, 0.8), (0.95, 0.1)])
def test_launching_only_what_is_likely_needed_wastes_fewer_samples(p: float, share: float) -> None:
    def wasted(ahead: Ahead) -> int:
        runs = (run(random.Random(seed), p, ahead) for seed in range(2000))
        return sum(each.launched - each.stop.n for each in runs)

    assert wasted(likely) < share * wasted(window)


@pytest.mark.slow
@pytest.mark.parametrize("p", [0.8, 0.88, 0.95])
def test_simulated_runs_agree_with_the_exact_recursion(p: float) -> None:
    rng = random.Random(11)
    stops = [PLAN.first_stop(rng.random() < p for _ in range(PLAN.cap)) for _ in range(RUNS)]
    exact = operating(PLAN, p)
    share = sum(stop is not None and stop.word == "PASS" for stop in stops) / RUNS
    assert math.isclose(share, exact.pass_, abs_tol=4 * math.sqrt(exact.pass_ * exact.fail / RUNS))
    samples = sum(stop.n for stop in stops if stop) / RUNS
    assert math.isclose(samples, exact.expected, abs_tol=4 * math.sqrt(exact.variance / RUNS))


@pytest.mark.parametrize("seed", range(20))
def test_how_many_run_side_by_side_changes_no_verdict(seed: int) -> None:
    rng = random.Random(seed)
    outcomes = [rng.random() < 0.88 for _ in range(PLAN.cap)]
    stop = PLAN.first_stop(outcomes)
    assert stop is not None
    for cut in range(stop.n):
        assert PLAN.first_stop(outcomes[:cut]) is None
    for more in range(stop.n, PLAN.cap + 1):
        assert PLAN.first_stop(outcomes[:more]) == stop


@pytest.mark.parametrize(("times", "error"), [(2, 0.0975), (3, 0.143), (5, 0.226)])
def test_a_plan_that_is_started_anew_until_it_passes_errs_more_often(times: int, error: float) -> None:
    assert math.isclose(1 - (1 - BETA) ** times, error, abs_tol=0.002)
