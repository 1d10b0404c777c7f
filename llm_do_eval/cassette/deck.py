"""Recordings in, each out once: the k-th equal request of a sample gets the k-th of its recordings."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from llm_do_eval.cassette.wires.key import fingerprint
from llm_do_eval.cassette.wires.wire import attempt_of, may_retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from llm_do_eval.cassette.interaction import Interaction, Request


class Deck:
    """Interactions by sample and fingerprint; taking one costs the same however many there are."""

    def __init__(self, interactions: Iterable[Interaction], scrub: Callable[[Request], Request]) -> None:
        self._left: dict[tuple[int, str], deque[Interaction]] = {}
        self._sizes: dict[int, int] = {}
        for each in interactions:
            key = each.sample, fingerprint(scrub(each.request))
            self._left.setdefault(key, deque()).append(each)
            self._sizes[each.sample] = self._sizes.get(each.sample, 0) + 1

    @property
    def samples(self) -> frozenset[int]:
        """The samples of which anything was recorded."""
        return frozenset(self._sizes)

    def take(self, sample: int, key: str) -> Interaction | None:
        """Take the next interaction of a sample with this fingerprint."""
        left = self._left.get((sample, key))
        return left.popleft() if left else None

    def has(self, sample: int, key: str) -> bool:
        """Tell whether `take` would find one."""
        return bool(self._left.get((sample, key)))

    def retried(self, error: Interaction, key: str) -> bool:
        """Tell whether the client tried again by itself after an error that was just taken.

        An application may ask again too, after it has seen the error; to it the error must be played.
        Requests say which attempt they are; a retry belongs to the last error before it that has none. Where
        they do not say, whatever follows an error that clients try again after is a retry.
        """
        left = self._left.get((error.sample, key))
        if not left or not may_retry(error.response):
            return False
        if (attempt := attempt_of(error.request)) is None:
            return True
        unmatched = 1
        for each in left:
            if attempt_of(each.request) == attempt + 1:
                unmatched -= 1
            elif attempt_of(each.request) == attempt and may_retry(each.response):
                unmatched += 1
            if not unmatched:
                return True
        return False

    def left(self) -> tuple[Interaction, ...]:
        """Return what nobody has taken, ordered by sample and seq."""
        left = (each for queue in self._left.values() for each in queue)
        return tuple(sorted(left, key=lambda each: (each.sample, each.seq)))
