"""Tests that cannot find anything wrong: each such defect is a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from llm_suite import Suite

pytest_plugins = ["pytester"]


@pytest.mark.parametrize("mark", ["", "@pytest.mark.llm_samples(3)"])
@pytest.mark.parametrize("kind", ["async def", "def"])
def test_a_coroutine_that_nobody_awaited(suite: Suite, mark: str, kind: str) -> None:
    source = f"""
{mark}
{kind} test_forgot(llm_do):
    llm_do.use_model(scripted("hello"))
    llm_do.run("hi")
    assert True
"""
    result = suite.run(source)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*coroutine 'LlmDo.run' was never awaited; put await before the call"])


def test_a_coroutine_of_the_test_itself_that_nobody_awaited(suite: Suite) -> None:
    source = """
async def check(run):
    assert run is None

@pytest.mark.llm_samples(4, min_pass_rate=0.4)
async def test_forgot(sample):
    if sample.index == 2:
        check("wrong")
    else:
        await check(None)
"""
    result = suite.run(source)
    assert suite.tests()["test_forgot"]["outcomes"] == {"pass": 3, "fail": 1, "error": 0, "infra": 0}
    result.stdout.fnmatch_lines(["*sample 2 (fail): coroutine 'check' was never awaited*"])


def test_other_warnings_go_their_usual_way(suite: Suite) -> None:
    source = """
import warnings

@pytest.mark.llm_samples(1)
async def test_warns(sample):
    warnings.warn("mind the gap", ImportWarning, stacklevel=1)
    with pytest.warns(RuntimeWarning):
        warnings.warn("caught", RuntimeWarning, stacklevel=1)
    assert True
"""
    result = suite.run(source, "-W", "default::ImportWarning")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*ImportWarning: mind the gap*"])


def test_a_sampled_test_that_asserts_nothing_costs_nothing(suite: Suite) -> None:
    suite.pytester.makeconftest("def check(run):\n    assert run\n\ndef look(run):\n    return run\n")
    source = """
from conftest import check, look

def deeper(run):
    check(run)

async def test_unmarked(sample):
    look(sample)

@pytest.mark.llm_samples(3)
async def test_nothing(sample):
    look(sample)
    raise ValueError("never reached")

@pytest.mark.llm_samples(3)
async def test_by_conftest(sample):
    deeper(sample)

@pytest.mark.llm_samples(3)
async def test_by_raises(sample):
    with pytest.raises(ZeroDivisionError):
        1 / 0

@pytest.mark.llm_samples(3)
async def test_by_fail(sample):
    if sample.index > 5:
        pytest.fail("six")

@pytest.mark.llm_samples(3)
async def test_by_invariant(invariant):
    invariant("name", True)
"""
    result = suite.run(source)
    result.assert_outcomes(passed=5, failed=1)
    result.stdout.fnmatch_lines(["test_nothing asserts nothing: neither it nor a function of its module*"])
    result.stdout.no_fnmatch_line("*never reached*")


@pytest.mark.parametrize("mark", ["", "@pytest.mark.llm_samples(3)"])
def test_a_stub_that_nothing_calls(suite: Suite, mark: str) -> None:
    source = f"""
{mark}
async def test_unused(llm_do, stub):
    stub("classifier", "billing")
    llm_do.use_model(scripted("hello"))
    assert (await llm_do.run("hi")).output == "hello"
"""
    result = suite.run(source)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*stub 'classifier' was never used: nothing called 'classifier'; remove the stub"]
    )


def test_a_stub_of_a_fixture_has_to_be_used_by_one_sample(suite: Suite) -> None:
    source = """
@pytest.fixture
def stubbed(stub):
    stub("classifier", "billing")

@pytest.mark.llm_samples(3)
async def test_never(llm_do, stubbed):
    llm_do.use_model(scripted("hello"))
    assert (await llm_do.run("hi")).output == "hello"

@pytest.mark.llm_samples(3)
async def test_once(llm_do, stubbed, sample):
    steps = [[("classifier", {"input": "x"})], "done"] if sample.index == 1 else ["done"]
    llm_do.use_model(scripted(*steps))
    assert (await llm_do.run("hi")).output == "done"
"""
    result = suite.run(source)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["FAIL: 3/3 samples passed; stub 'classifier' was never used: *"])


def test_a_fixture_by_its_name_only_comes_too_late(suite: Suite) -> None:
    source = """
def test_late(request):
    request.getfixturevalue("llm_do")
"""
    result = suite.run(source)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*'llm_do' comes too late by getfixturevalue: name it as a parameter*"])
