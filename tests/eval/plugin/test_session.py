"""What a session leaves behind: its JSON, its page, the same under xdist, and how options are given."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from llm_do_eval.plugin.plot import Axis

if TYPE_CHECKING:
    from llm_suite import Suite

pytest_plugins = ["pytester"]

TESTS = """
@pytest.mark.parametrize("word", ["<b>", "two words"])
@pytest.mark.llm_samples(20, min_pass_rate=0.5)
async def test_words(llm_do, invariant, sample, word):
    llm_do.use_model(scripted(word))
    run = await llm_do.run("hi")
    invariant("says <it>", run.output == word and sample.index != 5, failure="drift")

def test_plain():
    assert True
"""


def test_the_json_has_every_field(suite: Suite) -> None:
    suite.run(TESTS).assert_outcomes(passed=3)
    session = json.loads((suite.path / "session.json").read_text(encoding="utf-8"))
    assert session["schema"] == "llm-do-eval/session/v1"
    first, second = session["tests"]
    assert second["test"] == "test_suite.py::test_words[two words]"
    sentence = "19/20 samples passed; shown: true pass rate >= 0.5 (bound 78.4 %, 95 % confidence)"
    assert first == {
        "test": "test_suite.py::test_words[<b>]",
        "verdict": "PASS",
        "k": 19,
        "n": 20,
        "bound": pytest.approx(0.783893835793),
        "upper_bound": pytest.approx(0.997438621223),
        "confidence": 0.95,
        "min_pass_rate": 0.5,
        "target": None,
        "mode": "prove",
        "stopped": False,
        "sentence": sentence,
        "outcomes": {"pass": 19, "fail": 1, "error": 0, "infra": 0},
        "failures": {"drift": 1},
        "invariants": [
            {
                "name": "says <it>",
                "k": 19,
                "n": 20,
                "bound": pytest.approx(0.783893835793),
                "upper_bound": pytest.approx(0.997438621223),
                "min_pass_rate": 0.5,
                "verdict": "PASS",
                "sentence": sentence.replace("samples passed", "held"),
            }
        ],
        "metrics": {},
        "warnings": [],
        "evidence": {
            "recorded_at": None,
            "model": "function:function:answer:",
            "replayed": False,
            "distinct": 20,
            "cassette": None,
            "saved": False,
            "unplayed": 0,
            "scrubbed": 0,
            "replayed_samples": 0,
            "interrupted": None,
            "set_aside": None,
        },
        "usage": {
            "requests": 20,
            "calls": 0,
            "input_tokens": first["usage"]["input_tokens"],
            "output_tokens": first["usage"]["output_tokens"],
        },
        "cost_usd": None,
        "function": "test_suite.py::test_words",
        "workers": {"triage": first["workers"]["triage"]},
        "samples": [
            {
                "index": index,
                "outcome": "fail" if index == 5 else "pass",
                "labels": ["drift"] if index == 5 else [],
                "cost_usd": None,
                "latency_s": None,
                "requests": 1,
                "recording": None,
            }
            for index in range(20)
        ],
    }


class Page(HTMLParser):
    """Collects what a page would load or run, its intervals and its texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.foreign: list[str] = []
        self.ranges: list[tuple[float, float]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given: dict[str, Any] = dict(attrs)
        self.foreign += [tag] * (tag in {"b", "it", "img", "link", "object", "script"} or "src" in given)
        if given.get("class") == "range":
            self.ranges.append((float(given["x"]), float(given["width"])))

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


def test_the_page_is_self_contained_and_escapes(suite: Suite) -> None:
    suite.run(TESTS, "--llm-report=out/report.html").assert_outcomes(passed=3)
    page = Page((suite.path / "out" / "report.html").read_text(encoding="utf-8"))
    assert page.foreign == []
    axis = Axis(0.5)
    lower, upper = axis.at(0.783893835793), axis.at(0.997438621223)
    assert page.ranges == [(lower, pytest.approx(upper - lower))] * 4
    assert {"test_suite.py::test_words[<b>]", "says <it>", "19/20", "PASS"} <= set(page.texts)


@pytest.mark.slow
def test_workers_of_xdist_give_the_same_session(suite: Suite) -> None:
    suite.run(TESTS, "--llm-report=report.html").assert_outcomes(passed=3)
    files = [suite.path / "session.json", suite.path / "report.html"]
    alone = [file.read_text(encoding="utf-8") for file in files]
    result = suite.again("-p", "xdist", "-n2", "--llm-report=report.html")
    result.assert_outcomes(passed=3)
    assert [file.read_text(encoding="utf-8") for file in files] == alone
    result.stdout.fnmatch_lines(
        ["*= llm samples =*", "  PASS test_words[[]two words[]] *19/20 -> true rate 78.4-99.7 %  >= 0.5"]
    )


def test_what_cannot_be_written_is_said_and_fails_the_session(suite: Suite) -> None:
    (suite.path / "taken").write_text("", encoding="utf-8")
    result = suite.run(TESTS, "--llm-report=taken/report.html")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["ERROR: *taken/report.html: cannot be written (*); name another file"])


def test_every_option_has_a_twin_in_the_ini_file(suite: Suite) -> None:
    source = """
import asyncio

running = set()

@pytest.mark.llm_samples(2, min_pass_rate=0.9)
async def test_options(sample):
    running.add(sample.index)
    assert len(running) <= 3
    await asyncio.sleep(0)
    running.discard(sample.index)
"""
    twins = {
        "llm_samples": "12",
        "llm_concurrency": "3",
        "llm_record": "live",
        "llm_report": "from-ini.html",
        "llm_inconclusive": "pass",
        "llm_confidence": "0.9",
    }
    given = [word for name, value in twins.items() for word in ("-o", f"{name}={value}")]
    suite.run(source, *given).assert_outcomes(passed=1)
    [test] = suite.tests().values()
    assert (test["n"], test["confidence"], test["verdict"]) == (12, 0.9, "INCONCLUSIVE")
    assert test["bound"] == pytest.approx(0.1 ** (1 / 12))
    assert test["evidence"]["recorded_at"]
    assert (suite.path / "from-ini.html").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--llm-samples=0"], "*--llm-samples: 0 is less than 1*"),
        (["--llm-record=sometimes"], "*--llm-record: invalid choice: 'sometimes'*"),
        (["--llm-confidence=1"], "*--llm-confidence: 1 is not above 0.5 and below 1*"),
        (["-o", "llm_concurrency=0"], "*ini option llm_concurrency: 0 is less than 1*"),
        (["-o", "llm_record=sometimes"], "*ini option llm_record is 'sometimes'; write one of none, once, *"),
    ],
)
def test_a_wrong_option_is_a_usage_error(suite: Suite, given: list[str], message: str) -> None:
    result = suite.run(TESTS, *given)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_dummy_keys_stand_around_tests_of_ours_and_by_ini_before_collection(suite: Suite) -> None:
    source = """
import os

BEFORE = os.environ.get("CEREBRAS_API_KEY")

def test_plain():
    assert os.environ.get("CEREBRAS_API_KEY") == BEFORE

def test_ours(sample):
    assert os.environ["CEREBRAS_API_KEY"] == "llm-eval-dummy-key"
    assert BEFORE == EXPECTED
"""
    suite.run(source + "\nEXPECTED = None\n").assert_outcomes(passed=2)
    suite.run(source + "\nEXPECTED = 'llm-eval-dummy-key'\n", "-o", "llm_dummy_keys=true").assert_outcomes(
        passed=2
    )
