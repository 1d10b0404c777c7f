"""Plans that tell the verdict of a fixed number of samples early: never another one, never a sample late."""

from __future__ import annotations

import itertools

import pytest

from llm_do_eval.stats.bounds import lower_bound, upper_bound
from llm_do_eval.stats.curtailed import curtailed
from llm_do_eval.stats.operating import errors, operating
from llm_do_eval.stats.plan import Design
from llm_do_eval.stats.stagewise import bounds_after

DESIGNS = [(0.5, 0.9, 9), (0.8, 0.96, 14), (0.8, 0.96, 20), (0.7, 0.9, 25), (0.9, 0.98, 40)]


def whole(design: Design, k: int, n: int) -> str | None:
    if lower_bound(k, n) >= design.p_lo:
        return "PASS"
    return "FAIL" if upper_bound(k, n) <= design.p_lo else None


@pytest.mark.parametrize(("p_lo", "p_hi", "samples"), DESIGNS)
def test_every_verdict_is_that_of_all_samples_and_comes_as_soon_as_it_is_certain(
    p_lo: float, p_hi: float, samples: int
) -> None:
    design = Design(p_lo, p_hi)
    plan = curtailed(design, samples)
    for n in range(samples + 1):
        for k in range(n + 1):
            left = samples - n
            reachable = {whole(design, k + passed, samples) for passed in range(left + 1)}
            certain = next(iter(reachable)) if len(reachable) == 1 else None
            assert plan.decide(n, k) == certain


def test_paths_end_in_the_verdict_of_all_samples() -> None:
    design = Design(0.5, 0.9)
    plan = curtailed(design, 9)
    for path in itertools.product([False, True], repeat=9):
        stop = plan.first_stop(path)
        assert (stop and stop.word) == whole(design, sum(path), 9)


@pytest.mark.parametrize(("p_lo", "p_hi", "samples"), DESIGNS)
def test_a_pass_is_as_rarely_wrong_as_said_and_bounds_agree_with_verdicts(
    p_lo: float, p_hi: float, samples: int
) -> None:
    plan = curtailed(Design(p_lo, p_hi), samples)
    assert errors(plan).beta <= 0.05
    assert operating(plan, p_lo).fail <= 0.05
    assert sum(operating(plan, p_lo).stops) == pytest.approx(1)
    for n in range(1, samples + 1):
        for k in range(n + 1):
            if plan.decide(n, k) is None or plan.decide(n - 1, min(k, n - 1)) is not None:
                continue
            if k > 0 and plan.decide(n - 1, k - 1) is not None:
                continue
            bounds = bounds_after(plan, n, k)
            assert bounds.lower <= bounds.upper
            if plan.decide(n, k) == "PASS":
                assert bounds.lower >= p_lo - 1e-9
            else:
                assert bounds.upper <= p_lo + 1e-9


@pytest.mark.parametrize("p", [0.55, 0.7, 0.8, 0.87, 0.93, 0.97, 0.995])
def test_bounds_cover_the_true_rate_whatever_the_end(p: float) -> None:
    plan = curtailed(Design(0.8, 0.96), 20)
    covered_below = covered_above = total = 0.0
    going = {(0, 0): 1.0}
    while going:
        after: dict[tuple[int, int], float] = {}
        for (n, k), chance in going.items():
            for passed, share in ((1, p), (0, 1 - p)):
                state = (n + 1, k + passed)
                if plan.decide(*state) is None and state[0] < plan.cap:
                    after[state] = after.get(state, 0.0) + chance * share
                    continue
                bounds = bounds_after(plan, *state)
                total += chance * share
                covered_below += chance * share * (bounds.lower <= p)
                covered_above += chance * share * (bounds.upper >= p)
        going = after
    assert total == pytest.approx(1)
    assert covered_below >= 0.95 - 1e-9
    assert covered_above >= 0.95 - 1e-9


def test_too_few_samples_can_show_nothing() -> None:
    with pytest.raises(ValueError, match=r"13 samples can never show 0\.8"):
        curtailed(Design(0.8, 0.96), 13)
