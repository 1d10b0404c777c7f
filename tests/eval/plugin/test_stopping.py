"""Early stopping, budgets and resuming, as a user meets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from llm_suite import LOAD

from llm_do_eval.plans import plan_for
from llm_do_eval.stats.plan import Design

if TYPE_CHECKING:
    from llm_suite import Suite

    from evals.standin import StandIn

pytest_plugins = ["pytester"]

PLAN = plan_for(Design(0.8, 0.95))
FIRST_PASS = next(n for n in range(1, PLAN.cap + 1) if PLAN.pass_at[n] <= n)
FIRST_FAIL = next(n for n in range(1, PLAN.cap + 1) if PLAN.fail_at[n] >= 0)

SEQUENTIAL = """
@pytest.mark.llm_samples(75, min_pass_rate=0.8, target=0.95, stop="sequential")
async def test_rate(sample, invariant):
    assert invariant("held", {})
"""

LIVE = """
@pytest.mark.llm_samples(75, min_pass_rate=0.8, target=0.95)
async def test_rate(llm_do):
    assert (await llm_do.run("classifier", "x")).output
"""


def test_sampling_stops_as_soon_as_the_plan_has_passed(suite: Suite) -> None:
    suite.run(SEQUENTIAL.format("True"), "--llm-concurrency=1").assert_outcomes(passed=1)
    test = suite.tests()["test_rate"]
    assert (test["verdict"], test["k"], test["n"], test["stopped"]) == ("PASS", FIRST_PASS, FIRST_PASS, True)
    assert test["outcomes"]["pass"] == FIRST_PASS
    assert 0.8 <= test["bound"] < 0.85
    assert [(each["name"], each["verdict"], each["n"]) for each in test["invariants"]] == [
        ("held", "PASS", FIRST_PASS)
    ]


def test_sampling_stops_as_soon_as_the_plan_has_failed(suite: Suite) -> None:
    result = suite.run(SEQUENTIAL.format("False"), "--llm-concurrency=1")
    result.assert_outcomes(failed=1)
    test = suite.tests()["test_rate"]
    assert (test["verdict"], test["n"]) == ("FAIL", FIRST_FAIL)
    result.stdout.fnmatch_lines(["*shown: true pass rate < 0.8 *stopped early, of at most 75*"])


def test_what_was_launched_ahead_is_told_and_not_judged(suite: Suite) -> None:
    suite.run(SEQUENTIAL.format("sample.index < 3"), "--llm-concurrency=20")
    test = suite.tests()["test_rate"]
    stop = PLAN.first_stop([index < 3 for index in range(75)])
    assert stop
    assert (test["k"], test["n"]) == (stop.k, stop.n)
    assert sum(test["outcomes"].values()) > stop.n


def test_too_few_samples_for_a_plan_have_the_verdicts_of_their_number(suite: Suite) -> None:
    source = SEQUENTIAL.format("sample.index < 19").replace("75", "20")
    result = suite.run(source, "--llm-concurrency=1")
    test = suite.tests()["test_rate"]
    assert (test["verdict"], test["k"], test["n"], test["stopped"]) == ("INCONCLUSIVE", 19, 20, False)
    result.stdout.fnmatch_lines(["*INCONCLUSIVE*not settled: the true pass rate is between*"])


def test_a_number_that_can_never_prove_the_rate_is_inconclusive_and_never_stops(suite: Suite) -> None:
    suite.run(SEQUENTIAL.format("True"), "--llm-samples=5")
    test = suite.tests()["test_rate"]
    assert (test["verdict"], test["n"]) == ("INCONCLUSIVE", 5)


def test_a_live_test_with_a_rate_stops_early_by_itself(suite: Suite, provider: StandIn) -> None:
    suite.run(LIVE, "--llm-record=live", "--llm-concurrency=4")
    test = suite.tests()["test_rate"]
    assert (test["verdict"], test["n"]) == ("PASS", FIRST_PASS)
    assert FIRST_PASS <= len(provider.requests) <= FIRST_PASS + 4


def test_a_recorded_plan_replays_to_the_same_verdict(suite: Suite, provider: StandIn) -> None:
    suite.run(LIVE, "--llm-record=once", "--llm-concurrency=4")
    recorded = suite.tests()["test_rate"]
    assert recorded["verdict"] == "PASS"
    asked = len(provider.requests)
    suite.again("--llm-concurrency=16").assert_outcomes(passed=1)
    replayed = suite.tests()["test_rate"]
    for key in ("verdict", "k", "n", "bound", "upper_bound", "sentence", "stopped"):
        assert replayed[key] == recorded[key]
    assert len(provider.requests) == asked


def test_a_recorded_plan_is_not_judged_by_another_claim(suite: Suite, provider: StandIn) -> None:
    suite.run(LIVE, "--llm-record=once")
    asked = len(provider.requests)
    for claim in ("min_pass_rate=0.5", "", 'min_pass_rate=0.8, target=0.95, stop="fixed"'):
        result = suite.run(LIVE.replace("75, min_pass_rate=0.8, target=0.95", f"20, {claim}"))
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(["*recorded until they settled a rate of 0.8 (target 0.95)*rewrite*"])
    assert len(provider.requests) == asked


def test_fixed_samples_are_all_run(suite: Suite, provider: StandIn) -> None:
    source = LIVE.replace("target=0.95", 'target=0.95, stop="fixed"').replace("75", "40")
    suite.run(source, "--llm-record=live")
    assert suite.tests()["test_rate"]["n"] == 40
    assert len(provider.requests) == 40


def test_a_budget_stops_before_it_is_exceeded_and_a_resumed_run_ends_the_plan(
    suite: Suite, provider: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_DO_MODEL", "openai-chat:gpt-5")
    suite.run(LIVE, "--llm-record=live", "--llm-samples=70").assert_outcomes(passed=1)
    whole = suite.tests()["test_rate"]
    asked = len(provider.requests)
    each_usd = whole["cost_usd"] / sum(whole["outcomes"].values())
    result = suite.run(LIVE, "--llm-record=live", f"--llm-budget={each_usd * 7.5:.9f}")
    result.assert_outcomes(failed=1)
    stopped = suite.tests()["test_rate"]
    assert stopped["verdict"] == "INCOMPLETE"
    spent = sum(stopped["outcomes"].values())
    assert 5 <= spent <= 7
    result.stdout.fnmatch_lines(["*INCOMPLETE: the budget of $* allows no more samples*--llm-resume*"])
    suite.run(LIVE, "--llm-record=live", "--llm-resume").assert_outcomes(passed=1)
    resumed = suite.tests()["test_rate"]
    assert (resumed["verdict"], resumed["k"], resumed["n"]) == ("PASS", FIRST_PASS, FIRST_PASS)
    again = len(provider.requests) - asked
    assert again == sum(resumed["outcomes"].values())
    assert not list((suite.path / ".llm-do" / "samples").glob("*"))


def test_an_unknown_price_is_no_price_of_nothing(suite: Suite, provider: StandIn) -> None:
    result = suite.run(LIVE, "--llm-record=live", "--llm-budget=5", "--llm-concurrency=1")
    result.stdout.fnmatch_lines(["*INCOMPLETE: the price of a model is unknown*"])
    assert len(provider.requests) == 1


DYING = """
import os

