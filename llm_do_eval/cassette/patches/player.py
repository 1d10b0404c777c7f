"""A tape in, every HTTP library patched so that its requests go through the tape out."""

from __future__ import annotations

import http.client
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from vcr.cassette import Cassette
from vcr.record_mode import RecordMode
from vcr.stubs import httpx_stubs

from llm_do.errors import RunFailed
from llm_do_eval.cassette.patches.firstbyte import noticed
from llm_do_eval.cassette.patches.mend import mended
from llm_do_eval.cassette.patches.silence import silence_told
from llm_do_eval.cassette.patches.unheard import unheard_refused
from llm_do_eval.cassette.patches.waits import answered, unwaited
from llm_do_eval.cassette.wires.wire import playable, request_of, response_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from vcr.request import Request

    from llm_do_eval.cassette.patches.waits import Waits
    from llm_do_eval.cassette.tape import Tape, Ticket


@contextmanager
def through(tape: Tape) -> Generator[None]:
    """Send the requests of this process through a tape; the patches are process-wide.

    Raises:
        RunFailed: the patches were taken away while the tape recorded.
    """
    with (
        mended(),
        noticed(httpx_stubs),
        silence_told(httpx_stubs, tape.note_silence),
        unheard_refused(replaying=tape.replaying),
        unwaited(replaying=tape.replaying) as waits,
        _Player.use_arg_getter(lambda: {"path": str(tape.path), "tape": tape, "waits": waits}),
    ):
        patched = http.client.HTTPSConnection
        yield
        # stock vcrpy whose save failed takes its patches away when it is collected, and ours with them
        if http.client.HTTPSConnection is not patched and not tape.replaying:
            raise RunFailed(
                f"{tape.path}: requests may have passed by it, because another user of vcrpy ended while it "
                f"was open: end that one before, and record again"
            )


class _Player(Cassette):
    """The cassette that the stubs of vcrpy talk to; what it answers is for the tape to say.

    The stubs ask up to three times about one request object, so what the tape said is kept with the object.
    """

    def __init__(self, path: str, tape: Tape, waits: Waits) -> None:
        super().__init__(path, record_mode=RecordMode.NEW_EPISODES)
        self._tape = tape
        self._waits = waits
        self._tickets: WeakKeyDictionary[Request, Ticket] = WeakKeyDictionary()

    def can_play_response_for(self, request: Request) -> bool:
        """Tell whether the tape has a recorded answer."""
        return self._ticket(request).recorded is not None

    def play_response(self, request: Request) -> dict[str, Any]:
        """Give the recorded answer in the form of vcrpy."""
        ticket = self._ticket(request)
        assert ticket.recorded is not None, "the stubs ask can_play_response_for first"
        answered(ticket.recorded.response.status)
        return playable(ticket.recorded.response, retried=ticket.retried)

    def append(self, request: Request, response: dict[str, Any]) -> None:
        """Keep an answer that came from the provider."""
        self._tape.keep_answer(self._ticket(request), response_of(response))

    def _ticket(self, request: Request) -> Ticket:
        if (ticket := self._tickets.get(request)) is None:
            self._waits.look()
            answered(None)
            ticket = self._tickets[request] = self._tape.admit(request_of(request))
        return ticket

    def _load(self) -> None:
        """The tape has read its file."""

    def _save(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 - the signature of vcrpy
        """The tape writes its file."""
