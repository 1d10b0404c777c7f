"""An answer that was given before is no new evidence."""

from __future__ import annotations

import math

import numpy as np

from llm_do_eval.stats.bounds import lower_bound
from llm_do_eval.stats.distinct import first_seen


def test_a_sample_counts_if_it_brought_something_new() -> None:
    marks = [["a", "b"], ["a"], ["a", "c"], ["d"], ["d", "c"]]
    assert first_seen(marks) == [True, False, True, True, False]


def test_samples_without_marks_are_their_own() -> None:
    assert first_seen([[], [], ["a"], []]) == [True, True, True, True]
    assert first_seen([]) == []


def test_all_replays_are_one_observation() -> None:
    assert sum(first_seen([["a"]] * 20)) == 1


def test_replays_counted_once_keep_the_error_and_counted_again_do_not() -> None:
    rng, draws, n, rate = np.random.default_rng(18), 2000, 100, 0.9
    wrong_once = wrong_again = 0
    for _ in range(draws):
        # half of the calls give an earlier answer again
        source = [int(rng.integers(i)) if i and rng.random() < 0.5 else i for i in range(n)]
        marks, outcomes = list[int](), (rng.random(n) < rate).tolist()
        for i, earlier in enumerate(source):
            marks.append(i if earlier == i else marks[earlier])
            outcomes[i] = outcomes[marks[i]]
        own = [i for i, new in enumerate(first_seen([[mark] for mark in marks])) if new]
        wrong_once += lower_bound(sum(outcomes[i] for i in own), len(own)) >= rate
        wrong_again += lower_bound(sum(outcomes), n) >= rate
    assert wrong_once / draws <= 0.05
    again = wrong_again / draws
    assert abs(again - 0.193) <= 4 * math.sqrt(0.193 * 0.807 / draws)
