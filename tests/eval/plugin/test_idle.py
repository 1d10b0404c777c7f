"""The plugin leaves alone what does not use it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from llm_suite import Suite

pytest_plugins = ["pytester"]

HEAVY = ("pydantic", "pydantic_ai", "jinja2", "vcr", "scipy", "llm_do", "asyncio")


def test_importing_it_loads_pytest_and_the_standard_library_only() -> None:
    code = (
        "import sys, pytest\n"
        "before = set(sys.modules)\n"
        "import llm_do_eval.plugin\n"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "llm_do_eval" in loaded
    assert loaded - {"llm_do_eval"} <= set(sys.stdlib_module_names)
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.slow
def test_a_suite_that_does_not_use_it_loads_nothing_more(suite: Suite) -> None:
    suite.pytester.makepyfile(
        test_others=f"""
import sys
import pytest

@pytest.fixture
def stub():
    return "mine"

@pytest.fixture
def sample(stub):
    return stub

def test_own_fixtures(stub, sample):
    assert (stub, sample) == ("mine", "mine")
    assert [name for name in {HEAVY[:-1]!r} if name in sys.modules] == []

@pytest.mark.skip
async def test_async(stub):
    pass
"""
    )
    result = suite.pytester.runpytest_subprocess("-p", "llm_do_eval.plugin", "-p", "asyncio")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.no_fnmatch_line("*llm samples*")


def test_own_fixtures_of_these_names_are_none_of_ours(suite: Suite) -> None:
    source = """
@pytest.fixture
def stub():
    return lambda *given: given

@pytest.fixture
def invariant():
    return 7

async def test_theirs(stub):
    assert True

def test_plain(stub, invariant):
    assert stub("nobody", invariant) == ("nobody", 7)
"""
    suite.pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    result = suite.run(source)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["async def functions are not natively supported.*"])


def test_an_own_fixture_that_builds_on_ours_is_ours(suite: Suite) -> None:
    source = """
@pytest.fixture
def llm_do(llm_do):
    llm_do.use_model(scripted("from the fixture"))
    return llm_do

async def test_built(llm_do):
    assert (await llm_do.run("hi")).output == "from the fixture"
"""
    suite.run(source).assert_outcomes(passed=1)


def test_a_test_that_is_skipped_opens_nothing(suite: Suite) -> None:
    source = """
@pytest.mark.skip
async def test_skipped(llm_do):
    assert True
"""
    suite.run(source, "--llm-record=rewrite").assert_outcomes(skipped=1)
    assert not (suite.path / "cassettes").exists()
