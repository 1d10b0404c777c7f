"""Samples of another day beside new ones: neither the verdict nor the report says that they are of today."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from observed import traced

from llm_do_eval.cassette.file.journal import Journal
from llm_do_eval.cassette.file.recording import read_recording
from llm_do_eval.health import Health
from llm_do_eval.journals import journal_files, read_runs
from llm_do_eval.tables.origins import Origins

if TYPE_CHECKING:
    from pathlib import Path

    from llm_suite import Suite

    from evals.standin import StandIn

pytest_plugins = ["pytester"]

TESTS = """
@pytest.mark.llm_samples(2)
async def test_talk(llm_do):
    assert (await llm_do.run("hi")).output
"""
OLD = "2026-01-02"
LINE = f"    recorded {OLD}, openai-chat:stand-in, n=4, 2 replayed; cassettes/*: review before committing"


@pytest.fixture
def old(suite: Suite, provider: StandIn) -> Path:
    """Record two samples, and date them back; the journals of that day are elsewhere."""
    suite.run(TESTS, "--llm-record=once").assert_outcomes(passed=1)
    path = suite.path / "cassettes" / "test_suite" / "test_talk.jsonl"
    today = suite.runs()[0][0]["at"][:10]
    path.write_text(path.read_text(encoding="utf-8").replace(today, OLD), encoding="utf-8")
    (suite.path / ".llm-do").rename(suite.path / "elsewhere")
    assert len(provider.requests) == 2
    return path


def counted(suite: Suite) -> tuple[int, int, str | None, bool]:
    """What a report says: recorded and replayed runs, the first day, and whether another day is the last."""
    origins = Origins()
    for run in read_runs(journal_files([suite.path / ".llm-do" / "runs"]), Health()):
        origins.add(traced(run))
    row = origins.row()
    return row.recorded, row.replayed, row.first, row.last != row.first


def test_samples_that_are_added_do_not_make_the_old_ones_new(suite: Suite, old: Path) -> None:
    result = suite.again("--llm-record=new_episodes", "--llm-samples=4")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([LINE])
    evidence = suite.tests()["test_talk"]["evidence"]
    assert evidence["recorded_at"].startswith(OLD)
    assert (evidence["replayed"], evidence["replayed_samples"], evidence["distinct"]) == (False, 2, 4)
    assert counted(suite) == (2, 2, OLD, True)

    again = suite.again("--llm-samples=4")
    again.stdout.fnmatch_lines([f"    recorded {OLD}, openai-chat:stand-in, n=4, replayed"])
    assert suite.tests()["test_talk"]["evidence"]["replayed_samples"] == 4
    # each replay is newer than the run that recorded it, also of the samples that were added
    assert counted(suite) == (0, 4, OLD, True)
    assert old.is_file()


def test_a_recording_that_goes_on_dates_what_it_had(suite: Suite, old: Path) -> None:
    recording, journal = read_recording(old), Journal(old)
    journal.start("once", recording.meta)
    for each in recording.interactions:
        journal.append(each)
    journal.close()
    old.unlink()
    result = suite.again("--llm-record=once", "--llm-samples=4")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([LINE])
    assert counted(suite) == (2, 2, OLD, True)


def test_what_is_recorded_anew_is_new(suite: Suite, old: Path) -> None:
    for mode in ("all", "rewrite"):
        suite.again(f"--llm-record={mode}", "--llm-samples=1").assert_outcomes(passed=1)
        evidence = suite.tests()["test_talk"]["evidence"]
        assert not evidence["recorded_at"].startswith(OLD)
        assert (evidence["replayed"], evidence["replayed_samples"]) == (False, 0)
    assert counted(suite)[:2] == (1, 0)
    assert OLD not in old.read_text(encoding="utf-8")


def test_a_sample_that_asked_anew_is_not_a_replayed_one(suite: Suite, old: Path, provider: StandIn) -> None:
    twice = TESTS + '    assert (await llm_do.run("and you?")).output\n'
    result = suite.run(twice, "--llm-record=new_episodes")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"    recorded {OLD}, openai-chat:stand-in, n=2; cassettes/*"])
    assert len(provider.requests) == 4
    assert suite.tests()["test_talk"]["evidence"]["replayed_samples"] == 0
    assert old.is_file()