@pytest.mark.llm_samples(75, min_pass_rate=0.8, target=0.95)
async def test_rate(llm_do, sample):
    output = (await llm_do.run("classifier", "x")).output
    if sample.index == 11 and "DIE" in os.environ:
        os._exit(9)
    assert output
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was_and_pays_for_nothing_twice(
    suite: Suite, provider: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite.pytester.makepyfile(test_suite="import pytest\n" + DYING)
    words = [*LOAD, "--llm-json=session.json", "--llm-record=live", "--llm-concurrency=1"]
    monkeypatch.setenv("DIE", "1")
    assert suite.pytester.runpytest_subprocess(*words).ret == 9
    assert len(provider.requests) == 12
    monkeypatch.delenv("DIE")
    suite.pytester.runpytest_subprocess(*words, "--llm-resume").assert_outcomes(passed=1)
    test = suite.tests()["test_rate"]
    assert (test["verdict"], test["k"], test["n"]) == ("PASS", FIRST_PASS, FIRST_PASS)
    # the sample in which it died is the only one that is asked again
    assert len(provider.requests) == FIRST_PASS + 1


def test_a_run_with_another_claim_is_not_resumed(suite: Suite, provider: StandIn) -> None:
    priced = ("--llm-record=live", "--llm-budget=0.000001")
    suite.run(LIVE, *priced)
    result = suite.run(LIVE.replace("0.95", "0.99"), *priced, "--llm-resume")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*the run to resume had target 0.95, and now it is 0.99*"])
    assert len(provider.requests) == 1


@pytest.mark.parametrize("mode", ["all", "rewrite"])
def test_a_recording_of_everything_anew_is_not_resumed(suite: Suite, provider: StandIn, mode: str) -> None:
    result = suite.run(LIVE, f"--llm-record={mode}", "--llm-resume")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*--llm-resume cannot go on with --llm-record={mode}*"])
    assert not provider.requests


ADDED = """
@pytest.mark.llm_samples(20, min_pass_rate=0.8, stop="fixed")
async def test_rate(llm_do):
    assert (await llm_do.run("classifier", "x")).output
"""


def test_samples_added_after_a_look_have_to_show_more(suite: Suite, provider: StandIn) -> None:
    suite.run(ADDED, "--llm-record=once", "--llm-samples=12")
    assert suite.tests()["test_rate"]["verdict"] == "INCONCLUSIVE"
    suite.again("--llm-record=new_episodes", "--llm-samples=14")
    added = suite.tests()["test_rate"]
    # 14 of 14 show 0.8 to who looks once, and not to who would have gone on
    assert (added["verdict"], added["k"], added["n"]) == ("INCONCLUSIVE", 14, 14)
    assert len(provider.requests) == 14
    suite.again("--llm-samples=14")
    assert suite.tests()["test_rate"]["sentence"] == added["sentence"]
    assert "after more than one look" in added["sentence"]
    suite.again("--llm-record=new_episodes", "--llm-samples=40").assert_outcomes(passed=1)
    assert suite.tests()["test_rate"]["bound"] >= 0.8


def test_a_plan_that_ended_undecided_asks_for_a_recording_of_the_rest(
    suite: Suite, provider: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIL_BELOW", "2")
    source = """
import os

@pytest.mark.llm_samples(20, min_pass_rate=0.8)
async def test_rate(llm_do, sample):
    assert (await llm_do.run("classifier", "x")).output
    assert sample.index >= int(os.environ["FAIL_BELOW"])
"""
    suite.run(source, "--llm-record=once")
    assert (suite.tests()["test_rate"]["verdict"], len(provider.requests)) == ("INCONCLUSIVE", 20)
    suite.again("--llm-samples=60").stdout.fnmatch_lines(["*INCOMPLETE*sample 20 is not: record it with*"])
    suite.again("--llm-samples=60", "--llm-record=new_episodes").assert_outcomes(passed=1)
    added = suite.tests()["test_rate"]
    assert (added["k"], added["n"], len(provider.requests)) == (58, 60, 60)
    assert "after more than one look" in added["sentence"]


def test_fewer_samples_of_a_recorded_plan_show_what_so_many_show(suite: Suite, provider: StandIn) -> None:
    suite.run(LIVE.replace("75", "20").replace("0.95", "0.96"), "--llm-record=once").assert_outcomes(passed=1)
    suite.again("--llm-samples=10")
    test = suite.tests()["test_rate"]
    assert (test["verdict"], test["n"]) == ("INCONCLUSIVE", 10)
    assert test["bound"] == pytest.approx(0.05 ** (1 / 10))
    assert len(provider.requests) == 20


def test_as_many_samples_at_once_show_it(suite: Suite, provider: StandIn) -> None:
    suite.run(ADDED, "--llm-record=once", "--llm-samples=14").assert_outcomes(passed=1)
    assert len(provider.requests) == 14
