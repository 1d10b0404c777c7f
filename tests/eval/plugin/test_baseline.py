"""What tests show is saved as a baseline, and a later session is compared with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from llm_suite import Suite

    from evals.standin import StandIn

pytest_plugins = ["pytester"]

TESTS = """
import json, pathlib

FAILS = json.loads(pathlib.Path("fails.json").read_text())

@pytest.mark.llm_samples(20, min_pass_rate=0.1)
async def test_letter(llm_do, sample):
    llm_do.use_model(scripted("yes"))
    run = await llm_do.run("hi")
    assert run.output == "yes" and sample.index >= FAILS.get("letter", 0)

@pytest.mark.llm_samples(20, min_pass_rate=0.1)
async def test_word(llm_do, invariant, sample):
    llm_do.use_model(scripted("yes"))
    run = await llm_do.run("hi")
    invariant("yes", sample.index >= FAILS.get("word", 0), failure="no")
"""

INPUTS = """
import json, pathlib

FAILS = json.loads(pathlib.Path("fails.json").read_text())

@pytest.mark.parametrize("word", ["a", "b", "c"])
@pytest.mark.llm_samples(10, min_pass_rate=0.1)
async def test_words(llm_do, sample, word):
    llm_do.use_model(scripted(word))
    run = await llm_do.run("hi")
    assert run.output == word and sample.index >= FAILS.get(word, 0)
