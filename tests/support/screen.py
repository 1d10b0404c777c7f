"""What a program writes to a terminal in, what a person would see on it out."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"\x1b\[(?P<number>\d*)(?P<letter>[A-Za-z])|\x1b\].*?(?:\x07|\x1b\\)|(?P<plain>.)", re.DOTALL
)


class Screen:
    """A terminal of some lines that scrolls and wraps, with the sequences that move, erase and colour."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.row = self.place = 0
        self._lines = [[" "] * width for _ in range(height)]

    @property
    def lines(self) -> list[str]:
        """The lines without blanks at their ends."""
        return ["".join(line).rstrip() for line in self._lines]

    def write(self, text: str) -> None:
        """Show text, as a terminal does that makes of a line feed a new line at its first column."""
        for token in _TOKEN.finditer(text):
            if token["letter"]:
                self._obey(token["letter"], int(token["number"] or 1), token["number"])
            elif token["plain"]:
                self._put(token["plain"])

    def _obey(self, letter: str, number: int, given: str) -> None:
        match letter:
            case "A":
                self.row = max(self.row - number, 0)
            case "C":
                self.place = min(self.place + number, self.width - 1)
            case "K" if given == "2":
                self._lines[self.row] = [" "] * self.width
            case "m":
                pass
            case _:
                raise AssertionError(f"sequence {given}{letter} is not known here")

    def _put(self, character: str) -> None:
        if character == "\r":
            self.place = 0
        elif character == "\n":
            self.place = 0
            self._down()
        else:
            if self.place == self.width:
                self.place = 0
                self._down()
            self._lines[self.row][self.place] = character
            self.place += 1

    def _down(self) -> None:
        if self.row + 1 < self.height:
            self.row += 1
        else:
            self._lines = [*self._lines[1:], [" "] * self.width]
