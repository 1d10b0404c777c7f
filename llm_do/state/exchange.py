"""Exchanges with providers in, told by whoever carries them; out, what they took of the call that asked."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_HEAR: ContextVar[Callable[[Exchange], None] | None] = ContextVar("llm_do_exchange", default=None)
_APART_S = 3600.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request to a provider and its answer, as they were when the provider answered.

    `began_s` is the time of the request (seconds since the epoch), `took_s` the seconds until the last byte,
    `first_byte_s` those until the first byte of the body; each None where nobody measured it.
    """

    began_s: float | None
    took_s: float | None
    first_byte_s: float | None = None
    replayed: bool = False


@dataclass(eq=False, slots=True)
class Exchanges:
    """Those of one call, in the order in which they were answered, and those of the calls below it."""

    own: list[Exchange] = field(default_factory=list[Exchange])
    below: list[Exchange] = field(default_factory=list[Exchange])

    def join(self, child: Exchanges) -> None:
        """Count the exchanges of a call that ended among those below."""
        self.below += child.own
        self.below += child.below

    @property
    def first_byte_s(self) -> float | None:
        """The seconds that the answer of the last own request took to begin; None where unknown."""
        return self.own[-1].first_byte_s if self.own else None

    @property
    def replayed_s(self) -> float | None:
        """The seconds from the first request to the last answer, when they were recorded.

        None where there was no request, where one was answered by a provider just now, or where one has no
        times: then what the clock says here is all that is known. Answers that are an hour apart were
        recorded in two sessions, and the time between them belongs to nobody.
        """
        spans: list[_Span] = []
        for each in (*self.own, *self.below):
            if not each.replayed or each.began_s is None or each.took_s is None:
                return None
            spans.append(_Span(each.began_s, each.began_s + each.took_s))
        return _length_s(spans) if spans else None


@contextmanager
def listening(exchanges: Exchanges) -> Generator[None]:
    """Let the code inside, its tasks and its `asyncio.to_thread` calls tell their exchanges to a call."""
    before = _HEAR.set(exchanges.own.append)
    try:
        yield
    finally:
        _HEAR.reset(before)


def tell(exchange: Exchange) -> None:
    """Tell the call that runs here of an exchange that it had; outside of calls, nobody."""
    if hear := _HEAR.get():
        hear(exchange)


@dataclass(frozen=True, slots=True, order=True)
class _Span:
    began_s: float
    ended_s: float


def _length_s(spans: list[_Span]) -> float:
    first, *later = sorted(spans)
    length_s, end_s = first.ended_s - first.began_s, first.ended_s
    for each in later:
        gap_s = each.began_s - end_s
        if gap_s > _APART_S:
            length_s, end_s = length_s + each.ended_s - each.began_s, each.ended_s
        elif each.ended_s > end_s:
            length_s, end_s = length_s + each.ended_s - end_s, each.ended_s
    return length_s
