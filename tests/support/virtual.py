"""An event loop whose clock jumps: waiting takes no time, and what ends first is what would have."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selectors import SelectorKey


class _Jumping(selectors.DefaultSelector):
    """Moves a clock by the time that it is told to wait."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        ready = super().select(0 if timeout is not None else None)
        if not ready and timeout:
            self.now_s += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs at once what waits for time alone; what waits for a thread or a socket takes its time."""

    def __init__(self) -> None:
        self._clock = _Jumping()
        super().__init__(self._clock)

    def time(self) -> float:
        """Give the seconds that would have passed."""
        return self._clock.now_s
