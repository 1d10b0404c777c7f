"""Answers that were given before count once, and models that change are told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from llm_suite import Suite

    from evals.standin import StandIn

pytest_plugins = ["pytester"]

TESTS = """
@pytest.mark.llm_samples(6)
async def test_talk(llm_do, sample):
    assert (await llm_do.run("hi")).output
    assert sample.index != 4
"""


def edited(path: Path, change: Callable[[int, dict[str, Any]], None]) -> None:
    """Change the answers of a recording, each with its sample."""
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    kept = [head]
    for line in lines:
        recorded = json.loads(line)
        body = json.loads(recorded["response"]["text"])
        change(recorded["sample"], body)
        recorded["response"]["text"] = json.dumps(body)
        kept.append(json.dumps(recorded))
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")


def recorded(suite: Suite) -> Path:
    suite.run(TESTS, "--llm-record=once")
    return suite.path / "cassettes" / "test_suite" / "test_talk.jsonl"


def test_answers_that_a_cache_gave_again_count_once(suite: Suite, provider: StandIn) -> None:
    path = recorded(suite)
    assert len(provider.requests) == 6
    before = suite.tests()["test_talk"]
    assert (before["k"], before["n"], before["evidence"]["distinct"], before["warnings"]) == (5, 6, 6, [])

    def _cached(sample: int, body: dict[str, Any]) -> None:
        if sample >= 3:
            body |= {"id": "chatcmpl-cached", "created": 1_700_000_000}

    edited(path, _cached)
    suite.again().assert_outcomes(failed=1)
    after = suite.tests()["test_talk"]
    # the sample that failed had the answer of one that passed
    assert (after["k"], after["n"], after["evidence"]["distinct"]) == (4, 4, 4)
    assert after["sentence"] == "4/4 samples passed; sample 4 failed with answers that had been given before"
    [warning] = after["warnings"]
    assert warning.startswith("2 of 6 samples got only answers that the provider had given before")
    suite.run(TESTS.replace("(6)", "(6, min_pass_rate=0.4)")).assert_outcomes(passed=1)
    after = suite.tests()["test_talk"]
    assert (after["verdict"], after["k"], after["n"]) == ("PASS", 4, 4)


def test_one_id_at_two_times_is_two_answers(suite: Suite, provider: StandIn) -> None:
    path = recorded(suite)

    def _numbered(sample: int, body: dict[str, Any]) -> None:
        body |= {"id": "chatcmpl-1", "created": 1_700_000_000 + sample}

    edited(path, _numbered)
    suite.again()
    assert suite.tests()["test_talk"]["evidence"]["distinct"] == 6
    assert len(provider.requests) == 6


def test_a_model_that_changes_under_its_name_is_told(suite: Suite, provider: StandIn) -> None:
    path = recorded(suite)
    edited(path, lambda sample, body: body.update(model="m-2" if sample > 3 else "m-1"))
    result = suite.again()
    assert len(provider.requests) == 6
    [warning] = suite.tests()["test_talk"]["warnings"]
    assert warning.startswith("openai-chat:stand-in stood for different models")
    assert "m-1 4/4, m-2 1/2 samples passed" in warning
    result.stdout.fnmatch_lines(["*warning: openai-chat:stand-in stood for different models*"])


def test_temperature_zero_and_drift_are_warned_of(suite: Suite, provider: StandIn) -> None:
    worker = suite.path / "project" / "triage.worker"
    text = worker.read_text(encoding="utf-8")
    worker.write_text(text.replace("entry: true", "entry: true\ntemperature: 0"), encoding="utf-8")
    source = """
@pytest.mark.llm_samples(24, min_pass_rate=0.3, stop="fixed")
async def test_talk(llm_do, sample):
    assert (await llm_do.run("hi")).output
    assert sample.index < 14
"""
    suite.run(source, "--llm-record=once")
    assert len(provider.requests) == 24
    fixed, sticks, drifts = suite.tests()["test_talk"]["warnings"]
    assert fixed.startswith("temperature 0 or a fixed seed: samples are not independent, and all 24")
    assert sticks.startswith("outcomes stick together (runs test, p = ")
    assert drifts.startswith("the rate changed on the way (cumulative sum, p = ")
    assert "12/12, then 2/12 passed): read the rate as an average over the run" in drifts


def test_the_journal_says_which_answers_a_call_got(suite: Suite, provider: StandIn) -> None:
    suite.run(TESTS, "--llm-record=live", "--llm-samples=1")
    assert provider.requests
    [run] = suite.runs()
    [call] = [line for line in run if line["kind"] == "call"]
    [answer] = call["responses"]
    assert answer["id"].startswith("chatcmpl-")
    assert (answer["model"], bool(answer["at"])) == ("stand-in", True)
