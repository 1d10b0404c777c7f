"""How often a body runs, in which order and with what of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from llm_suite import Suite

pytest_plugins = ["pytester"]


def test_the_mark_says_how_often_and_the_option_overrides_every_mark(suite: Suite) -> None:
    source = """
async def test_unmarked(sample):
    assert sample.index == 0

@pytest.mark.llm_samples
async def test_once(sample):
    assert sample.index == 0

@pytest.mark.llm_samples(5)
async def test_five(sample):
    assert sample.index < 5

def test_of_others():
    assert True
"""
    suite.run(source).assert_outcomes(passed=4)
    assert {name: test["n"] for name, test in suite.tests().items()} == {"test_once": 1, "test_five": 5}
    suite.again("--llm-samples=7").assert_outcomes(passed=2, failed=2)
    assert {name: test["n"] for name, test in suite.tests().items()} == {"test_once": 7, "test_five": 7}


def test_samples_run_at_the_same_time_up_to_the_limit_and_start_in_order(suite: Suite) -> None:
    source = """
import asyncio

together = asyncio.Barrier(4)
started, running = [], set()

@pytest.mark.llm_samples(12)
async def test_concurrent(sample):
    started.append(sample.index)
    running.add(sample.index)
    assert len(running) <= 4
    await together.wait()
    running.discard(sample.index)

def test_after():
    assert started == list(range(12))
"""
    suite.run(source, "--llm-concurrency=4").assert_outcomes(passed=2)


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_async_tests_need_no_mark_and_share_the_loop_of_their_fixtures(suite: Suite, mode: str) -> None:
    source = """
import asyncio
import pytest_asyncio

made = []

@pytest_asyncio.fixture
async def loop_of_fixture():
    made.append(1)
    yield asyncio.get_running_loop()
    assert asyncio.get_running_loop()

@pytest.mark.llm_samples(3)
async def test_sampled(loop_of_fixture, sample):
    assert asyncio.get_running_loop() is loop_of_fixture
    assert made == [1]

async def test_single(loop_of_fixture, invariant):
    assert asyncio.get_running_loop() is loop_of_fixture
    made.clear()
"""
    suite.run(source, f"--asyncio-mode={mode}").assert_outcomes(passed=2)


def test_tests_that_are_not_async_run_their_samples_one_after_the_other(suite: Suite) -> None:
    source = """
order = []

@pytest.mark.llm_samples(3)
def test_in_turn(llm_do, sample):
    llm_do.use_model(scripted("hello"))
    order.append(sample.index)
    assert llm_do.run_sync("hi").output == "hello"
    order.append(sample.index)

def test_after():
    assert order == [0, 0, 1, 1, 2, 2]
"""
    suite.run(source).assert_outcomes(passed=2)


def test_a_sample_has_a_folder_and_random_numbers_of_its_own(suite: Suite) -> None:
    source = """
import asyncio, json, pathlib

seen = {}

@pytest.mark.llm_samples(3)
async def test_own(sample, tmp_path):
    assert list(sample.tmp_path.iterdir()) == []
    (sample.tmp_path / "note").write_text("mine")
    await asyncio.sleep(0)
    assert sample.tmp_path != tmp_path
    seen[sample.index] = [sample.rng.random(), sample.rng.random()]
    with pathlib.Path("seen.json").open("w") as file:
        json.dump(seen, file)
"""
    suite.run(source).assert_outcomes(passed=1)
    first = (suite.path / "seen.json").read_text(encoding="utf-8")
    assert len(set(first.split())) >= 6
    suite.again("-p", "randomly").assert_outcomes(passed=1)
    assert (suite.path / "seen.json").read_text(encoding="utf-8") == first


def test_what_belongs_to_a_sample_cannot_be_had_in_a_fixture(suite: Suite) -> None:
    source = """
@pytest.fixture
def index(sample):
    return sample.index

def test_wrong(index):
    assert True
"""
    result = suite.run(source)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*sample.index is of one sample: use it in the body of the test*"])


def test_classes_and_parameters_are_sampled_each_for_itself(suite: Suite) -> None:
    source = """
@pytest.mark.llm_samples(2)
class TestGroup:
    @pytest.mark.parametrize("word", ["a", "b"])
    async def test_word(self, word, sample):
        assert word in "ab"

    def test_plain(self, sample):
        assert isinstance(self, TestGroup)
"""
    suite.run(source).assert_outcomes(passed=3)
    assert {name: test["n"] for name, test in suite.tests().items()} == {
        "TestGroup::test_word[a]": 2,
        "TestGroup::test_word[b]": 2,
        "TestGroup::test_plain": 2,
    }


def test_a_skip_in_one_sample_skips_the_test(suite: Suite) -> None:
    source = """
@pytest.mark.llm_samples(5)
async def test_skips(sample):
    if sample.index == 2:
        pytest.skip("not today")
    assert True
"""
    suite.run(source).assert_outcomes(skipped=1)
    assert suite.tests() == {}


def test_the_end_of_the_session_in_one_sample_leaves_nothing_open(suite: Suite) -> None:
    source = """
@pytest.mark.llm_samples(5)
async def test_exits(sample):
    if sample.index == 2:
        pytest.exit("enough")
    assert True
"""
    for _ in range(2):
        result = suite.run(source)
        assert result.ret == pytest.ExitCode.INTERRUPTED
        result.stdout.fnmatch_lines(["*Exit: enough*"])


def test_a_single_test_fails_as_tests_do(suite: Suite) -> None:
    source = """
async def test_single(llm_do):
    llm_do.use_model(scripted("hello"))
    run = await llm_do.run("hi")
    assert run.output == "good bye"
"""
    result = suite.run(source)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([">*assert run.output == *", "E*assert 'hello' == 'good bye'"])
    result.stdout.no_fnmatch_line("*conduct.py*")
    assert suite.tests() == {}
