"""`--llm-plan` tells what running the marked tests would show and take, and runs none of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from llm_suite import INI, LOAD
from recorded import exchange, write

from llm_do_eval.plans import plan_for
from llm_do_eval.stats.operating import operating
from llm_do_eval.stats.plan import Design

if TYPE_CHECKING:
    from llm_suite import Suite

pytest_plugins = ["pytester"]

PLAN = "--llm-plan"
PRICE_USD = 10 * 0.15e-6 + 5 * 0.6e-6
"""What a request of `exchange` costs."""

TESTS = """
import pathlib

@pytest.fixture(autouse=True)
def touching():
    pathlib.Path("fixture").touch()

@pytest.mark.llm_samples(75, min_pass_rate=0.8, target=0.95)
async def test_planned(llm_do):
    pathlib.Path("body").touch()

@pytest.mark.llm_samples(20)
def test_every(llm_do):
    pathlib.Path("body").touch()

@pytest.mark.llm_samples(20, min_pass_rate=0.9, mode="guard")
@pytest.mark.parametrize("word", ["a", "b"])
async def test_guard(llm_do, word):
    pathlib.Path("body").touch()

@pytest.mark.skip
@pytest.mark.llm_samples(20)
async def test_skipped(llm_do):
    pathlib.Path("body").touch()

def test_of_another_kind():
    pathlib.Path("body").touch()