"""


UNCHANGED = (
    "no regression shown: 20/20 -> 20/20, +0 points (p = 1); could still be worse by up to 14 points "
    "(95 % confidence); 20 v 20 samples show a drop from 95.5 % to 80.5 % in * % of cases"
)


def saved(suite: Suite, tests: str = TESTS, **fails: int) -> Suite:
    failing(suite, **fails)
    suite.run(tests, "--llm-baseline=save")
    return suite


def failing(suite: Suite, **fails: int) -> None:
    (suite.path / "fails.json").write_text(json.dumps(fails), encoding="utf-8")


def baseline(suite: Suite) -> dict[str, Any]:
    text = (suite.path / "llm-baseline.json").read_text(encoding="utf-8")
    return {each["test"].partition("::")[2]: each for each in json.loads(text)["tests"]}


def test_a_regression_fails_its_test_whatever_its_own_verdict(suite: Suite) -> None:
    saved(suite)
    failing(suite, word=12)
    result = suite.again("--llm-baseline=compare")
    result.assert_outcomes(passed=1, failed=1)
    assert suite.tests()["test_word"]["verdict"] == "PASS"
    result.stdout.fnmatch_lines(
        [
            "regression: 20/20 -> 8/20, -60 points (p < 0.0001*); the drop could be as large as * points *",
            "  PASS test_word * 8/20 -> true rate *",
            "*= llm baseline =*",
            f"test_suite.py::test_letter: {UNCHANGED}",
            "test_suite.py::test_word: regression: 20/20 -> 8/20, *",
            "  invariant 'yes': regression: *",
            "  labels: changed: 60 % of the labels moved (p = 0.0001)",
        ]
    )
    assert "the session fails" not in result.stdout.str()


@pytest.mark.slow
def test_holm_refutes_more_than_each_test_could(suite: Suite) -> None:
    third = TESTS.partition("@pytest")[2].partition("@pytest")[0].replace("letter", "third")
    saved(suite, f"{TESTS}\n@pytest{third}")
    # .019 of test_letter is above .05 / 3, a third of the level, and below .05 / 2, what Holm leaves it
    failing(suite, word=12, letter=4)
    result = suite.again("--llm-baseline=compare")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["the session fails, seen together: test_suite.py::test_letter"])
    failing(suite, letter=4)
    result = suite.again("--llm-baseline=compare")
    result.assert_outcomes(passed=3)
    assert result.ret == 0


def test_a_test_without_an_entry_is_told_and_not_failed(suite: Suite) -> None:
    failing(suite)
    suite.run(TESTS, "--llm-baseline=save", "-k", "word")
    result = suite.again("--llm-baseline=compare")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["test_suite.py::test_letter: no baseline"])


@pytest.mark.slow
def test_without_a_file_there_is_nothing_to_compare_with(suite: Suite) -> None:
    failing(suite)
    result = suite.run(TESTS, "--llm-baseline=compare")
    assert result.ret == 4
    result.stderr.fnmatch_lines(
        ["ERROR: *llm-baseline.json: there is no baseline; save one with --llm-baseline=save"]
    )


@pytest.mark.slow
@pytest.mark.parametrize("text", ["", "{}", '{"schema": "llm-do-eval/session/v2", "tests": []}', '{"sch'])
def test_what_is_no_baseline_is_neither_compared_nor_replaced(suite: Suite, text: str) -> None:
    failing(suite)
    path = suite.path / "llm-baseline.json"
    path.write_text(text, encoding="utf-8")
    for mode in ("compare", "save"):
        result = suite.run(TESTS, f"--llm-baseline={mode}")
        assert result.ret == 4
        assert result.stderr.str().count("\n") <= 2
        assert path.read_text(encoding="utf-8") == text


@pytest.mark.slow
def test_saving_keeps_the_tests_that_did_not_run(suite: Suite) -> None:
    saved(suite, word=2)
    failing(suite)
    result = suite.again("--llm-baseline=save", "-k", "letter")
    result.stdout.fnmatch_lines(["saved 1 of 2 tests in *llm-baseline.json"])
    assert baseline(suite)["test_word"]["k"] == 18


def test_the_file_has_one_line_a_test_and_is_a_session(suite: Suite) -> None:
    saved(suite)
    lines = (suite.path / "llm-baseline.json").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4
    assert baseline(suite) == suite.tests()


@pytest.mark.slow
def test_the_file_can_be_elsewhere(suite: Suite) -> None:
    failing(suite)
    ini = suite.path / "tox.ini"
    ini.write_text(ini.read_text(encoding="utf-8") + "\nllm_baseline_file = evidence/base.json\n")
    suite.run(TESTS, "--llm-baseline=save")
    assert (suite.path / "evidence" / "base.json").is_file()
    suite.again("--llm-baseline=compare").assert_outcomes(passed=2)


@pytest.mark.slow
def test_a_test_without_verdict_is_not_saved(suite: Suite) -> None:
    failing(suite)
    result = suite.run(
        "@pytest.mark.llm_samples(5, min_pass_rate=0.5, max_infra=0)\n"
        "async def test_down(llm_do):\n"
        "    assert llm_do\n"
        "    raise ConnectionError\n"
        "@pytest.mark.llm_samples(5)\n"
        "async def test_down_too(llm_do, sample):\n"
        "    assert llm_do\n"
        "    from llm_do.errors import RunFailed\n"
        "    raise RunFailed('no answer', error_class='infra')\n",
        "--llm-baseline=save",
    )
    words = {name: each["verdict"] for name, each in suite.tests().items()}
    unsaved = [name for name, word in words.items() if word == "VOID"]
    assert unsaved
    result.stdout.fnmatch_lines([f"test_suite.py::{name}: not saved: VOID: *" for name in unsaved])


@pytest.mark.slow
def test_a_margin_asks_to_be_shown_not_worse(suite: Suite) -> None:
    saved(suite)
    suite.again("--llm-baseline=compare", "--llm-margin=0.2").assert_outcomes(passed=2)
    result = suite.again("--llm-baseline=compare", "--llm-margin=0.1")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ["no regression shown: 20/20 -> 20/20, *; not shown: not worse by 10 points (p = 0.12)"]
    )


def test_inputs_are_compared_together_too(suite: Suite) -> None:
    """Each of three inputs alone shows nothing; the function over all three does."""
    saved(suite, INPUTS)
    failing(suite, a=3, b=3, c=3)
    result = suite.again("--llm-baseline=compare")
    result.assert_outcomes(passed=3)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "test_suite.py::test_words[[]a]: no regression shown: 10/10 -> 7/10, *",
            "test_suite.py::test_words: regression: 30/30 -> 21/30 over 3 inputs, -30 points *",
            "the session fails, seen together: test_suite.py::test_words",
        ]
    )


@pytest.mark.slow
def test_a_margin_is_asked_of_all_inputs_together(suite: Suite) -> None:
    saved(suite, INPUTS)
    result = suite.again("--llm-baseline=compare", "--llm-margin=0.15")
    result.assert_outcomes(passed=3)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["test_suite.py::test_words: *; shown: not worse by 15 points *"])
    assert suite.again("--llm-baseline=compare", "--llm-margin=0.05").ret == 1


@pytest.mark.slow
def test_workers_of_xdist_compare_alike(suite: Suite) -> None:
    saved(suite)
    failing(suite, word=12)
    result = suite.again("-p", "xdist", "-n2", "--llm-baseline=compare")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["*= llm baseline =*", "test_suite.py::test_word: regression: 20/20 -> 8/20, *"]
    )
    result = suite.again("-p", "xdist", "-n2", "--llm-baseline=save")
    assert baseline(suite)["test_word"]["k"] == 8


@pytest.mark.slow
def test_a_regression_fails_an_inconclusive_test_that_may_not_fail(suite: Suite) -> None:
    saved(suite, TESTS.replace("0.1", "0.4"))
    failing(suite, word=12)
    result = suite.again("--llm-baseline=compare", "--llm-inconclusive=xfail")
    result.assert_outcomes(passed=1, failed=1)
    assert suite.tests()["test_word"]["verdict"] == "INCONCLUSIVE"


@pytest.mark.slow
def test_wrong_values_are_refused(suite: Suite) -> None:
    failing(suite)
    assert suite.run(TESTS, "--llm-baseline=keep").ret == 4
    assert suite.run(TESTS, "--llm-margin=5", "--llm-baseline=save").ret == 4
    alone = suite.run(TESTS, "--llm-margin=0.1")
    assert alone.ret == 4
    alone.stderr.fnmatch_lines(["ERROR: --llm-margin is for --llm-baseline=compare; give both"])


RECORDED = """
@pytest.mark.llm_samples(5, min_pass_rate=0.1)
async def test_yes(llm_do):
    assert (await llm_do.run("hi")).output
