"""Samples that end in, what is known so far told to who waits out: a live line, quiet lines, or nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from llm_do_eval.plugin.row import money

if TYPE_CHECKING:
    from collections.abc import Callable

    from llm_do_eval.plugin.liveline import LiveLine
    from llm_do_eval.sample import Outcome
    from llm_do_eval.verdict import Word

    Clock = Callable[[], float]

LIVE_EVERY_S: Final = 0.25
QUIET_EVERY_S: Final = 30.0

_ENOUGH_S: Final = 1.0
_ENOUGH_SAMPLES: Final = 3
_MINUTES_FROM_S: Final = 90


class Progress(Protocol):
    """Is told what happens to the samples of a test; `test` is its id."""

    def started(self, test: str, planned: int) -> None:
        """Note that up to `planned` samples of a test will run."""
        ...

    def ended(self, test: str, outcome: Outcome, cost_usd: float | None, word_so_far: Word | None) -> None:
        """Note an attempt that ended, its cost, and the verdict on all so far, None where there is none.

        One that ended in `infra` is not counted as done: it is tried again.
        """
        ...

    def finished(self, test: str) -> None:
        """Note that no more samples of a test will run, however it ended."""
        ...


class Silent:
    """Tells nobody: for workers of xdist, and where nothing was asked for."""

    def started(self, test: str, planned: int) -> None:
        """Tell nothing."""

    def ended(self, test: str, outcome: Outcome, cost_usd: float | None, word_so_far: Word | None) -> None:
        """Tell nothing."""

    def finished(self, test: str) -> None:
        """Tell nothing."""


@dataclass(slots=True)
class Known:
    """What is known of one test under way, `began` and `last` by the clock that measures it."""

    planned: int
    began: float
    last: float
    done: int = 0
    passed: int = 0
    infra: int = 0
    cost_usd: float = 0.0
    unpriced: bool = False
    word: Word | None = None

    def note(self, outcome: Outcome, cost_usd: float | None, word: Word | None, now: float) -> None:
        """Add an attempt that ended."""
        self.last, self.word = now, word
        self.done += outcome != "infra"
        self.infra += outcome == "infra"
        self.passed += outcome == "pass"
        self.cost_usd += cost_usd or 0
        self.unpriced = self.unpriced or cost_usd is None

    def __str__(self) -> str:
        so_far = "undecided" if self.word in (None, "INCONCLUSIVE") else f"{self.word} so far"
        said = [f"{self.done}/{self.planned} done", f"{self.passed} passed"]
        said += [f"{self.infra} spoilt"] if self.infra else []
        said += [so_far] if self.done else []
        said += [f"{'over ' if self.unpriced else ''}{money(self.cost_usd)}"] if self.cost_usd else []
        return ", ".join([*said, *self._left()])

    def _left(self) -> list[str]:
        """Say how long the others take at the pace so far, once there is one."""
        took = self.last - self.began
        if not self.done < self.planned or self.done < _ENOUGH_SAMPLES or took < _ENOUGH_S:
            return []
        left = took / self.done * (self.planned - self.done)
        if left >= _MINUTES_FROM_S:
            return [f"about {left / 60:.0f} min left"]
        return [f"about {max(left, 1):.0f} s left"]


@dataclass(eq=False, slots=True)
class Live:
    """Keeps one line of a terminal up to date, at most every `LIVE_EVERY_S`, and takes it away at the end.

    `later` calls back after some seconds, from the same thread: what came too early is drawn then.
    """

    line: LiveLine
    clock: Clock
    later: Callable[[float, Callable[[], None]], None]
    _known: dict[str, Known] = field(default_factory=dict[str, Known])
    _next: float = 0.0
    _waiting: bool = False

    def started(self, test: str, planned: int) -> None:
        """Draw only after a moment: most replays are over by then."""
        now = self.clock()
        self._known[test] = Known(planned, now, now)
        self._next, self._waiting = now + LIVE_EVERY_S, False
        self._draw_in_time(test)

    def ended(self, test: str, outcome: Outcome, cost_usd: float | None, word_so_far: Word | None) -> None:
        """Draw what is known now, or soon."""
        self._known[test].note(outcome, cost_usd, word_so_far, self.clock())
        self._draw_in_time(test)

    def finished(self, test: str) -> None:
        """Erase the line."""
        del self._known[test]
        self.line.erase()

    def _draw_in_time(self, test: str) -> None:
        early = self._next - self.clock()
        if early > 0:
            if not self._waiting:
                self._waiting = True
                self.later(early, lambda: self._draw(test))
            return
        self._draw(test)

    def _draw(self, test: str) -> None:
        self._waiting = False
        if test in self._known:
            self._next = self.clock() + LIVE_EVERY_S
            self.line.draw(test, str(self._known[test]))


@dataclass(eq=False, slots=True)
class Quiet:
    """Writes a whole line about a test that takes long, at most every `QUIET_EVERY_S`."""

    write: Callable[[str], None]
    clock: Clock
    _known: dict[str, Known] = field(default_factory=dict[str, Known])
    _next: float = 0.0

    def started(self, test: str, planned: int) -> None:
        """Write nothing yet."""
        now = self.clock()
        self._known[test] = Known(planned, now, now)
        self._next = now + QUIET_EVERY_S

    def ended(self, test: str, outcome: Outcome, cost_usd: float | None, word_so_far: Word | None) -> None:
        """Write what is known, if it is time."""
        now = self.clock()
        self._known[test].note(outcome, cost_usd, word_so_far, now)
        if now >= self._next:
            self._next = now + QUIET_EVERY_S
            self.write(f"{test}: {self._known[test]}")

    def finished(self, test: str) -> None:
        """Forget the test."""
        del self._known[test]
