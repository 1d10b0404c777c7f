"""Runs find outcomes that stick together, the cumulative sum finds a rate that changes."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from llm_do_eval.stats.independence import drift_p, fewer_runs, runs_p

if TYPE_CHECKING:
    from collections.abc import Callable

    Draw = Callable[[np.random.Generator, int], list[bool]]

LEVEL = 0.05


def test_few_runs_equal_the_reference() -> None:
    assert fewer_runs(10, 5, 3) == pytest.approx(10 / 252, abs=1e-15)
    assert runs_p([True] * 5 + [False] * 5) == pytest.approx(2 / 252)


@pytest.mark.parametrize(("n", "k"), [(6, 3), (7, 2), (8, 1)])
def test_the_chance_of_few_runs_is_counted_out(n: int, k: int) -> None:
    orders = [set(chosen) for chosen in itertools.combinations(range(n), k)]
    runs = [1 + sum((i in one) != (i + 1 in one) for i in range(n - 1)) for one in orders]
    for most in range(2, n + 1):
        assert fewer_runs(n, k, most) == pytest.approx(sum(each <= most for each in runs) / len(orders))


def test_equal_outcomes_say_nothing() -> None:
    rng = np.random.default_rng(0)
    for outcomes in ([], [True], [True] * 30, [False] * 30):
        assert (runs_p(outcomes), drift_p(outcomes, rng)) == (1.0, 1.0)


def test_the_same_seed_gives_the_same_chance_and_never_zero() -> None:
    outcomes = [True] * 40 + [False] * 40
    chances = {drift_p(outcomes, np.random.default_rng(5)) for _ in range(3)}
    assert chances == {1 / 10_000}


def steady(rng: np.random.Generator, n: int) -> list[bool]:
    return (rng.random(n) < 0.9).tolist()


def step(rng: np.random.Generator, n: int) -> list[bool]:
    return (rng.random(n) < np.where(np.arange(n) < n // 2, 0.95, 0.7)).tolist()


def sticky(rng: np.random.Generator, n: int) -> list[bool]:
    outcomes = steady(rng, n)
    for i in np.flatnonzero(rng.random(n) < 0.5):
        outcomes[i] = outcomes[max(0, int(i) - 1)]
    return outcomes


@pytest.mark.slow
@pytest.mark.parametrize(
    ("draw", "n", "runs", "drift"),
    [
        (steady, 50, (0.0, LEVEL), (0.0, LEVEL)),
        (steady, 100, (0.0, LEVEL), (0.0, LEVEL)),
        (step, 50, (0.14, 0.14), (0.58, 0.58)),
        (step, 100, (0.25, 0.25), (0.89, 0.89)),
        (sticky, 50, (0.63, 0.63), (0.33, 0.33)),
        (sticky, 100, (0.83, 0.83), (0.41, 0.41)),
    ],
)
def test_alarms_are_as_frequent_as_known(
    draw: Draw, n: int, runs: tuple[float, float], drift: tuple[float, float]
) -> None:
    rng, draws = np.random.default_rng(8), 600
    outcomes = [draw(rng, n) for _ in range(draws)]
    by_runs = sum(runs_p(each) <= LEVEL for each in outcomes) / draws
    by_drift = sum(drift_p(each, rng, 999) <= LEVEL for each in outcomes) / draws
    for found, (least, most) in ((by_runs, runs), (by_drift, drift)):
        # the known figures are themselves counts of 1000 draws
        assert least - error(least, draws) <= found <= most + error(most, draws)


def error(rate: float, draws: int) -> float:
    return 4 * math.sqrt(rate * (1 - rate) * (1 / draws + 1 / 1000))
