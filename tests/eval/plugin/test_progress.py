from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from llm_do_eval.plugin.liveline import LiveLine
from llm_do_eval.plugin.progress import LIVE_EVERY_S, QUIET_EVERY_S, Known, Live, Quiet, Silent

if TYPE_CHECKING:
    from collections.abc import Callable

    from llm_do_eval.plugin.progress import Progress
    from llm_do_eval.verdict import Word

TEST = "tests/test_tickets.py::test_refund"


class Wall:
    """A clock that stands still until told, and what waits for it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waiting: list[tuple[float, Callable[[], None]]] = []

    def __call__(self) -> float:
        return self.now

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self.waiting.append((self.now + seconds, call))

    def forward(self, seconds: float) -> None:
        self.now += seconds
        due = [call for at, call in self.waiting if at <= self.now]
        self.waiting = [(at, call) for at, call in self.waiting if at > self.now]
        for call in due:
            call()


class Paper:
    """A terminal that keeps all that was written to it."""

    width, column = 80, 0

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, text: str) -> None:
        self.written.append(text)


def _never(seconds: float, call: Callable[[], None]) -> None:
    """Stand for a program without an event loop."""


def live() -> tuple[Live, Wall, Paper]:
    wall, paper = Wall(), Paper()
    return Live(LiveLine(paper), wall, wall.later), wall, paper


def known(done: int, passed: int, *, took: float, word: Word | None = None, cost: float | None = 0.0) -> str:
    state = Known(20, 0.0, 0.0)
    for number in range(done):
        state.note("pass" if number < passed else "fail", cost, word, took * (number + 1) / done)
    return str(state)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (known(0, 0, took=0), "0/20 done, 0 passed"),
        (
            known(12, 11, took=12.0, cost=0.0025),
            "12/20 done, 11 passed, undecided, $0.03, about 8 s left",
        ),
        (known(12, 12, took=12.0, word="PASS"), "12/20 done, 12 passed, PASS so far, about 8 s left"),
        (known(12, 2, took=0.9, word="FAIL"), "12/20 done, 2 passed, FAIL so far"),
        (known(2, 2, took=60, word="INCONCLUSIVE"), "2/20 done, 2 passed, undecided"),
        (known(5, 5, took=60), "5/20 done, 5 passed, undecided, about 3 min left"),
        (known(19, 19, took=2), "19/20 done, 19 passed, undecided, about 1 s left"),
        (known(20, 20, took=60), "20/20 done, 20 passed, undecided"),
        (known(4, 4, took=0.5, cost=None), "4/20 done, 4 passed, undecided"),
    ],
)
def test_what_is_known_is_said_in_a_line(said: str, expected: str) -> None:
    assert said == expected


def test_an_attempt_that_is_tried_again_is_not_done_and_a_price_unknown_is_no_zero() -> None:
    state = Known(20, 0.0, 0.0)
    state.note("infra", 0.01, None, 1.0)
    state.note("pass", None, None, 2.0)
    assert str(state) == "1/20 done, 1 passed, 1 spoilt, undecided, over $0.01"


def test_the_live_line_comes_after_a_moment_is_kept_up_to_date_and_goes() -> None:
    progress, wall, paper = live()
    progress.started(TEST, 20)
    assert paper.written == []
    wall.forward(LIVE_EVERY_S)
    assert "test_refund 0/20 done, 0 passed" in paper.written[-1]
    wall.forward(3)
    progress.ended(TEST, "pass", 0.01, None)
    assert "test_refund 1/20 done, 1 passed, undecided, $0.01" in paper.written[-1]
    progress.finished(TEST)
    assert "done" not in paper.written[-1]
    wall.forward(60)
    assert len(paper.written) == 3


def test_the_live_line_is_drawn_a_few_times_a_second_and_the_last_state_is_not_lost() -> None:
    progress, wall, paper = live()
    progress.started(TEST, 1000)
    for _ in range(1000):
        wall.forward(0.001)
        progress.ended(TEST, "pass", 0.0, None)
    assert 3 <= len(paper.written) <= 1 / LIVE_EVERY_S
    wall.forward(LIVE_EVERY_S)
    assert "1000/1000 done, 1000 passed" in paper.written[-1]
    progress.finished(TEST)


def test_without_a_loop_to_call_back_the_next_sample_draws() -> None:
    paper, wall = Paper(), Wall()
    progress = Live(LiveLine(paper), wall, _never)
    for _ in range(2):
        progress.started(TEST, 3)
        wall.forward(1)
        progress.ended(TEST, "fail", 0.0, None)
        progress.finished(TEST)
    assert sum("1/3 done, 0 passed, undecided" in each for each in paper.written) == 2


def test_a_test_over_in_a_moment_is_never_drawn() -> None:
    progress, wall, paper = live()
    progress.started(TEST, 2)
    progress.ended(TEST, "pass", 0.0, None)
    progress.finished(TEST)
    wall.forward(60)
    assert paper.written == []


def test_a_timer_of_a_test_that_is_over_does_not_draw_the_next_one_early() -> None:
    progress, wall, paper = live()
    progress.started(TEST, 2)
    progress.finished(TEST)
    progress.started("a.py::test_other", 2)
    wall.forward(LIVE_EVERY_S)
    assert [("test_refund" in each, "test_other" in each) for each in paper.written] == [(False, True)]


def test_quiet_lines_come_seldom_and_name_the_test_in_full() -> None:
    wall, lines = Wall(), list[str]()
    progress = Quiet(lines.append, wall)
    progress.started(TEST, 200)
    for _ in range(100):
        wall.forward(1)
        progress.ended(TEST, "pass", 0.0, "PASS")
    progress.finished(TEST)
    assert len(lines) == 100 // QUIET_EVERY_S
    assert lines[0] == f"{TEST}: 30/200 done, 30 passed, PASS so far, about 3 min left"


def test_a_test_that_is_done_soon_has_no_quiet_line() -> None:
    wall, lines = Wall(), list[str]()
    progress = Quiet(lines.append, wall)
    for _ in range(40):
        progress.started(TEST, 1)
        wall.forward(1)
        progress.ended(TEST, "pass", 0.0, None)
        progress.finished(TEST)
    assert lines == []


def test_silence_can_be_told_anything() -> None:
    progress: Progress = Silent()
    progress.started(TEST, 3)
    progress.ended(TEST, "infra", None, None)
    progress.finished(TEST)
