"""What can go wrong between a client and a provider, as data: which request, and what happens to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from evals.standin.conversation import Finish, Reply, Request


@dataclass(frozen=True, slots=True)
class Status:
    """An HTTP error with the provider's own JSON body, and `retry-after` headers where a delay is given."""

    code: int
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Html:
    """An HTTP error with the page of a proxy for a body."""

    code: int = 502


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer, until the client gives up or the server stops."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Half of the answer's events or bytes; then the connection breaks or, `clean`, ends in good order."""

    clean: bool = False


@dataclass(frozen=True, slots=True)
class Ends:
    """An answer that ends for another reason, with a share `keep` of its text and without its tool calls.

    `Ends("length")` is cut off, `Ends("content_filter", keep=0)` filtered, `Ends("stop", keep=0)` empty.
    """

    finish: Finish
    keep: float = 0.5

    def applied_to(self, reply: Reply) -> Reply:
        """Return the reply as this fault leaves it."""
        return replace(
            reply, text=reply.text[: int(len(reply.text) * self.keep)], tool_calls=(), finish=self.finish
        )


Fault: TypeAlias = Status | Html | Hang | Cut | Ends
Faults: TypeAlias = Mapping[int, Fault] | Callable[[int, Request], Fault | None]


def fault_for(faults: Faults, index: int, request: Request) -> Fault | None:
    """Look up what happens to the request that arrived as number `index` (from 0)."""
    return faults(index, request) if callable(faults) else faults.get(index)
