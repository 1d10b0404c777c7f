from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from compared import compared, entry

from llm_do_eval.comparison.compare import family_size, is_refused
from llm_do_eval.comparison.side import Key
from llm_do_eval.ratio import Ratio
from llm_do_eval.stats.multiplicity import holm
from llm_do_eval.stats.twosample import p_worse

if TYPE_CHECKING:
    from llm_do_eval.comparison.compare import Comparison
    from llm_do_eval.comparison.row import Row

NEW = {"at": "2026-02-02T00:00:00+00:00"}


def row(comparison: Comparison, test: str, what: str = "pass_rate") -> Row:
    [found] = [each for each in comparison.rows if (each.test, each.what) == (test, what)]
    return found


def test_a_drop_is_a_regression_and_refused() -> None:
    found = row(compared([entry("t::a", 20, 20)], [entry("t::a", 8, 20, **NEW)]), "t::a")
    assert (found.word, found.method, found.base, found.candidate) == (
        "regression",
        "barnard",
        Ratio(20, 20),
        Ratio(8, 20),
    )
    assert is_refused(found)
    assert found.sentence.startswith("regression: 20/20 -> 8/20, -60 points (p < 0.0001)")


def test_a_rise_is_an_improvement() -> None:
    comparison = compared([entry("t::a", 8, 20)], [entry("t::a", 20, 20, **NEW)])
    found = row(comparison, "t::a")
    assert (found.word, found.worse_by_up_to) == ("improvement", 0.0)
    assert found.sentence == "improvement: 8/20 -> 20/20, +60 points (p < 0.0001)"
    assert comparison.refused == ()


def test_nothing_shown_says_how_much_worse_it_could_be_and_what_can_be_seen() -> None:
    comparison = compared([entry("t::a", 19, 20)], [entry("t::a", 18, 20, **NEW)])
    found = row(comparison, "t::a")
    assert found.sentence == (
        "no regression shown: 19/20 -> 18/20, -5 points (p = 0.34); could still be worse by up to 23.1 "
        "points (95 % confidence); 20 v 20 samples show a drop from 90.9 % to 75.9 % in 29.5 % of cases"
    )
    assert comparison.refused == ()


def test_unequal_sizes_are_boschlos() -> None:
    found = row(compared([entry("t::a", 20, 20)], [entry("t::a", 28, 40, **NEW)]), "t::a")
    assert found.method == "boschloo"
    assert found.p == p_worse(Ratio(20, 20), Ratio(28, 40))


def test_what_gates_is_adjusted_by_holm_and_nothing_else_is_in_the_family() -> None:
    base = [entry(f"t::{name}", 20, 20) for name in "abc"]
    candidate = [entry(f"t::{name}", k, 20, **NEW) for name, k in zip("abc", (16, 17, 20), strict=True)]
    comparison = compared(base, candidate)
    gating = [each for each in comparison.rows if each.gates]
    assert [each.adjusted for each in gating] == holm([each.p or 0 for each in gating])
    assert [each.word for each in gating] == ["no regression shown"] * 3
    assert (gating[0].p or 0) < 0.05
    assert {each.what for each in comparison.rows if not each.gates} == {
        "invariant",
        "cost_usd",
        "latency_s",
        "latency_shift",
    }


def test_comparisons_made_elsewhere_count() -> None:
    pair = [entry("t::a", 20, 20)], [entry("t::a", 16, 20, **NEW)]
    assert row(compared(*pair), "t::a").word == "regression"
    assert row(compared(*pair, family=3), "t::a").word == "no regression shown"


def test_the_family_is_each_test_and_each_function_with_several() -> None:
    keys = [Key("t::a"), Key("t::b", "x"), Key("t::b", "y"), Key("t::c", "x")]
    assert family_size(keys) == 5
    assert family_size([]) == 0


def inputs(number: int, k: int, n: int, **fields: Any) -> list[dict[str, Any]]:
    return [entry(f"t::f[{index}]", k, n, **fields) for index in range(number)]


@pytest.mark.parametrize(
    ("number", "n", "method"),
    [
        (3, 10, "within_inputs"),
        (9, 5, "within_inputs"),
        (10, 5, "sign_flip"),
        (12, 1, "mcnemar"),
        (2, 1, "mcnemar"),
    ],
)
def test_inputs_are_paired_by_a_test_that_depends_on_numbers_alone(number: int, n: int, method: str) -> None:
    comparison = compared(inputs(number, n, n), inputs(number, n, n, **NEW))
    found = row(comparison, "t::f")
    assert (found.method, found.inputs, found.gates) == (method, number, True)
    assert found.base == Ratio(number * n, number * n)
    assert sum(each.gates for each in comparison.rows) == number + 1


def test_inputs_together_show_what_none_shows_alone() -> None:
    comparison = compared(inputs(3, 10, 10), inputs(3, 7, 10, **NEW))
    assert [each.test for each in comparison.refused] == ["t::f"]
    assert row(comparison, "t::f[0]").word == "no regression shown"


