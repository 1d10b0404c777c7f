from __future__ import annotations

import pytest
from screen import Screen

from llm_do_eval.plugin.liveline import LiveLine

NAME = "tests/test_tickets.py::test_refund[german]"
SAID = "12/20 done, 11 passed, undecided, $0.03, about 8 s left"


class Shared(Screen):
    """A terminal that pytest writes to as well; `column` is what pytest knows of its own last line."""

    def __init__(self, *, height: int = 5) -> None:
        super().__init__(width=80, height=height)
        self.column = 0

    def by_pytest(self, text: str) -> None:
        self.column = len(text.rpartition("\n")[2]) + ("\n" not in text) * self.column
        self.write(text)


@pytest.mark.parametrize("height", [2, 3, 10])
@pytest.mark.parametrize("before", ["", "test_tickets.py ", "test_tickets.py ..F."])
def test_the_line_stands_below_and_others_write_on_where_they_were(height: int, before: str) -> None:
    terminal = Shared(height=height)
    terminal.by_pytest("\n" * height + before)
    line = LiveLine(terminal)
    for _ in range(5):
        line.draw(NAME, SAID)
    assert terminal.lines[-2:] == [before.rstrip(), f"test_refund[german] {SAID}"]
    line.erase()
    terminal.by_pytest(". done")
    assert terminal.lines[-2:] == [f"{before}. done", ""]


def test_the_control_that_does_not_erase_leaves_a_line_behind() -> None:
    terminal = Shared()
    terminal.by_pytest("test_tickets.py ")
    LiveLine(terminal).draw(NAME, SAID)
    terminal.by_pytest(".\nnext\n")
    assert any("done" in line for line in terminal.lines)


def test_a_name_gives_way_from_its_front_and_the_line_never_wraps() -> None:
    terminal = Shared()
    LiveLine(terminal).draw("a.py::test_" + "very_" * 30 + "long[german]", SAID)
    assert terminal.lines[1].startswith("…")
    assert terminal.lines[1].endswith(f"long[german] {SAID}")
    assert len(terminal.lines[1]) == 79
    assert terminal.lines[2:] == [""] * 3


def test_what_is_said_is_cut_where_there_is_no_room_at_all() -> None:
    terminal = Shared()
    LiveLine(terminal).draw(NAME, SAID * 3)
    assert terminal.lines[1].startswith(f"…german] {SAID}")
    assert len(terminal.lines[1]) < 80
    assert terminal.lines[2] == ""


@pytest.mark.parametrize("beyond", [1, 79])
def test_a_line_of_others_that_has_wrapped_goes_on_where_it_was(beyond: int) -> None:
    terminal = Shared()
    terminal.by_pytest("x" * (80 + beyond))
    line = LiveLine(terminal)
    line.draw(NAME, SAID)
    assert SAID in terminal.lines[2]
    line.erase()
    terminal.by_pytest("!")
    assert terminal.lines[1] == "x" * beyond + "!"


def test_at_the_edge_nothing_is_drawn_as_nothing_would_bring_the_cursor_back() -> None:
    terminal = Shared()
    terminal.by_pytest("x" * 80)
    line = LiveLine(terminal)
    line.draw(NAME, SAID)
    line.erase()
    terminal.by_pytest("!")
    assert terminal.lines[:3] == ["x" * 80, "!", ""]


def test_a_name_steers_no_terminal_and_is_as_wide_as_it_is_long() -> None:
    terminal = Shared()
    LiveLine(terminal).draw("a.py::test_\x1b[2J\n\u4e2d\u6587", "1/2 done")
    assert terminal.lines[1] == r"test_\x1b[2J\n\u4e2d\u6587 1/2 done"


def test_erasing_what_was_not_drawn_writes_nothing() -> None:
    terminal = Shared()
    LiveLine(terminal).erase()
    assert (terminal.row, terminal.place) == (0, 0)
