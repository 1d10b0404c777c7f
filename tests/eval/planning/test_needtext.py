"""Every number of the lines is one of the need; nothing is said that was not computed."""

from __future__ import annotations

from dataclasses import replace

from llm_do_eval.claim import Claim
from llm_do_eval.planning.need import need, shown
from llm_do_eval.planning.needtext import need_lines

CLAIM = Claim(min_pass_rate=0.8, target=0.95)
CAUGHT = "0 % at 0.95, 3.2 % at 0.8, 58.4 % at 0.6, 97.9 % at 0.4, 100 % at 0.2"
NEED = need(CLAIM, 20, cache=None)


def test_it_says_all_that_is_needed() -> None:
    assert [*need_lines(NEED)] == [
        "claim: true pass rate >= 0.8, 95 % confidence",
        "target: 0.95, the rate of a worker that should PASS",
        "fewest samples: 14 if all pass, 22 with 1 failure, 30 with 2",
        "fixed number: 30 samples, PASS from 28: 80 % power at 0.95",
        "fixed number: 50 samples, PASS from 45: 95 % power at 0.95",
        "stopping early: 75 samples at most, PASS from 18 on, FAIL from 5 on",
        "  on average 29.0 samples at 0.95, 19.9 at 0.8, 35.2 at worst (at 0.91)",
        "  no test with these errors needs fewer than 28.2 at 0.95 and 19.0 at 0.8 (Wald)",
        "20 samples: PASS from 20, 35.8 % of the time at 0.95",
        "  20 of 20: a true rate of 0.861 gets there 5 % of the time, one of 0.997 misses it 5 %",
        "  19 of 20: a true rate of 0.784 gets there 5 % of the time, one of 0.982 misses it 5 %",
        "  18 of 20: a true rate of 0.717 gets there 5 % of the time, one of 0.958 misses it 5 %",
        "  17 of 20: a true rate of 0.656 gets there 5 % of the time, one of 0.929 misses it 5 %",
        "  16 of 20: a true rate of 0.599 gets there 5 % of the time, one of 0.896 misses it 5 %",
        f"  as a guard it fails up to 12: {CAUGHT}",
    ]


def test_a_default_target_is_called_so() -> None:
    default = replace(NEED, claim=Claim(min_pass_rate=0.8), target=0.96)
    assert [*need_lines(default)][1].endswith("(the default)")


def test_too_few_samples_are_told_with_the_number_that_suffices() -> None:
    few = [*need_lines(replace(NEED, shown=shown(CLAIM, 13)))]
    assert few[8].startswith("13 samples can never show 0.8")
    assert "Needs >= 14 samples" in few[8]
    assert not [line for line in few if line.startswith("13 samples: PASS")]


def test_what_was_not_computed_is_said_to_be_so() -> None:
    without = [*need_lines(replace(NEED, early=None))]
    assert without[5] == "stopping early: not computed, a plan would be of more than 3000 samples"
    assert len(without) == len([*need_lines(NEED)]) - 2


def test_a_guard_that_can_refute_nothing_is_said_to_be_so() -> None:
    one = [*need_lines(replace(NEED, shown=shown(Claim(min_pass_rate=0.5, target=0.95), 1)))]
    assert one[-1].startswith("  as a guard it never refutes 0.8: 0 % at 0.95")