def test_another_share_of_inputs_gives_no_bound() -> None:
    candidate = [entry("t::f[0]", 10, 10, **NEW), entry("t::f[1]", 19, 20, **NEW)]
    comparison = compared(inputs(2, 10, 10), candidate, margin=0.3)
    found = row(comparison, "t::f")
    assert (found.method, found.worse_by_up_to) == ("within_inputs", None)
    assert "is not known: the sides have different shares of the inputs" in found.sentence
    assert is_refused(found)


def test_one_input_in_common_is_the_test_alone() -> None:
    comparison = compared(inputs(2, 5, 5), inputs(1, 5, 5, **NEW))
    assert [each.test for each in comparison.rows if each.gates] == ["t::f[0]"]
    assert comparison.only_base == ("t::f[1]",)
    assert row(comparison, "t::f[0]", "invariant").word == "no regression shown"


def test_a_margin_is_shown_or_refused() -> None:
    pair = [entry("t::a", 50, 50)], [entry("t::a", 50, 50, **NEW)]
    shown, missed = compared(*pair, margin=0.1), compared(*pair, margin=0.05)
    assert row(shown, "t::a").sentence.endswith("; shown: not worse by 10 points (p = 0.011)")
    assert shown.refused == ()
    assert row(missed, "t::a").sentence.endswith("; not shown: not worse by 5 points (p = 0.077)")
    assert [each.test for each in missed.refused] == ["t::a"]


def test_a_margin_is_asked_of_a_function_not_of_its_inputs() -> None:
    comparison = compared(inputs(20, 5, 5), inputs(20, 5, 5, **NEW), margin=0.05)
    assert comparison.refused == ()
    assert [each.test for each in comparison.rows if each.noninferiority] == ["t::f"]


def test_the_same_recording_is_nothing_to_compare_even_with_a_margin() -> None:
    base = entry("t::a", 20, 20, recording="r")
    replay = entry("t::a", 10, 10, recording="r", **NEW)
    comparison = compared([base], [replay], margin=0.1)
    found = row(comparison, "t::a")
    assert found.sentence == (
        "not comparable: both are the same recording (the same samples: nothing to compare)"
    )
    assert comparison.refused == ()
    again = row(compared([base], [entry("t::a", 19, 20, recording="r", **NEW)]), "t::a")
    assert "(the same samples, judged differently: nothing to compare)" in again.sentence
    assert row(compared([base], [entry("t::a", 20, 20, recording="s", **NEW)]), "t::a").p == 1.0


def test_a_copy_of_a_live_session_is_the_same_one() -> None:
    live = entry("t::a", 20, 20)
    assert row(compared([live], [dict(live)]), "t::a").word == "not comparable"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"verdict": "VOID", "sentence": "too much infra"},
            "not comparable: candidate: VOID: too much infra",
        ),
        ({"stopped": True}, "not comparable: candidate: it was stopped early"),
        ({"n": 0, "k": 0}, "not comparable: candidate: no sample was judged"),
    ],
)
def test_what_shows_nothing_is_not_compared_and_shows_no_margin(fields: dict[str, Any], reason: str) -> None:
    candidate = {**entry("t::a", 20, 20, **NEW), **fields}
    plain = compared([entry("t::a", 20, 20)], [candidate])
    assert row(plain, "t::a").sentence.startswith(reason)
    assert plain.refused == ()
    assert len(compared([entry("t::a", 20, 20)], [candidate], margin=0.2).refused) == 1


def test_labels_and_costs_are_reported_and_never_refuse() -> None:
    base = entry("t::a", 10, 20, label="late", costs=[0.001] * 20)
    candidate = entry("t::a", 10, 20, label="rude", costs=[0.002] * 20, **NEW)
    comparison = compared([base], [candidate])
    assert (
        row(comparison, "t::a", "labels").sentence
        == "changed: 50 % of the labels moved (p = 0.0041, adjusted = 0.01)"
    )
    cost = row(comparison, "t::a", "cost_usd")
    assert (cost.word, cost.method) == ("changed", "permuted_mean")
    assert cost.sentence.startswith("changed: 0.001 -> 0.002 (mean, US dollars) (p = 0.0001")
    assert (
        row(comparison, "t::a", "latency_shift").sentence
        == "no change shown: 0.5 -> 0.5 (median, seconds) (p = 1)"
    )
    assert comparison.refused == ()


def test_an_unknown_cost_is_never_dropped() -> None:
    candidate = entry("t::a", 20, 20, costs=[None, *[0.001] * 19], **NEW)
    comparison = compared([entry("t::a", 20, 20)], [candidate])
    assert all(each.what != "cost_usd" for each in comparison.rows)


def test_other_models_and_workers_are_named() -> None:
    candidate = entry("t::a", 20, 20, model="openai:b", workers={"triage": "2"}, **NEW)
    found = row(compared([entry("t::a", 20, 20)], [candidate]), "t::a")
    assert found.notes == ("model: openai:a -> openai:b", "worker 'triage' changed")


def test_a_comparison_is_the_same_again() -> None:
    base = [*inputs(12, 4, 5, label="late"), entry("t::a", 18, 20)]
    candidate = [*inputs(12, 3, 5, label="rude", **NEW), entry("t::a", 15, 20, **NEW)]
    first = compared(base, candidate)
    assert compared(base[::-1], candidate[::-1]).rows == first.rows