"""


@pytest.mark.slow
def test_a_replay_of_the_baselines_own_recording_is_nothing_to_compare(
    suite: Suite, provider: StandIn
) -> None:
    suite.run(RECORDED, "--llm-record=once", "--llm-baseline=save").assert_outcomes(passed=1)
    assert len(provider.requests) == 5
    same = "test_suite.py::test_yes: not comparable: both are the same recording (*nothing to compare)"
    for given in ("--llm-margin=0.1", "--llm-samples=3"):
        result = suite.again("--llm-baseline=compare", given)
        assert result.ret == 0
        result.stdout.fnmatch_lines([same])
    result = suite.again("--llm-baseline=compare", "--llm-record=new_episodes", "--llm-samples=8")
    result.stdout.fnmatch_lines([same])
    result = suite.again("--llm-baseline=compare", "--llm-record=rewrite")
    result.stdout.fnmatch_lines(
        ["test_suite.py::test_yes: no regression shown: 5/5 -> 5/5, *", "  latency_s: *"]
    )
    result = suite.again("--llm-baseline=compare")
    result.stdout.fnmatch_lines(["test_suite.py::test_yes: no regression shown: 5/5 -> 5/5, *"])


@pytest.mark.slow
def test_other_models_and_prompts_are_named(
    suite: Suite, provider: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite.run(RECORDED, "--llm-record=once", "--llm-baseline=save").assert_outcomes(passed=1)
    assert len(provider.requests) == 5
    worker = suite.path / "project" / "triage.worker"
    worker.write_text(worker.read_text(encoding="utf-8") + "Be brief.\n", encoding="utf-8")
    monkeypatch.setenv("LLM_DO_MODEL", "openai-chat:other")
    result = suite.again("--llm-baseline=compare", "--llm-record=live")
    result.stdout.fnmatch_lines(
        ["  model: openai-chat:stand-in -> openai-chat:other", "  worker 'triage' changed"]
    )


@pytest.mark.slow
def test_with_a_baseline_no_test_stops_early(suite: Suite, provider: StandIn) -> None:
    source = RECORDED.replace("(5, min_pass_rate=0.1)", "(60, min_pass_rate=0.7)")
    suite.run(source, "--llm-record=once").assert_outcomes(passed=1)
    stopped = suite.tests()["test_yes"]
    assert stopped["stopped"]
    assert stopped["n"] == len(stopped["samples"]) == len(provider.requests) < 60
    result = suite.again("--llm-baseline=save")
    result.stdout.fnmatch_lines(["test_suite.py::test_yes: not saved: it was stopped early, *"])
    assert not (suite.path / "llm-baseline.json").exists()
    suite.again("--llm-record=rewrite", "--llm-baseline=save").assert_outcomes(passed=1)
    assert baseline(suite)["test_yes"]["n"] == 60
