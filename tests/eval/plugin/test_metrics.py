"""pass^k and pass@k beside the verdict, and what the inputs of a function show together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from llm_suite import Suite

pytest_plugins = ["pytester"]

TESTS = """
@pytest.mark.llm_samples(10, min_pass_rate=0.4)
@pytest.mark.parametrize("fails", [0, 1, 2], ids=["a", "b[c]::d", "e"])
async def test_inputs(sample, fails):
    assert sample.index >= fails

@pytest.mark.llm_samples(10, min_pass_rate=0.4)
async def test_alone(sample):
    assert sample.index
"""


def test_metrics_are_computed_for_each_test_and_over_the_inputs_of_a_function(suite: Suite) -> None:
    result = suite.run(TESTS, "--llm-metric=pass^3,pass@2")
    result.assert_outcomes(passed=4)
    tests = suite.tests()
    assert tests["test_alone"]["metrics"]["pass^3"]["value"] == pytest.approx(84 / 120)
    assert tests["test_inputs[e]"]["metrics"]["pass@2"]["value"] == pytest.approx(44 / 45)
    assert tests["test_inputs[e]"]["function"] == "test_suite.py::test_inputs"
    [family] = json.loads((suite.path / "session.json").read_text(encoding="utf-8"))["families"]
    assert (family["function"], family["inputs"], family["left_out"]) == ("test_suite.py::test_inputs", 3, 0)
    assert family["these_inputs"]["k"] == 27
    assert family["new_inputs"]["bound"] < family["these_inputs"]["bound"] < 0.9
    assert family["metrics"]["pass^3"]["value"] == pytest.approx((1 + 84 / 120 + 56 / 120) / 3)
    result.stdout.fnmatch_lines(
        [
            "  PASS test_alone * 9/10 -> true rate *",
            "    pass^3: 70 %, between 22.2 % and 98.5 % (95 % confidence each)",
            "    pass@2: 100 %, *",
            "test_suite.py::test_inputs: 3 inputs, 27/30 samples passed",
            "  these inputs: mean pass rate >= 76.1 % (pooled, 95 % confidence)",
            "  inputs like these: pass rate >= * % (approximate, KG+, 3 inputs, 95 % confidence)",
            "  mean over inputs, pass^3: 72.2 %, between * (95 % confidence each)",
        ]
    )


def test_without_the_option_nothing_is_computed(suite: Suite) -> None:
    result = suite.run(TESTS)
    assert all(test["metrics"] == {} for test in suite.tests().values())
    result.stdout.no_fnmatch_line("*pass^*")
    result.stdout.fnmatch_lines(["test_suite.py::test_inputs: 3 inputs, 27/30 samples passed"])


def test_an_ini_file_names_metrics_too(suite: Suite) -> None:
    suite.run(TESTS, "-o", "llm_metric=pass^2").assert_outcomes(passed=4)
    assert list(suite.tests()["test_alone"]["metrics"]) == ["pass^2"]


def test_an_unknown_metric_is_a_usage_error_that_names_those_known(suite: Suite) -> None:
    result = suite.pytester.runpytest_subprocess("--llm-metric=recall", "-p", "llm_do_eval.plugin")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    known = "'recall' is no metric; known: pass^K (all of K pass) and pass@K*"
    result.stderr.fnmatch_lines([f"*{known}"])
    result = suite.run(TESTS, "-o", "llm_metric=recall")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: ini option llm_metric: {known}"])


def test_kinds_of_failures_are_counted_and_labels_win(suite: Suite) -> None:
    source = """
from llm_do.runtime import RunApprovalPolicy

@pytest.mark.llm_samples(12, min_pass_rate=0.1)
async def test_kinds(sample, invariant, llm_do):
    invariant("queue", sample.index != 1)
    invariant("true", sample.index != 2, failure="hallucination")
    assert sample.index != 3
    if sample.index == 4:
        raise TimeoutError
    if sample.index == 5:
        pytest.fail("no")
    if sample.index in (6, 7, 8):
        wrong = {6: [("nosuch", {})], 7: [("lookup_order", {"bad": 1})], 8: ""}[sample.index]
        llm_do.use_model(scripted(*[wrong] * 3))
        await llm_do.run("triage", "hi")
    if sample.index == 9:
        raise KeyError("x")
"""
    result = suite.run(source)
    [test] = suite.tests().values()
    assert test["failures"] == {
        "invariant": 1,
        "hallucination": 1,
        "assertion": 2,
        "timeout": 1,
        "tool_misuse": 2,
        "empty": 1,
    }
    assert test["outcomes"] == {"pass": 3, "fail": 8, "error": 1, "infra": 0}
    result.stdout.fnmatch_lines(
        [
            "    failures: assertion in 2, empty in 1, hallucination in 1, invariant in 1,",
            "    timeout in 1, tool_misuse in 2",
        ]
    )