"""


def plan(suite: Suite) -> dict[str, Any]:
    return json.loads((suite.path / "session.json").read_text("utf-8"))


def planned(suite: Suite) -> dict[str, dict[str, Any]]:
    return {each["test"].partition("::")[2]: each for each in plan(suite)["tests"]}


def recorded(suite: Suite, name: str) -> None:
    talk = [exchange("a", "b", sample=sample) for sample in range(4)]
    write(suite.path / "cassettes" / "test_suite" / f"{name}.jsonl", talk)


def test_it_runs_nothing_and_ends_well(suite: Suite) -> None:
    result = suite.run(TESTS, PLAN)
    assert result.ret == 0
    result.assert_outcomes()
    assert not any((suite.path / name).exists() for name in ("fixture", "body", ".llm-do", "cassettes"))
    assert plan(suite)["schema"] == "llm-do-eval/plan/v1"
    assert [*planned(suite)] == ["test_every", "test_guard[a]", "test_guard[b]", "test_planned"]
    result.stdout.fnmatch_lines(
        [
            "*llm plan*",
            "test*design*samples*power*requests*minutes*USD",
            "*::test_every *fixed 20, every sample must pass *misses a 5 % failure in 35.8 % *unknown*",
            "*::test_guard?a? *guard 20, rate >= 0.9 *catches 0.8 in 37 % *",
            "*::test_planned *plan 0.8/0.95 up to 75 *29.0 at 0.95, 19.9 at 0.8 (75) *95.2 % PASS at 0.95 *",
            "total, 4 tests *unknown *unknown *unknown",
            "wrote *session.json",
        ]
    )
    result.stdout.no_fnmatch_line("*llm samples*")


def test_without_it_they_run(suite: Suite) -> None:
    suite.run(TESTS)
    assert (suite.path / "fixture").exists()
    assert (suite.path / "body").exists()


def test_it_shows_the_plan_that_a_live_run_uses(suite: Suite) -> None:
    suite.run(TESTS, PLAN, "-k", "planned")
    assert [*planned(suite)] == ["test_planned"]
    good, bad = (operating(plan_for(Design(0.8, 0.95)), rate) for rate in (0.95, 0.8))
    samples = {"at_target": good.expected, "at_min_pass_rate": bad.expected, "most": 75}
    assert planned(suite)["test_planned"]["samples"] == samples
    assert planned(suite)["test_planned"]["power"]["probability"] == good.pass_
    suite.again(PLAN, "-k", "planned", "--llm-baseline=save")
    assert planned(suite)["test_planned"]["design"] == "fixed"
    assert not (suite.path / "llm-baseline.json").exists()


def test_a_plan_that_has_to_be_solved_is_kept_where_live_runs_look_for_it(suite: Suite) -> None:
    source = TESTS.replace("75, min_pass_rate=0.8, target=0.95", "30, min_pass_rate=0.6, target=0.95")
    suite.run(source, PLAN, "-k", "planned")
    [kept] = (suite.path / ".llm-do" / "plans").iterdir()
    assert kept.name.startswith("0.6-0.95-")


def test_costs_are_those_of_the_recorded_samples(suite: Suite) -> None:
    for name in ("test_planned", "test_every"):
        recorded(suite, name)
    suite.run(TESTS, PLAN, "--llm-concurrency=10", "--llm-samples=100")
    tests = planned(suite)
    every, guard = tests["test_every"], tests["test_guard[a]"]
    assert every["requests"] == {"expected": 100, "worst": 100}
    assert every["cost_usd"]["worst"] == pytest.approx(100 * PRICE_USD)
    # it is not async, so its samples take turns; those of the other run side by side
    assert every["minutes"]["worst"] == pytest.approx(100 * 0.25 / 60)
    assert tests["test_planned"]["minutes"]["worst"] == pytest.approx(75 * 0.25 / 10 / 60)
    assert every["recorded"] == {
        "cassette": "cassettes/test_suite/test_every.jsonl",
        "samples": 4,
        "model": "openai-chat:gpt-4o-mini",
    }
    assert [guard[key] for key in ("requests", "minutes", "cost_usd", "recorded")] == [None] * 4
    assert plan(suite)["totals"]["cost_usd"]["unknown"] == 2


def test_a_budget_that_falls_short_is_told(suite: Suite) -> None:
    recorded(suite, "test_every")
    result = suite.run(TESTS, PLAN, "-k", "every", f"--llm-budget={15 * PRICE_USD:.9f}")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["--llm-budget=6.75e-05 is short by 0.000023 USD as expected, and by *"])
    suite.again(PLAN, "--llm-budget=5").stdout.fnmatch_lines(
        ["--llm-budget=5 may not suffice: the cost of 3 tests is unknown"]
    )


def test_a_torn_cassette_costs_an_unknown_amount_and_is_named(suite: Suite) -> None:
    recorded(suite, "test_every")
    path = suite.path / "cassettes" / "test_suite" / "test_every.jsonl"
    path.write_text("torn", encoding="utf-8")
    result = suite.run(TESTS, PLAN)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*::test_every: *test_every.jsonl:1: *torn*"])
    assert planned(suite)["test_every"]["cost_usd"] is None


def test_a_gate_that_can_never_be_shown_is_told_with_the_number_that_can(suite: Suite) -> None:
    source = TESTS.replace("75, min_pass_rate=0.8, target=0.95", "20, min_pass_rate=0.95")
    sentence = "*::test_planned: 20 samples can never show 0.95*Needs >= 59 samples*; it is not run"
    result = suite.run(source, PLAN)
    assert result.ret == 0
    result.stdout.fnmatch_lines([sentence])
    entry = planned(suite)["test_planned"]
    assert (entry["needed"], entry["runs"], entry["cost_usd"]["worst"]) == (59, False, 0)
    assert suite.again("-k", "planned").ret != 0
    result = suite.again(PLAN, "--llm-samples=20")
    result.stdout.fnmatch_lines(["*::test_planned: 20 samples can never show 0.95*; it cannot PASS"])
    assert planned(suite)["test_planned"]["cost_usd"] is None


def test_a_wrong_mark_is_an_error_as_ever(suite: Suite) -> None:
    result = suite.run(TESTS.replace("target=0.95", "target=0.5"), PLAN)
    assert result.ret == 1
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*target is 0.5, not between min_pass_rate and 1*"])
    assert "test_planned" not in planned(suite)
    assert not (suite.path / "fixture").exists()


def test_where_collection_fails_nothing_is_planned_or_run(suite: Suite) -> None:
    result = suite.run("raise RuntimeError", PLAN)
    assert result.ret == 2
    result.stdout.no_fnmatch_line("*llm plan*")


def test_tests_of_others_are_said_to_be_none_of_ours(suite: Suite) -> None:
    result = suite.run(TESTS, PLAN, "-k", "another_kind")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["no test is marked llm_samples"])
    assert plan(suite)["tests"] == []


@pytest.mark.parametrize("how", [(PLAN,), ()])
def test_a_confidence_of_a_half_which_no_plan_can_have_is_an_error_of_usage(
    suite: Suite, how: tuple[str, ...]
) -> None:
    result = suite.run(TESTS, *how, "--llm-confidence=0.5")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*0.5 is not above 0.5 and below 1*"])


def test_it_has_a_twin_in_the_ini_file(suite: Suite) -> None:
    suite.pytester.makeini(INI + "llm_plan = true\n")
    suite.run(TESTS).stdout.fnmatch_lines(["*llm plan*"])
    assert not (suite.path / "fixture").exists()


def test_a_file_that_cannot_be_written_is_an_error_of_usage(suite: Suite) -> None:
    (suite.path / "session.json").mkdir()
    result = suite.run(TESTS, PLAN)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: *session.json: cannot be written*"])


@pytest.mark.slow
def test_no_process_of_xdist_is_started(suite: Suite) -> None:
    suite.pytester.makepyfile(test_suite="import pytest\n" + TESTS)
    result = suite.pytester.runpytest_subprocess(*LOAD, "-p", "xdist", "-n", "2", PLAN)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*llm plan*", "*::test_planned *"])
    result.stdout.no_fnmatch_line("*workers*")
    assert not (suite.path / "fixture").exists()
