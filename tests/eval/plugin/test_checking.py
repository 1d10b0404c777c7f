"""`--llm-check-cassettes` fails a session that replays where something is wrong with its cassettes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from llm_suite import INI, LOAD

from evals.standin import Reply, StandIn

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from llm_suite import Suite

    from evals.standin import Request

pytest_plugins = ["pytester"]

CHECK = "--llm-check-cassettes"
TESTS = """
@pytest.mark.llm_samples(3)
async def test_orders(llm_do, sample):
    first = await llm_do.run("classifier", "where is my order?")
    second = await llm_do.run("classifier", "and my refund?")
    assert first.output and second.output

async def test_single(llm_do):
    assert (await llm_do.run("classifier", "hello")).output

def test_of_another_kind():
    assert True
"""
COMMAND = "record it anew: pytest --llm-record=rewrite test_suite.py::"
ORDERS = "cassettes/test_suite/test_orders.jsonl"


def clerk(request: Request, rng: random.Random) -> Reply:
    """Say something that no other conversation says."""
    del request
    return Reply(f"{rng.randrange(10**9)}")


@pytest.fixture
def suite(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """A suite whose tests have been recorded; the provider is gone."""
    with StandIn(clerk) as provider, monkeypatch.context() as patched:
        for name, value in provider.environ.items():
            patched.setenv(name, value)
        patched.setenv("LLM_DO_MODEL", "openai-chat:stand-in")
        suite.run(TESTS, "--llm-record=rewrite").assert_outcomes(passed=3)
    return suite


def folder(suite: Suite) -> Path:
    return suite.path / "cassettes" / "test_suite"


def findings(result: pytest.RunResult) -> list[str]:
    """Return what the section says of cassettes, without its last line."""
    lines = result.outlines[
        result.outlines.index(next(each for each in result.outlines if "llm cassettes" in each)) :
    ]
    end = next(number for number, line in enumerate(lines) if line.endswith((" finding", " findings")))
    noun = "finding" if end == 2 else "findings"
    assert lines[end].endswith(f", {end - 1} {noun}")
    return lines[1:end]


def test_cassettes_in_order_pass(suite: Suite) -> None:
    result = suite.again(CHECK)
    result.assert_outcomes(passed=3)
    assert result.ret == 0
    assert findings(result) == []
    result.stdout.fnmatch_lines(["2 cassettes, 0 findings"])
    meta = json.loads((folder(suite) / "test_orders.jsonl").read_bytes().partition(b"\n")[0])
    assert meta["workers"]["classifier"]["file"] == "../../project/classifier.worker"


def test_nothing_is_checked_unless_it_is_asked_for(suite: Suite) -> None:
    (folder(suite) / "test_gone.jsonl").write_text("torn", encoding="utf-8")
    result = suite.again()
    assert result.ret == 0
    assert "llm cassettes" not in result.stdout.str()


def test_recordings_that_are_not_played_fail(suite: Suite) -> None:
    fewer = TESTS.replace('second = await llm_do.run("classifier", "and my refund?")', "second = first")
    assert fewer != TESTS
    result = suite.run(fewer, CHECK)
    result.assert_outcomes(passed=3)
    assert result.ret == 1
    assert findings(result) == [
        f"{ORDERS}: unplayed: 3 recorded requests of samples 0..2 were not sent again; {COMMAND}test_orders"
    ]
    result = suite.again(CHECK, "--llm-samples=2", "-k", "orders")
    assert "2 recorded requests of samples 0..1" in findings(result)[0]


def test_a_smaller_number_of_samples_leaves_nothing_unplayed(suite: Suite) -> None:
    assert findings(suite.again(CHECK, "--llm-samples=2")) == []


def test_a_test_that_asks_nobody_any_more_is_unplayed(suite: Suite) -> None:
    quiet = TESTS.replace('(await llm_do.run("classifier", "hello")).output', "True")
    assert "test_single.jsonl: unplayed: 1 recorded" in findings(suite.run(quiet, CHECK))[0]


def test_an_orphan_is_found_where_its_module_was_collected_as_a_whole(suite: Suite) -> None:
    gone = folder(suite) / "test_gone.jsonl"
    gone.write_bytes((folder(suite) / "test_single.jsonl").read_bytes())
    orphan = (
        "cassettes/test_suite/test_gone.jsonl: orphan: test_suite.py has no test 'test_gone'; "
        "delete the file, or rename it to its test"
    )
    result = suite.again(CHECK)
    result.assert_outcomes(passed=3)
    assert (result.ret, findings(result)) == (1, [orphan])
    assert findings(suite.again(CHECK, "-k", "single")) == [orphan]
    assert findings(suite.again(CHECK, "test_suite.py::test_single")) == []


def test_a_changed_worker_is_stale_though_its_requests_are_the_same(suite: Suite) -> None:
    worker = suite.path / "project" / "classifier.worker"
    worker.write_text(
        worker.read_text("utf-8").replace("---\nYou", "description: of tickets\n---\nYou"), "utf-8"
    )
    result = suite.again(CHECK)
    result.assert_outcomes(passed=3)
    assert result.ret == 1
    assert findings(result) == [
        f"cassettes/test_suite/{name}.jsonl: stale: worker 'classifier' (project/classifier.worker) "
        f"changed since it was recorded; {COMMAND}{name}"
        for name in ("test_orders", "test_single")
    ]


def test_a_secret_is_found(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_PASSWORD", "my refund?")
    [finding] = findings(suite.again(CHECK))
    assert finding.startswith("cassettes/test_suite/test_orders.jsonl: secret: ")
    assert "my refund?" not in finding


def test_size_and_age_are_ini_keys(suite: Suite) -> None:
    suite.pytester.makeini(INI + "llm_check_cassettes = true\nllm_cassette_max_bytes = 2000\n")
    [finding] = findings(suite.again())
    assert finding.startswith("cassettes/test_suite/test_orders.jsonl: oversized: ")
    suite.pytester.makeini(INI + "llm_check_cassettes = true\nllm_cassette_max_age = 1\n")
    assert findings(suite.again()) == []
    suite.pytester.makeini(INI + "llm_check_cassettes = true\nllm_cassette_max_age = 0\n")
    assert [" stale: recorded 0 days ago" in each for each in findings(suite.again())] == [True, True]


def test_a_foreign_version_and_what_a_recording_left_are_found(suite: Suite) -> None:
    path = folder(suite) / "test_single.jsonl"
    path.write_text(path.read_text("utf-8").replace("cassette/v1", "cassette/v7"), "utf-8")
    (folder(suite) / "test_orders.jsonl.unclean").write_text("{}", "utf-8")
    result = suite.again(CHECK)
    assert result.ret == 1
    assert [each.split(": ")[:2] for each in findings(result)] == [
        ["cassettes/test_suite/test_orders.jsonl.unclean", "left over"],
        ["cassettes/test_suite/test_single.jsonl", "foreign version"],
    ]


def test_a_session_that_records_is_not_checked(suite: Suite) -> None:
    (folder(suite) / "test_gone.jsonl").write_text("torn", encoding="utf-8")
    result = suite.again(CHECK, "--llm-record=new_episodes")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["not checked: --llm-record=new_episodes replays nothing"])


def test_failures_stay_failures(suite: Suite) -> None:
    failing = TESTS + "\ndef test_failing():\n    assert False\n"
    result = suite.run(failing, CHECK)
    result.assert_outcomes(passed=3, failed=1)
    assert (result.ret, findings(result)) == (1, [])


@pytest.mark.slow
def test_processes_of_xdist_report_to_the_one_that_checks(suite: Suite) -> None:
    words = ("-p", "xdist", "-n", "2", CHECK)
    assert findings(suite.pytester.runpytest_subprocess(*LOAD, *words)) == []
    (folder(suite) / "test_gone.jsonl").write_bytes((folder(suite) / "test_single.jsonl").read_bytes())
    fewer = TESTS.replace('second = await llm_do.run("classifier", "and my refund?")', "second = first")
    suite.pytester.makepyfile(test_suite="import pytest\n" + fewer)
    result = suite.pytester.runpytest_subprocess(*LOAD, *words)
    result.assert_outcomes(passed=3)
    assert result.ret == 1
    assert [each.split(": ")[:2] for each in findings(result)] == [
        ["cassettes/test_suite/test_gone.jsonl", "orphan"],
        ["cassettes/test_suite/test_orders.jsonl", "unplayed"],
    ]


def test_what_does_not_count_is_an_ini_key(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    suite.pytester.makeini(INI + "llm_normalize =\n    hello.* -> <greeting>\n")
    varied = TESTS.replace('"hello"', '"hello at 12:31"')
    suite.run(varied).assert_outcomes(passed=3)
    suite.pytester.makeini(INI)
    suite.again().assert_outcomes(passed=2, failed=1)
    suite.pytester.makeini(INI + "llm_normalize =\n    ( -> x\n")
    result = suite.again()
    result.stdout.fnmatch_lines(["*llm_normalize: * is no regular expression*"])
    assert result.ret != 0
    del monkeypatch
