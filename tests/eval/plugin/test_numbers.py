"""Numbers as invariants: each sample keeps to a limit, or a quantile over all of them does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from llm_suite import Suite

    from evals.standin import StandIn

pytest_plugins = ["pytester"]


def test_a_number_has_a_rate_and_shows_its_values(suite: Suite) -> None:
    source = """
@pytest.mark.llm_samples(20, min_pass_rate=0.7)
async def test_count(invariant, sample):
    invariant.at_most("steps", sample.index % 10, 8)
    invariant.at_least("score", 1.5, 1)
"""
    result = suite.run(source)
    result.assert_outcomes(passed=1)
    [test] = suite.tests().values()
    steps, score = test["invariants"]
    assert (test["k"], steps["k"], score["k"]) == (18, 18, 20)
    assert (steps["side"], steps["limit"], steps["quantile"]) == ("at most", 8.0, None)
    assert steps["values"]["each"] == [float(each % 10) for each in range(20)]
    assert (steps["values"]["median"], score["values"]["median"]) == (4.0, 1.5)
    result.stdout.fnmatch_lines(
        [
            "    PASS steps at most 8 *18/20 -> true rate *",
            "        18/20 held; *",
            "        confidence); median 4 (0 to 9)",
        ]
    )


def test_a_quantile_is_judged_by_its_own_rate_and_fails_no_sample(suite: Suite) -> None:
    source = """
@pytest.mark.llm_samples(100, min_pass_rate=0.9)
async def test_quantile(invariant, sample):
    fast = invariant.at_most("latency", 9 if sample.index == 50 else 3, 8, quantile=0.95)
    assert fast is (sample.index != 50)

@pytest.mark.llm_samples(20)
async def test_too_few(invariant):
    invariant.at_most("latency", 3, 8, quantile=0.95)

@pytest.mark.llm_samples(20)
async def test_too_slow(invariant, sample):
    invariant.at_most("latency", 9 if sample.index % 2 else None, 8, quantile=0.95)
"""
    result = suite.run(source)
    result.assert_outcomes(passed=1, failed=2)
    tests = suite.tests()
    shown, few, slow = (tests[f"test_{name}"] for name in ("quantile", "too_few", "too_slow"))
    assert (shown["verdict"], shown["k"]) == ("PASS", 100)
    [latency] = shown["invariants"]
    assert (latency["verdict"], latency["k"], latency["n"], latency["min_pass_rate"]) == (
        "PASS",
        99,
        100,
        0.95,
    )
    assert (latency["quantile"], latency["values"]["quantile"], latency["values"]["bound"]) == (
        0.95,
        3.0,
        3.0,
    )
    assert (few["verdict"], few["k"], few["n"]) == ("INCONCLUSIVE", 20, 20)
    assert "20 samples can never show p95; it needs >= 59 (all at most 8)" in few["invariants"][0]["sentence"]
    assert few["sentence"] == "20/20 samples passed; INCONCLUSIVE by invariant 'latency'"
    assert (slow["verdict"], slow["k"]) == ("FAIL", 20)
    assert slow["invariants"][0]["values"]["each"][:2] == [None, 9.0]
    result.stdout.fnmatch_lines(
        ["    FAIL latency at most 8 *0/20 *< 0.95", "        0/20 at most 8; shown: p95 not at most 8 (*"]
    )


def test_a_value_that_is_none_fails_its_sample_with_the_reason(suite: Suite) -> None:
    source = """
async def test_single(invariant):
    invariant.at_most("cost", None, 0.1)

@pytest.mark.llm_samples(2, min_pass_rate=0.1, must_pass=["cost"])
async def test_sampled(invariant, sample):
    invariant.at_most("cost", float("nan") if sample.index else 0.05, 0.1, failure="price")
"""
    result = suite.run(source)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["invariant 'cost' is None, not at most 0.1"])
    result.stdout.fnmatch_lines(["  sample 1 (fail): invariant 'cost' is nan, not at most 0.1"])
    assert suite.tests()["test_sampled"]["failures"] == {"price": 1}


def test_a_quantile_of_one_run_is_refused(suite: Suite) -> None:
    source = """
async def test_single(invariant):
    invariant.at_most("latency", 1, 8, quantile=0.95)
"""
    result = suite.run(source)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["invariant 'latency' claims a quantile, which takes samples: mark the test llm_samples"]
    )


@pytest.mark.parametrize("call", ["at_most('x', 1, 2)", "at_least('x', 1, 2)"])
def test_numbers_belong_to_the_body(suite: Suite, call: str) -> None:
    source = f"""
@pytest.fixture
def early(invariant):
    invariant.{call}

async def test_fixture(early, invariant):
    invariant("fine", True)
"""
    result = suite.run(source)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*invariant.{call.partition('(')[0]} is of one sample*"])


@pytest.mark.slow
@pytest.mark.parametrize(("claim", "requests"), [(", quantile=0.95", 75), ("", 18)])
def test_a_plan_for_the_pass_rate_does_not_cut_a_quantile_short(
    suite: Suite, provider: StandIn, claim: str, requests: int
) -> None:
    source = f"""
@pytest.mark.llm_samples(75, min_pass_rate=0.8, target=0.95)
async def test_both(llm_do, invariant):
    run = await llm_do.run("hi")
    invariant.at_most("calls", run.usage.requests, 1{claim})
"""
    suite.run(source, "--llm-record=once", "--llm-concurrency=1").assert_outcomes(passed=1)
    assert len(provider.requests) == requests
    [test] = suite.tests().values()
    assert (test["stopped"], test["n"]) == (True, 18)
    [calls] = test["invariants"]
    assert (calls["verdict"], calls["n"]) == ("PASS", requests)
    again = suite.again()
    again.assert_outcomes(passed=1)
    assert suite.tests()["test_both"]["invariants"] == [calls]
