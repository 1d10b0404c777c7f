"""What a session says about secrets: that some were replaced, and where one was not recorded."""

from __future__ import annotations

import base64
import gzip
from typing import TYPE_CHECKING

import pytest

from evals.standin import Reply, StandIn

if TYPE_CHECKING:
    import random
    from collections.abc import Generator

    from llm_suite import Suite

    from evals.standin import Request

pytest_plugins = ["pytester"]

PASSWORD = "opensesame-1"
TESTS = """
@pytest.mark.llm_samples(3)
async def test_orders(llm_do):
    run = await llm_do.run("The word is WORD.")
    assert run.output == "Noted."
"""


def quiet(_request: Request, _rng: random.Random) -> Reply:
    return Reply("Noted.")


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Generator[StandIn]:
    with StandIn(quiet) as running:
        for name, value in running.environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("LLM_DO_MODEL", "openai-chat:stand-in")
        monkeypatch.setenv("SOME_PASSWORD", PASSWORD)
        yield running


def test_replaced_secrets_are_counted_while_recording(suite: Suite, provider: StandIn) -> None:
    result = suite.run(TESTS.replace("WORD", PASSWORD), "--llm-record=once")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["*test_orders.jsonl: review before committing; secrets were replaced in 3 of its bodies"]
    )
    provider.stop()
    suite.again().assert_outcomes(passed=1)


def test_recordings_without_secrets_say_nothing_of_them(suite: Suite, provider: StandIn) -> None:
    result = suite.run(TESTS, "--llm-record=once")
    result.stdout.fnmatch_lines(["*test_orders.jsonl: review before committing"])
    assert len(provider.requests) == 3


def test_a_secret_in_another_form_ends_the_recording_and_names_the_place(
    suite: Suite, provider: StandIn
) -> None:
    hidden = base64.b64encode(gzip.compress(PASSWORD.encode())).decode()
    result = suite.run(TESTS.replace("WORD", hidden), "--llm-record=once", "--llm-concurrency=1")
    assert result.ret != 0
    result.stdout.fnmatch_lines(
        ["*seq 0: request.body.* holds the value of SOME_PASSWORD, in base64 of gzip*"]
    )
    assert PASSWORD not in result.stdout.str()
    assert len(provider.requests) == 1
    assert not list(suite.path.rglob("*.jsonl.journal"))
    assert not list((suite.path / "cassettes").rglob("*.jsonl"))


LATE = """
import os
import pytest

@pytest.fixture
def password(monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", "SAID")

@pytest.mark.llm_samples(2)
async def test_orders(llm_do, sample, password):
    run = await llm_do.run("The word is SAID.")
    assert run.output == "Noted."
"""


def test_a_variable_that_a_fixture_sets_is_a_secret(suite: Suite, provider: StandIn) -> None:
    word = "hunter2-hunter2"
    result = suite.run(LATE.replace("SAID", word), "--llm-record=once")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*secrets were replaced in 2 of its bodies"])
    content = (suite.path / "cassettes" / "test_suite" / "test_orders.jsonl").read_text("utf-8")
    assert word not in content
    assert "The word is <env-secret>." in content
    provider.stop()
    suite.again().assert_outcomes(passed=1)


def test_a_variable_that_a_fixture_sets_is_looked_for_in_other_forms(suite: Suite, provider: StandIn) -> None:
    word = "hunter2-hunter2"
    hidden = base64.b64encode(gzip.compress(word.encode())).decode()
    tests = LATE.replace('"SAID"', f'"{word}"').replace("SAID", hidden)
    result = suite.run(tests, "--llm-record=once", "--llm-concurrency=1")
    result.stdout.fnmatch_lines(["*request.body.* holds the value of DB_PASSWORD, in base64 of gzip*"])
    assert len(provider.requests) == 1
    assert not list((suite.path / "cassettes").rglob("*.jsonl"))
