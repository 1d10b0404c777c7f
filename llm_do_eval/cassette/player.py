"""A tape in, every HTTP library patched so that its requests go through the tape out."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from vcr.cassette import Cassette
from vcr.record_mode import RecordMode
from vcr.stubs import httpx_stubs

from llm_do_eval.cassette.firstbyte import noticed
from llm_do_eval.cassette.mend import mended
from llm_do_eval.cassette.wire import playable, request_of, response_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from vcr.request import Request

    from llm_do_eval.cassette.tape import Tape, Ticket


@contextmanager
def through(tape: Tape) -> Generator[None]:
    """Send the requests of this process through a tape; the patches are process-wide."""
    with (
        mended(),
        noticed(httpx_stubs),
        _Player.use_arg_getter(lambda: {"path": str(tape.path), "tape": tape}),
    ):
        yield


class _Player(Cassette):
    """The cassette that the stubs of vcrpy talk to; what it answers is for the tape to say.

    The stubs ask up to three times about one request object, so what the tape said is kept with the object.
    """

    def __init__(self, path: str, tape: Tape) -> None:
        super().__init__(path, record_mode=RecordMode.NEW_EPISODES)
        self._tape = tape
        self._tickets: WeakKeyDictionary[Request, Ticket] = WeakKeyDictionary()

    def can_play_response_for(self, request: Request) -> bool:
        """Tell whether the tape has a recorded answer."""
        return self._ticket(request).recorded is not None

    def play_response(self, request: Request) -> dict[str, Any]:
        """Give the recorded answer in the form of vcrpy."""
        ticket = self._ticket(request)
        assert ticket.recorded is not None, "the stubs ask can_play_response_for first"
        return playable(ticket.recorded.response, retried=ticket.retried)

    def append(self, request: Request, response: dict[str, Any]) -> None:
        """Keep an answer that came from the provider."""
        self._tape.keep_answer(self._ticket(request), response_of(response))

    def _ticket(self, request: Request) -> Ticket:
        if (ticket := self._tickets.get(request)) is None:
            ticket = self._tickets[request] = self._tape.admit(request_of(request))
        return ticket

    def _load(self) -> None:
        """The tape has read its file."""

    def _save(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 - the signature of vcrpy
        """The tape writes its file."""
