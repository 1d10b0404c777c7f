"""A terminal that somebody else writes to in, one line below its cursor drawn over again and erased out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from llm_do.ui.escape import visible

if TYPE_CHECKING:
    from collections.abc import Callable

_LEAST_NAME: Final = 8


class Terminal(Protocol):
    """What has to be known of a terminal; `column` is how much of its last line others have written."""

    @property
    def width(self) -> int:
        """How many columns it has."""
        ...

    @property
    def column(self) -> int:
        """Where others go on writing, counted in columns from 0."""
        ...

    @property
    def write(self) -> Callable[[str], None]:
        """Writes at once, escape sequences too."""
        ...


@dataclass(eq=False, slots=True)
class LiveLine:
    """A line below that of the cursor, which returns to where it was: others write on as if it were absent.

    Erase it before they do. A line below is reached by a line feed and left by going up one line, which is
    right also where the feed has scrolled.
    """

    terminal: Terminal
    _drawn: bool = False

    def draw(self, test: str, said: str) -> None:
        """Say something about a test; its name gives way, from the front, so that all is one line."""
        most = self.terminal.width - 1
        name = _plain(test.partition("::")[2] or test)
        room = max(most - len(said) - 1, _LEAST_NAME)
        shown = name if len(name) <= room else f"…{name[1 - room :]}"
        self._drawn = self._below(f"{shown} {said}"[:most])

    def erase(self) -> None:
        """Leave the line empty."""
        if self._drawn:
            self._below("")
            self._drawn = False

    def _below(self, text: str) -> bool:
        width, column = self.terminal.width, self.terminal.column
        back = column % width
        if column and not back:
            # the cursor waits behind the last column, where no sequence brings it back to
            return False
        right = f"\x1b[{back}C" if back else ""
        self.terminal.write(f"\r\n\x1b[2K{text}\x1b[A\r{right}")
        return True


def _plain(name: str) -> str:
    """Write a name in characters that are one column wide."""
    return visible(name).encode("ascii", "backslashreplace").decode()
