"""Claims about quantiles are claims about rates, and their bounds are values of samples."""

from __future__ import annotations

import math

import numpy as np
import pytest

from llm_do_eval.stats.bounds import lower_bound, min_samples, upper_bound
from llm_do_eval.stats.quantile import lower_limit, observed, upper_limit


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_a_limit_is_shown_exactly_where_the_rate_of_values_up_to_it_is(level: float) -> None:
    for n in (5, 14, 58, 59, 93, 200):
        values = [float(each) for each in range(1, n + 1)]
        shown = upper_limit(values, level)
        reached = [k for k in range(1, n + 1) if lower_bound(k, n) >= level]
        assert shown == (float(reached[0]) if reached else None)
        assert (shown is None) is (n < min_samples(level))
        below = lower_limit(values, level)
        # what lies below the limit are all the values before it
        assert below is None or upper_bound(int(below) - 1, n) <= level < upper_bound(int(below), n)


def test_fifty_nine_samples_are_the_fewest_for_a_95th_percentile() -> None:
    assert upper_limit([1.0] * 58, 0.95) is None
    assert upper_limit([1.0] * 58 + [9.0], 0.95) == 9.0
    assert upper_limit([1.0] * 92 + [9.0], 0.95) == 1.0


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_both_limits_are_wrong_as_rarely_as_they_say(level: float) -> None:
    rng, draws, n = np.random.default_rng(3), 2000, 60
    truth = -math.log(1 - level)
    found = rng.exponential(size=(draws, n)).tolist()
    too_low = sum((upper_limit(values, level) or math.inf) < truth for values in found)
    too_high = sum((lower_limit(values, level) or 0.0) > truth for values in found)
    most = 0.05 + 4 * math.sqrt(0.05 * 0.95 / draws)
    assert 0.01 < too_low / draws <= most
    assert 0.01 < too_high / draws <= most


def test_a_value_that_is_no_number_lies_beyond_every_limit() -> None:
    values = [1.0] * 58 + [math.nan]
    assert upper_limit(values, 0.95) == math.inf
    assert observed([math.nan, 1.0, 2.0], 0.5) == 2.0
    assert observed([math.nan, 1.0], 0.95) == math.inf


def test_what_was_seen_is_a_value_that_occurred() -> None:
    values = [float(each) for each in range(1, 21)]
    assert (observed(values, 0.5), observed(values, 0.95), observed(values, 0.01)) == (10.0, 19.0, 1.0)


def test_nothing_and_impossible_levels_are_refused() -> None:
    assert (upper_limit([], 0.5), lower_limit([], 0.5)) == (None, None)
    with pytest.raises(ValueError, match="no value"):
        observed([], 0.5)
    for level in (0.0, 1.0, math.nan):
        with pytest.raises(ValueError, match="level"):
            upper_limit([1.0], level)
