"""Thousands of sampled tests of models with a known pass rate: verdicts are wrong as rarely as they say."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import virtual
from llm_suite import LOAD

from evals.standin import Reply, StandIn

if TYPE_CHECKING:
    import random

    from llm_suite import Suite

    from evals.standin import Request

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.long

CONFTEST = """
from virtual import VirtualLoop

def pytest_asyncio_loop_factories(config, item):
    return {"virtual": VirtualLoop}
"""

# a failure takes three times as long as a pass: whoever looks at samples as they end sees too few failures
SUITE = """
import asyncio
import pytest
from pydantic_ai.messages import ModelResponse, TextPart
from pydantic_ai.models.function import FunctionModel

@pytest.mark.llm_samples(75, min_pass_rate=0.8, target=0.95, stop="sequential")
@pytest.mark.parametrize("run", range({runs}))
async def test_rate(llm_do, sample, run):
    passes = sample.rng.random() < {rate}

    async def answer(messages, info):
        await asyncio.sleep(1 if passes else 3)
        return ModelResponse(parts=[TextPart("yes" if passes else "no")])

    llm_do.use_model(FunctionModel(answer))
    assert (await llm_do.run("classifier", "x")).output == "yes"
"""


@pytest.mark.parametrize(("rate", "wrong"), [(0.8, "PASS"), (0.95, "FAIL")])
def test_verdicts_of_tests_are_rarely_wrong(suite: Suite, rate: float, wrong: str) -> None:
    runs = 2000
    suite.pytester.makeconftest(CONFTEST)
    # a process of its own does not know our folders
    clock = Path(virtual.__file__).read_text(encoding="utf-8")
    suite.pytester.makepyfile(test_suite=SUITE.format(runs=runs, rate=rate), virtual=clock)
    suite.pytester.runpytest_subprocess(*LOAD, "--llm-json=session.json", "--llm-concurrency=8", "-q")
    tests = suite.tests().values()
    words = Counter(each["verdict"] for each in tests)
    assert set(words) == {"PASS", "FAIL"}
    assert words.total() == runs
    assert words[wrong] / runs <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)
    # the tests are told apart at all: nearly as many are right as the design says
    assert words[wrong] / runs >= 0.02


OVER_HTTP = """
import pytest

@pytest.mark.llm_samples(75, min_pass_rate=0.8, target=0.95)
@pytest.mark.parametrize("run", range({runs}))
async def test_rate(llm_do, run):
    assert (await llm_do.run("classifier", f"ticket {{run}}")).output == "yes"
"""


@pytest.mark.parametrize(("rate", "wrong"), [(0.8, "PASS"), (0.95, "FAIL")])
def test_verdicts_over_http_are_rarely_wrong(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, rate: float, wrong: str
) -> None:
    runs = 300

    def yes_or_no(_: Request, rng: random.Random) -> Reply:
        return Reply("yes" if rng.random() < rate else "no")

    with StandIn(yes_or_no) as provider:
        for name, value in provider.environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("LLM_DO_MODEL", "openai-chat:stand-in")
        suite.pytester.makepyfile(test_suite=OVER_HTTP.format(runs=runs))
        suite.pytester.runpytest_subprocess(*LOAD, "--llm-json=session.json", "--llm-record=live", "-q")
    words = Counter(each["verdict"] for each in suite.tests().values())
    assert set(words) == {"PASS", "FAIL"}
    assert words.total() == runs
    assert words[wrong] / runs <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)
