"""What a process does behind the back of its tests: audit events and sleeps, while somebody listens."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType

NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg")


class Event(NamedTuple):
    """One audit event."""

    name: str
    arguments: tuple[Any, ...]


class Audit:
    """The audit hook, which Python cannot take back: one for a test session."""

    def __init__(self) -> None:
        self._listeners: list[tuple[tuple[str, ...], Callable[[Event], object]]] = []
        sys.addaudithook(self._note)

    @contextmanager
    def listening(self, names: tuple[str, ...]) -> Generator[list[Event]]:
        """Collect the events of these names, in every thread."""
        heard: list[Event] = []
        with self.calling(names, heard.append):
            yield heard

    @contextmanager
    def calling(self, names: tuple[str, ...], listener: Callable[[Event], object]) -> Generator[None]:
        """Call a listener at every event of these names, in the thread that it happens in."""
        self._listeners.append((names, listener))
        try:
            yield
        finally:
            self._listeners.remove((names, listener))

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        for names, listener in tuple(self._listeners):
            if event in names:
                listener(Event(event, arguments))


@contextmanager
def sleeping() -> Generator[list[str]]:
    """Collect the modules that call `time.sleep`, here and in threads started meanwhile."""
    callers: list[str] = []

    def note(frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and called is time.sleep:
            callers.append(frame.f_globals["__name__"])

    # before Python 3.13 there is no audit event for it
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield callers
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
