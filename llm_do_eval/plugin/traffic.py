"""A test in, its HTTP traffic recorded, replayed or let through out, and what is known of its origin."""

from __future__ import annotations

import functools
import os
from collections import Counter, defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm_do.canonical import digest
from llm_do_eval.cassette import dummy_keys, journal_path, use
from llm_do_eval.cassette.file.place import shown
from llm_do_eval.cassette.file.recording import spans
from llm_do_eval.cassette.file.sources import sources_of
from llm_do_eval.cassette.miss import NO_MODEL
from llm_do_eval.cassette.wires.normalize import Normalizer
from llm_do_eval.dependence import distinct
from llm_do_eval.evidence import Evidence
from llm_do_eval.plugin.cassettes import cassette_path, record_command
from llm_do_eval.plugin.notices import notice
from llm_do_eval.plural import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    import pytest

    from llm_do.links import Worker
    from llm_do_eval.cassette import RecordMode, StaleCassette, Tape
    from llm_do_eval.cassette.interaction import Interaction
    from llm_do_eval.plugin.options import Options
    from llm_do_eval.sample import Sample

_REPLAYING = ("none", "once", "new_episodes")


@dataclass(eq=False, slots=True)
class Traffic:
    """The cassette of one test from its set-up to its tear-down; none where providers are called live."""

    item: pytest.Item
    options: Options
    tape: Tape | None = None
    _open: ExitStack = field(default_factory=ExitStack)
    _started: datetime = field(default_factory=lambda: datetime.now(UTC))
    _held: tuple[Interaction, ...] = ()
    """What the cassette could answer when it was opened."""

    def open(self) -> None:
        """Open the cassette, with keys that open nothing for providers that have none.

        Raises:
            LlmDoError: the cassette cannot be read or recorded.
        """
        if self.options.record == "live":
            return
        model = os.environ.get("LLM_DO_MODEL")
        with ExitStack() as stack:
            stack.enter_context(dummy_keys())
            cassette = use(
                cassette_path(self.item, self.options.record),
                mode=self.options.record,
                meta={} if model is None else {"model": model},
                command=functools.partial(record_command, self.item, samples=self.options.samples),
                normalizer=Normalizer.of(self.options.normalize),
            )
            self.tape = stack.enter_context(cassette)
            # until the test says that every sample has ended
            self.tape.whole = False
            self._held = self.tape.unplayed()
            self._open = stack.pop_all()

    def close(self) -> None:
        """Close the cassette.

        Raises:
            RunFailed: what was recorded cannot be saved.
        """
        self._open.close()
        if self.tape is not None:
            notice(self.item, self._notices(self.tape))

    @property
    def replays(self) -> bool:
        """Whether no request leaves: each is answered from the cassette, or not at all."""
        return self.tape is not None and self.tape.replaying

    @property
    def model(self) -> str | None:
        """The recorded model, as `provider:name`; a name that says so where nothing is recorded to replay."""
        if self.tape is None:
            return None
        nothing = self.tape.replaying and not self.tape.recorded_samples
        return self.tape.model or (NO_MODEL if nothing else None)

    @property
    def plan(self) -> Any:
        """The plan by which the samples of the cassette were stopped early, a JSON value; None if by none.

        What is recorded anew has no plan yet.
        """
        return self.tape.meta.get("plan") if self.tape and self.options.record in _REPLAYING else None

    @property
    def looks(self) -> Any:
        """Whether samples of the cassette were added to others that had a verdict: then "often"."""
        return self.tape.meta.get("looks") if self.tape and self.options.record in _REPLAYING else None

    @property
    def held(self) -> int:
        """How many samples the cassette held when it was opened."""
        return len({each.sample for each in self._held})

    @property
    def miss(self) -> StaleCassette | None:
        """The first request that the cassette could not answer."""
        return self.tape.miss if self.tape else None

    def keep(self, *, clean: bool, whole: bool = False) -> None:
        """Say whether a new recording may replace the one that is there, and whether every sample ended."""
        if self.tape is not None:
            self.tape.keep = clean
            self.tape.whole = whole

    def about(self, index: int) -> Mapping[str, Any]:
        """Give the `meta` of the runs of a sample, so that a report counts only the newest of them.

        Samples that ask no provider name the cassette that their test would have. Live runs name none: each
        is new evidence.
        """
        tape = self.tape
        if tape is None:
            return {}
        about: dict[str, Any] = {"cassette": self._relative(tape.path)}
        held = [each for each in self._held if each.sample == index]
        if index not in tape.asked and held:
            about |= {"recorded_at": self._recorded_at({index})}
            # what is not recorded will be asked for; whether anything was, the run's own line tells then
            timed = all(each.at and each.latency_s is not None for each in held)
            return about | ({} if tape.replaying or not timed else {"records": True})
        # in milliseconds, as answers are dated: never after the `recorded_at` that replays will have
        return about | {"tested_at": self._started.isoformat(timespec="milliseconds")}

    def left(self, ended: int) -> dict[str, str] | None:
        """Name what the first `ended` samples of a replay left unplayed, and its file; None where nothing."""
        if self.tape is None or not self.tape.replaying or self.tape.saved is not None:
            return None
        left = [each.sample for each in self.tape.unplayed() if each.sample < ended]
        samples = f"sample{'s' * (len(set(left)) != 1)} {spans(left)}"
        were = "was" if len(left) == 1 else "were"
        what = f"{counted(len(left), 'recorded request')} of {samples} {were} not sent again"
        return {"path": str(self.tape.path), "what": what} if left else None

    def describe(self, meta: Mapping[str, Any]) -> None:
        """Add to what the first line of a recording says."""
        if self.tape is not None and not self.tape.replaying:
            self.tape.describe(meta)

    def note(self, workers: Iterable[Worker]) -> None:
        """Note the files of workers that ran, where they are recorded."""
        if self.tape is not None and not self.tape.replaying:
            self.tape.note(sources_of(workers))

    def evidence(self, samples: Sequence[Sample]) -> Evidence:
        """Say where the samples came from, after the cassette has been closed."""
        ended = sum(each.outcome is not None for each in samples)
        own = distinct(samples)
        named = set[str]().union(*(each.models for each in samples)) - {NO_MODEL}
        models = ", ".join(sorted(named)) or None
        tape, now = self.tape, self._started.isoformat(timespec="seconds")
        if tape is None:
            return Evidence(recorded_at=now, model=models, distinct=own)
        unplayed = tape.unplayed()
        played = self._played(unplayed) & {each.index for each in samples if each.outcome is not None}
        if tape.saved is not None:
            notice(self.item, ())
            return Evidence(
                recorded_at=self._recorded_at(played) if played else now,
                model=models or tape.model,
                distinct=own,
                cassette=self._relative(tape.saved),
                saved=True,
                scrubbed=tape.scrubbed,
                replayed_samples=len(played - tape.asked),
                interrupted=self._goes_on_by(tape),
                set_aside=None if tape.set_aside is None else self._relative(tape.set_aside),
            )
        if self.options.record not in _REPLAYING or len(unplayed) == tape.meta.get("count", 0):
            return Evidence(model=models, distinct=own)
        return Evidence(
            recorded_at=tape.meta.get("recorded_at"),
            model=models or tape.model,
            replayed=True,
            distinct=own,
            cassette=self._relative(tape.path),
            unplayed=sum(each.sample < ended for each in unplayed),
            replayed_samples=len(played),
            interrupted=tape.interrupted,
        )

    def recordings(self) -> dict[int, str]:
        """Name the recorded answers of each sample that has some: equal names, the same answers."""
        tape, told = self.tape, defaultdict[int, list[str]](list)
        if tape is None:
            return {}
        played = self._played(tape.unplayed())
        # what a provider answered just now has a name once it is saved
        known = played | tape.asked if tape.saved else played - tape.asked
        for each in tape.interactions:
            if each.sample in known:
                told[each.sample].append(f"{each.seq} {each.at} {each.response.body.value}")
        return {sample: digest("\n".join(answers))[:16] for sample, answers in told.items()}

    def _goes_on_by(self, tape: Tape) -> RecordMode | None:
        """Tell the mode that goes on with what was recorded just now, None where nobody has to."""
        if tape.saved != journal_path(tape.path):
            return None
        if self.options.record == "once" or not tape.path.exists():
            return "once"
        return "new_episodes" if self.options.record == "new_episodes" else None

    def _notices(self, tape: Tape) -> Iterator[str]:
        """Say what a test without a verdict of its own, as one that was interrupted, leaves on the disk."""
        if tape.set_aside is not None:
            yield f"what a killed recording had received is in {shown(tape.set_aside)}"
        if tape.saved is None or tape.whole:
            return
        mode = self._goes_on_by(tape) or self.options.record
        command = record_command(self.item, mode, samples=self.options.samples)
        verb = "go on" if mode in ("once", "new_episodes") else "record again"
        yield f"interrupted; what was received is in {shown(tape.saved)}, {verb} with {command}"

    def _played(self, unplayed: Iterable[Interaction]) -> set[int]:
        left = Counter(each.sample for each in unplayed)
        return {
            sample
            for sample, held in Counter(each.sample for each in self._held).items()
            if left[sample] < held
        }

    def _recorded_at(self, samples: AbstractSet[int]) -> str | None:
        """Say when the oldest recorded answer to some samples came."""
        assert self.tape is not None, "only a cassette has recorded answers"
        days = [each.at for each in self._held if each.sample in samples]
        # a cassette of stock vcrpy may not date each of them
        return min((day for day in days if day), default=self.tape.meta.get("recorded_at"))

    def _relative(self, path: Path) -> str:
        return Path(os.path.relpath(path, self.item.config.rootpath)).as_posix()
