from __future__ import annotations

from typing import Any

import pytest
from sessions import entry, named

from llm_do_eval.plugin.plot import WIDTH, Axis, axis_of, plot_of


def test_an_axis_lays_shares_out_from_its_low_end_to_one() -> None:
    axis = Axis(0.8)
    low, middle, high = (tick.x for tick in axis.ticks)
    assert 0 < low < middle < high < WIDTH
    assert (axis.at(0.8), axis.at(0.9), axis.at(1.0)) == (low, middle, high)
    assert low == pytest.approx(WIDTH - high)
    assert [tick.label for tick in axis.ticks] == ["80 %", "90 %", "100 %"]


@pytest.mark.parametrize(
    ("tests", "low"),
    [
        ([], 0.0),
        ([entry("FAIL")], 0.0),
        ([entry("PASS")], 0.8),
        ([entry("PASS"), entry("INCONCLUSIVE")], 0.5),
        ([entry("PASS", min_pass_rate=0.7)], 0.5),
        ([entry("PASS", invariants=[named("never", "FAIL")])], 0.0),
        ([entry("PASS", n=299, k=299, bound=0.99003, min_pass_rate=0.99)], 0.99),
        ([entry("VOID", min_pass_rate=None)], 0.0),
        ([entry("VOID", min_pass_rate=0.9)], 0.9),
    ],
)
def test_the_axis_begins_higher_where_nothing_lies_below(tests: list[dict[str, Any]], low: float) -> None:
    assert axis_of(tests).low == low


def test_a_plot_has_its_interval_its_share_and_the_rates_of_the_test() -> None:
    test, axis = entry("INCONCLUSIVE", target=0.95), Axis()
    plot = plot_of(test, test, axis)
    assert (plot.lower, plot.upper) == (axis.at(0.783893835793), axis.at(0.997438621223))
    assert (plot.observed, plot.required, plot.target) == (axis.at(0.95), axis.at(0.8), axis.at(0.95))
    assert plot.bounded_below
    assert plot.bounded_above


@pytest.mark.parametrize(("k", "below", "above"), [(0, False, True), (10, True, True), (20, True, False)])
def test_an_end_that_is_no_bound_has_no_mark(k: int, *, below: bool, above: bool) -> None:
    test = entry("FAIL", k=k)
    plot = plot_of(test, test, Axis())
    assert (plot.bounded_below, plot.bounded_above) == (below, above)


@pytest.mark.parametrize("word", ["VOID", "INCOMPLETE"])
def test_what_shows_nothing_draws_nothing_but_the_rates(word: str) -> None:
    test = entry(word)
    plot = plot_of(test, test, Axis())
    assert (plot.lower, plot.upper, plot.observed) == (None, None, None)
    assert plot.required is not None


def test_bounds_that_are_missing_are_not_drawn() -> None:
    test = entry("PASS", bound=None, upper_bound=None, min_pass_rate=None)
    plot = plot_of(test, test, Axis())
    assert (plot.lower, plot.upper, plot.required, plot.target) == (None, None, None, None)
    assert plot.observed == Axis().at(1.0)
    assert plot_of(entry("PASS", upper_bound=None), test, Axis()).upper == Axis().at(1.0)
