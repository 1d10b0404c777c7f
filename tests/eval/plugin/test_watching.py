"""Progress on a real terminal, in a log, and where others write to the terminal too."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

import pytest
from llm_suite import LOAD
from screen import Screen
from terminal import on_a_terminal

if TYPE_CHECKING:
    from llm_suite import Suite

pytest_plugins = ["pytester"]

SLOW = """
import asyncio, time

@pytest.mark.llm_samples(12)
async def test_slowly(sample):
    print("captured")
    await asyncio.sleep(0.4)
    index = sample.index
    assert index != 3

@pytest.mark.llm_samples(4, min_pass_rate=0.4)
def test_in_turn(sample):
    time.sleep(0.4)
    assert sample.index < 4

def test_of_others():
    assert True
"""
NEVER_EQUAL = re.compile(r"in \d+\.\d+s =*|0x[0-9a-f]+")
DONE = re.compile(r"(test_\w+) (\d+)/(\d+) done, (\d+) passed")


class Seen:
    """A pytest run on a terminal of 80 columns and 24 lines, which scrolls, and what stays of it."""

    def __init__(self, suite: Suite, *args: str, height: int = 24, term: str = "xterm", ci: str = "") -> None:
        self.text, self.code = on_a_terminal(
            [sys.executable, "-m", "pytest", *LOAD, "--llm-concurrency=3", "--llm-record=live", *args],
            folder=suite.path,
            environment=os.environ | {"TERM": term, "COLUMNS": "80", "CI": ci, "BUILD_NUMBER": ""},
            width=80,
            height=height,
        )
        screen = Screen(80, height)
        screen.write(self.text)
        self.lines = [NEVER_EQUAL.sub("", line).rstrip() for line in screen.lines if line]
        self.drawn = [(found[1], int(found[2])) for found in DONE.finditer(self.text)]


def write(suite: Suite) -> Suite:
    suite.pytester.makepyfile(test_suite="import pytest\n\n" + SLOW)
    return suite


@pytest.mark.slow
@pytest.mark.parametrize("args", [(), ("-v",)])
def test_on_a_terminal_a_line_lives_and_leaves_nothing_behind(suite: Suite, args: tuple[str, ...]) -> None:
    write(suite)
    live, dumb = (Seen(suite, *args, height=99, term=term) for term in ("xterm", "dumb"))
    counts = {name: [count for each, count in live.drawn if each == name] for name, _ in live.drawn}
    assert set(counts) == {"test_slowly", "test_in_turn"}
    assert all(found == sorted(found) and 3 <= len(found) <= 16 for found in counts.values())
    assert "FAIL so far" in live.text
    assert dumb.drawn == []
    assert live.lines == dumb.lines
    assert live.code == dumb.code == 1


@pytest.mark.slow
def test_a_small_terminal_that_scrolls_shows_the_same_lines(suite: Suite) -> None:
    write(suite)
    small, large = Seen(suite, "-v", height=6), Seen(suite, "-v", height=99)
    assert small.drawn
    assert small.lines == large.lines[-len(small.lines) :]
    assert [line for line in large.lines if re.match(r"test_suite.py::\w+ (PASSED|FAILED)", line)] == [
        "test_suite.py::test_slowly FAILED                                        [ 33%]",
        "test_suite.py::test_in_turn PASSED                                       [ 66%]",
        "test_suite.py::test_of_others PASSED                                     [100%]",
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "args", [("-s",), ("-o", "log_cli=true"), ("-p", "xdist", "-n1")], ids=lambda args: args[-1]
)
def test_where_others_write_too_nothing_is_drawn(suite: Suite, args: tuple[str, ...]) -> None:
    write(suite)
    seen = Seen(suite, *args)
    assert seen.drawn == []
    assert seen.code == 1


@pytest.mark.slow
def test_in_ci_nothing_is_drawn(suite: Suite) -> None:
    write(suite)
    assert Seen(suite, ci="true").drawn == []


def test_a_log_is_quiet_unless_verbose(suite: Suite) -> None:
    source = """
from llm_do_eval.plugin.watching import choose

def test_long(request, sample):
    now = iter(range(0, 1000, 20))
    progress = choose(request.config, environment={}, clock=lambda: next(now))
    progress.started("test_suite.py::test_long", 20)
    for _ in range(3):
        progress.ended("test_suite.py::test_long", "pass", 0.01, None)
    progress.finished("test_suite.py::test_long")
    print("captured")
"""
    quiet = suite.run(source)
    quiet.stdout.no_fnmatch_line("*done*")
    verbose = suite.again("-v")
    verbose.assert_outcomes(passed=1)
    verbose.stdout.fnmatch_lines(
        [
            "test_suite.py::test_long *",
            "test_suite.py::test_long: 2/20 done, 2 passed, undecided, $0.02",
            "test_suite.py::test_long PASSED *",
        ]
    )
    verbose.stdout.no_fnmatch_line("*captured*")


def test_samples_that_were_restored_or_are_alone_are_not_told(suite: Suite) -> None:
    source = """
from llm_do_eval.plugin.watching import progress_of

told = []

class Notes:
    def started(self, test, planned):
        told.append(("started", test.partition("::")[2], planned))
    def ended(self, test, outcome, cost_usd, word_so_far):
        told.append((outcome, cost_usd, word_so_far))
    def finished(self, test):
        told.append("finished")

@pytest.fixture(autouse=True)
def notes(pytestconfig):
    from llm_do_eval.plugin import watching
    pytestconfig.stash[watching._PROGRESS] = Notes()

@pytest.mark.llm_samples(3)
async def test_told(sample):
    assert sample.index != 1

async def test_single(sample):
    assert True

@pytest.mark.llm_samples(1)
async def test_alone(sample):
    assert True

def test_after():
    assert told == [
        ("started", "test_told", 3),
        ("pass", 0.0, "PASS"), ("fail", 0.0, "FAIL"), ("pass", 0.0, "FAIL"),
        "finished",
    ]
"""
    suite.run(source, "--llm-concurrency=1").assert_outcomes(passed=3, failed=1)
