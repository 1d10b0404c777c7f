"""Requests of samples in, recorded answers or leave to ask a provider out; misses are told once."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from llm_do.canonical import canonical_json
from llm_do.state.exchange import Exchange, tell
from llm_do_eval.cassette.deck import Deck
from llm_do_eval.cassette.file.place import shown
from llm_do_eval.cassette.file.provenance import model_of
from llm_do_eval.cassette.file.sources import placed
from llm_do_eval.cassette.interaction import Interaction
from llm_do_eval.cassette.miss import missing_sample, stale_again, stale_cassette, title
from llm_do_eval.cassette.patches.firstbyte import first_byte_s
from llm_do_eval.cassette.patches.offline import DUMMY_KEY
from llm_do_eval.cassette.sampling import current_sample
from llm_do_eval.cassette.stops import RecordingStopped, StaleCassette
from llm_do_eval.cassette.wires.key import fingerprint
from llm_do_eval.cassette.wires.normalize import Normalizer
from llm_do_eval.cassette.wires.wire import may_retry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from llm_do_eval.cassette.file.recorder import Recorder, RecordMode
    from llm_do_eval.cassette.file.recording import Recording
    from llm_do_eval.cassette.interaction import Request, Response
    from llm_do_eval.cassette.miss import ModelSetting
    from llm_do_eval.cassette.scrubbing.scrub import Scrubber

_AS_IT_IS = Normalizer()
# what a client of OpenAI or Anthropic makes of one request
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Ticket:
    """What the tape said to one request: the recording that answers it, or None: ask the provider.

    `retried`: the client tried again after it, or may now; `hides`: its body held a secret, `request` does
    not.
    """

    sample: int
    seq: int
    fingerprint: str
    request: Request
    recorded: Interaction | None = None
    retried: bool = False
    hides: bool = False
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started_s: float = field(default_factory=time.perf_counter)


class Tape:
    """An open cassette: what it holds, what was played and recorded, and what was missed.

    Args:
        path: the cassette file.
        recording: what it holds.
        scrubber: takes the secrets out of what is recorded and compared.
        command: tells the command that records by a given mode.
        recorder: keeps answers of providers; without one, every request is answered from the recording.
        replays: whether requests are answered from the recording first.
        interrupted: the mode that goes on with a recording which was interrupted, None for any other.
        normalizer: takes out of requests what does not count when they are compared.
    """

    def __init__(
        self,
        path: Path,
        recording: Recording,
        scrubber: Scrubber,
        command: Callable[[RecordMode], str],
        *,
        recorder: Recorder | None = None,
        replays: bool = True,
        interrupted: RecordMode | None = None,
        normalizer: Normalizer = _AS_IT_IS,
    ) -> None:
        self.path = path
        self.keep = True
        """Set to False before the end to say that this recording may not replace the one that is there."""
        self.whole = True
        """Set to False before the end to say that a first recording was interrupted: the next one goes on."""
        self.interrupted: RecordMode | None = interrupted
        """The mode that goes on with what is replayed here, if that is an interrupted recording."""
        self.set_aside = recorder.set_aside if recorder else None
        """Where the answers are that an earlier recording had received when it was killed, if any."""
        self.miss: StaleCassette | None = None
        """The first miss."""
        self.setting: ModelSetting | None = None
        """The model that requests were to use; a miss names it where the recorded one is another."""
        self.saved: Path | None = None
        """Where the new answers are, after the end; None if there were none."""
        self.scrubbed = 0
        """How many recorded bodies held a secret, which was replaced."""
        self.asked: set[int] = set()
        """The samples to which a provider answered just now."""
        self._recording = recording
        self._recorded_samples = _samples_of(recording)
        self._compared = normalizer.request
        self._deck = Deck(
            recording.interactions if replays else (), lambda each: self._compared(scrubber.request(each))
        )
        self._scrubber = scrubber
        self._command = command
        self._recorder = recorder
        self._noted: set[str] = set()
        self._silences = 0
        self._next_seq: dict[int, int] = {}
        for each in recording.interactions if replays else ():
            self._next_seq[each.sample] = each.seq + 1
        # guards the deck, the counters and the journal: sync clients run in threads
        self._lock = threading.RLock()

    @property
    def meta(self) -> Mapping[str, Any]:
        """The meta line of the cassette as it was opened (empty if there was none), later as it was saved."""
        return self._recording.meta

    @property
    def model(self) -> str | None:
        """The recorded model, `provider:name`: of the meta line, else of the first request."""
        return self.meta.get("model") or model_of(self._recording.interactions)

    @property
    def replaying(self) -> bool:
        """Whether every request is answered from the recording."""
        return self._recorder is None

    @property
    def recorded_samples(self) -> frozenset[int]:
        """The samples of which the cassette holds anything, as `meta` does."""
        return self._recorded_samples

    @property
    def interactions(self) -> tuple[Interaction, ...]:
        """What the cassette holds, as `meta` does."""
        return self._recording.interactions

    def unplayed(self) -> tuple[Interaction, ...]:
        """Return the recordings that no request has asked for so far, ordered by sample and seq."""
        with self._lock:
            return self._deck.left()

    def note(self, sources: Mapping[str, Any]) -> None:
        """Note which files a run was made of, for the meta line of what is recorded; see `sources`."""
        known = canonical_json(dict(sources))
        with self._lock:
            # samples run the same files, and reading them takes a while
            if self._recorder and known not in self._noted:
                self._noted.add(known)
                self._recorder.note(placed(sources, self.path.parent))

    def describe(self, meta: Mapping[str, Any]) -> None:
        """Add JSON values to the meta line of what is recorded."""
        with self._lock:
            if self._recorder:
                self._recorder.note(meta)

    def admit(self, request: Request) -> Ticket:
        """Decide about a request of the sample that runs here.

        Raises:
            StaleCassette: nothing answers it and nothing may be recorded.
            RecordingStopped: it would be recorded with a key that opens nothing, or the journal cannot be
                written.
            OutsideSample: it belongs to no sample, and samples run.
        """
        sample = current_sample()
        scrubbed = self._scrubber.request(request)
        key = fingerprint(self._compared(scrubbed))
        with self._lock:
            self._look_back()
            if recorded := self._deck.take(sample, key):
                retried = self._deck.retried(recorded, key) or self._is_open(recorded, key)
                tell(_exchange(recorded, replayed=True))
                return Ticket(sample, recorded.seq, key, scrubbed, recorded, retried)
            if self._recorder is None:
                raise self._missed(scrubbed, sample)
            self._check_key(request)
            seq = self._next_seq.get(sample, 0)
            self._next_seq[sample] = seq + 1
            return Ticket(sample, seq, key, scrubbed, hides=scrubbed.body != request.body)

    def keep_answer(self, ticket: Ticket, response: Response) -> None:
        """Record what a provider answered.

        Raises:
            RecordingStopped: it cannot be kept.
        """
        latency_s = round(time.perf_counter() - ticket.started_s, 6)
        scrubbed = self._scrubber.response(response)
        interaction = Interaction(
            sample=ticket.sample,
            seq=ticket.seq,
            fingerprint=ticket.fingerprint,
            request=ticket.request,
            response=scrubbed,
            latency_s=latency_s,
            at=ticket.at.isoformat(timespec="milliseconds"),
            first_byte_s=first_byte_s(ticket.started_s),
        )
        tell(_exchange(interaction, replayed=False))
        with self._lock:
            self.asked.add(ticket.sample)
            self.scrubbed += ticket.hides + (scrubbed.body != response.body)
            if self._recorder is None:
                raise RecordingStopped(
                    f"{self.path}: an answer came after the cassette was closed, and is not kept"
                )
            try:
                self._recorder.append(interaction)
            except OSError as error:
                raise RecordingStopped(
                    f"{shown(self.path)}: an answer cannot be kept: {error.strerror}; make room and record "
                    f"again: the answers before it are in its journal"
                ) from error

    def note_silence(self, address: str, error: Exception) -> None:
        """Count connections that failed.

        Raises:
            RecordingStopped: they do, and no provider has answered yet, so the address may be wrong.
        """
        with self._lock:
            self._silences += 1
            if self._silences >= _TRIES and not self.asked:
                why = " ".join(str(error).split()) or type(error).__name__
                raise RecordingStopped(
                    f"nobody answers at {address} ({why}; {self._silences} tries), and no request was "
                    f"answered before: check the network and the base URL, then record again"
                )

    def finish(self, *, clean: bool) -> None:
        """End the recording, if any; see `Recorder.finish`."""
        with self._lock:
            recorder, self._recorder = self._recorder, None
            if recorder:
                saved = recorder.finish(clean=clean and self.keep, whole=self.whole)
                if saved:
                    self.saved, self._recording = saved
                    self._recorded_samples = _samples_of(self._recording)

    def _is_open(self, recorded: Interaction, key: str) -> bool:
        # a recording that was killed here has not seen how it went on, and this one may
        can_go_on = self._recorder is not None and not self._deck.has(recorded.sample, key)
        return can_go_on and may_retry(recorded.response)

    def _missed(self, request: Request, sample: int) -> StaleCassette:
        if self.miss:
            return stale_again(request, sample, self.miss)
        recorded, goes_on = self.recorded_samples, self.interrupted
        if sample not in recorded:
            first: RecordMode = "rewrite" if self.path.exists() else "once"
            mode: RecordMode = "new_episodes" if recorded else first
            self.miss = missing_sample(
                request,
                sample,
                path=self.path,
                recorded=recorded,
                command=self._command(goes_on or mode),
                interrupted=goes_on is not None,
            )
        else:
            self.miss = stale_cassette(
                self._compared(request),
                sample,
                path=self.path,
                meta=self.meta,
                left=[
                    replace(each, request=self._compared(each.request))
                    for each in self._deck.left()
                    if each.sample == sample
                ],
                command=self._command("rewrite"),
                setting=self.setting,
                go_on=self._command(goes_on) if goes_on else None,
            )
        return self.miss

    def _look_back(self) -> None:
        try:
            if self._recorder:
                self._recorder.look_back()
        except OSError as error:
            raise RecordingStopped(
                f"{self.path}: its journal cannot be written: {error.strerror}; make room and record again"
            ) from error

    def _check_key(self, request: Request) -> None:
        if any(DUMMY_KEY in value for value in request.headers.values()) or DUMMY_KEY in request.uri:
            raise RecordingStopped(
                f"{title(request)} would be recorded with the key {DUMMY_KEY!r}, which stands in for a "
                f"missing one: set the key of the provider"
            )


def _samples_of(recording: Recording) -> frozenset[int]:
    return frozenset(each.sample for each in recording.interactions)


def _exchange(interaction: Interaction, *, replayed: bool) -> Exchange:
    try:
        began_s = datetime.fromisoformat(interaction.at or "").timestamp()
    except ValueError:  # not measured, or written by hand
        began_s = None
    return Exchange(began_s, interaction.latency_s, interaction.first_byte_s, replayed)
