from __future__ import annotations

import pytest

from llm_do_eval.candidates.fold import fold, held_out, mining
from llm_do_eval.candidates.judgement import SAFE_FLOOR, judge
from llm_do_eval.ratio import Ratio
from llm_do_eval.stats.bounds import lower_bound


def clusters(count: int, misses: int = 0) -> dict[str, bool]:
    return {f"c{n}": n >= misses for n in range(count)}


def test_folds_are_stable_and_about_as_large_as_said() -> None:
    folds = [fold(f"c{n}") for n in range(5000)]
    assert [fold(name) for name in ("c0", "7", "c1")] == ["fit", "select", "verify"]
    assert [round(folds.count(name) / 5000, 1) for name in ("fit", "select", "verify")] == [0.4, 0.2, 0.4]


def test_mining_and_held_out_are_disjoint_and_whole() -> None:
    known = clusters(200)
    mined, held = mining(known), held_out(known)
    assert {*mined, *held} == set(known)
    assert not {*mined} & {*held}


def test_what_had_to_be_mined_is_not_held_out() -> None:
    only_verify = {name: True for name in clusters(40) if fold(name) == "verify"}
    assert mining(only_verify) == only_verify
    assert held_out(only_verify) == {}


def test_59_clean_clusters_show_95_percent() -> None:
    assert judge(clusters(59), rules=1).verdict == "candidate"
    found = judge(clusters(58), rules=1)
    assert (found.verdict, found.needs_clusters) == ("needs-data", 1)


def test_the_number_of_rules_is_paid_for() -> None:
    assert judge(clusters(103), rules=10).verdict == "needs-data"
    assert judge(clusters(104), rules=10).verdict == "candidate"
    assert judge(clusters(50), rules=10).bound == lower_bound(50, 50, 0.005)


def test_a_miss_asks_for_more() -> None:
    assert judge(clusters(92, misses=1), rules=1).needs_clusters == 1
    assert judge(clusters(93, misses=1), rules=1).verdict == "candidate"


def test_a_floor_of_99_asks_for_299() -> None:
    assert judge(clusters(298), rules=1, floor=SAFE_FLOOR).needs_clusters == 1
    assert judge(clusters(299), rules=1, floor=SAFE_FLOOR).verdict == "candidate"


def test_what_is_shown_not_to_hold_is_rejected() -> None:
    found = judge(clusters(18, misses=5), rules=1)
    assert (found.verdict, found.needs_clusters) == ("rejected", None)
    assert found.reason == "holds in only 13 of 18 clusters"


def test_a_mined_pattern_is_judged_on_what_is_held_out() -> None:
    known = clusters(400)
    held = held_out(known)
    found = judge(known, rules=1, held_out=held)
    assert (found.verdict, found.held_out) == ("candidate", Ratio(len(held), len(held)))
    assert found.bound == lower_bound(len(held), len(held))
    assert f"the {len(held)} held out show at least" in found.reason


def test_needed_clusters_count_those_that_will_not_be_held_out() -> None:
    known = clusters(30)
    held = held_out(known)
    found = judge(known, rules=1, held_out=held)
    assert found.needs_clusters == -(-5 * (59 - len(held)) // 2)


def test_few_clusters_are_never_enough() -> None:
    found = judge(clusters(5), rules=1, floor=0.5)
    assert (found.verdict, found.needs_clusters) == ("needs-data", 15)
    assert judge({}, rules=0).verdict == "needs-data"


@pytest.mark.parametrize("misses", [0, 1, 3])
def test_the_clusters_asked_for_are_enough(misses: int) -> None:
    needs = judge(clusters(60, misses), rules=7).needs_clusters or 0
    assert judge(clusters(60 + needs, misses), rules=7).verdict == "candidate"
    assert judge(clusters(59 + needs, misses), rules=7).verdict == "needs-data"
