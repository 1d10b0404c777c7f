"""Answers in while a cassette records, a cassette out that is replaced only by a whole and clean one."""

from __future__ import annotations

import glob
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from llm_do.errors import FormatError, RunFailed, UsageError
from llm_do_eval.cassette.file.journal import Journal, LeftOver, journal_path, read_left_over
from llm_do_eval.cassette.file.recording import Recording, installed_versions, read_recording, write_recording
from llm_do_eval.cassette.file.sources import merged
from llm_do_eval.cassette.interaction import json_line
from llm_do_eval.cassette.scrubbing.canary import Canary, told
from llm_do_eval.cassette.scrubbing.scrub import COOKIE
from llm_do_eval.cassette.stops import RecordingStopped

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from llm_do_eval.cassette.interaction import Interaction
    from llm_do_eval.cassette.scrubbing.canary import Place
    from llm_do_eval.cassette.scrubbing.scrub import Scrubber

_KEEP_OUT = "keep it out of prompts, tool results and answers"

RecordMode = Literal["none", "once", "new_episodes", "all", "rewrite"]


class Saved(NamedTuple):
    """A recording, and the file that it is in."""

    path: Path
    recording: Recording


def set_aside_path(cassette: Path, nth: int = 1) -> Path:
    """Return where the `nth` replacement goes that was not clean enough; it is a cassette itself."""
    return cassette.with_name(f"{cassette.name}.unclean{f'.{nth}' if nth > 1 else ''}")


def read_with_left_over(path: Path) -> Recording:
    """Read a cassette and what an interrupted recording of it left; write nothing.

    Raises:
        FormatError: one of them cannot be read.
    """
    return _merged(read_recording(path) if path.exists() else None, read_left_over(path))


def is_finished(path: Path) -> bool:
    """Tell whether a cassette is there whose first recording, by mode `once`, has come to its end.

    Raises:
        FormatError: what an interrupted recording left cannot be read.
    """
    return path.exists() and read_left_over(path).head.get("mode") != "once"


def goes_on_by(path: Path) -> Literal["once", "new_episodes"] | None:
    """Tell the mode that goes on with what `read_with_left_over` gives; None unless that was interrupted.

    Raises:
        FormatError: what an interrupted recording left cannot be read.
    """
    left = read_left_over(path)
    if not path.exists():
        return "once" if left.interactions else None
    if left.head.get("mode") == "once":
        return "once"
    return "new_episodes" if left.adds and left.interactions else None


class Recorder:
    """Records one cassette: `once` and `new_episodes` add to it, `all` replaces samples, `rewrite` all of it.

    What an interrupted recording left is settled first: it is added to the cassette, or becomes it; where it
    was to replace a cassette that is there, it is put into the file `set_aside`; what was set aside before
    stays, and what nobody may use is put where nothing reads it. Nothing is written that holds a secret which
    `scrubber` knows of, or a text of the shape of a key.

    Raises:
        UsageError: another process records, or nothing can be written.
        FormatError: what is there cannot be read (`rewrite` does not need to).
        RunFailed: what an interrupted recording left, or `meta`, holds a secret.
    """

    def __init__(self, path: Path, mode: RecordMode, meta: Mapping[str, Any], scrubber: Scrubber) -> None:
        self._path = path
        self._scrubber = scrubber
        self._canary = Canary(lambda: scrubber.known)
        self._mode: RecordMode = mode
        self._meta: dict[str, Any] = {**meta, "versions": installed_versions()}
        self._new: list[Interaction] = []
        self._looked_for = frozenset[str]()
        self._lacked_room = False
        self.set_aside: Path | None = None
        self._journal = Journal(path)
        try:
            self.old = self._settle()
            self._check(path, self._canary.scan(json_line({"meta": self._meta})))
            self._journal.start(mode, self._meta)
        except OSError as error:
            self._journal.close()
            raise UsageError(f"{path}: cannot be recorded: {error.strerror}") from error
        except BaseException:
            self._journal.close()
            raise

    def note(self, meta: Mapping[str, Any]) -> None:
        """Add to the meta line what is known only now: the sources of a run."""
        self._meta = merged(self._meta, meta)
        # what is killed later is of these files too; where there is no room, the next answer says so
        if not self._canary.scan(json_line({"meta": self._meta})):
            with suppress(OSError):
                self._rewrite_journal(self._new)

    def look_back(self) -> None:
        """Take out of the journal what is a secret since a request carried it, or a variable was set.

        A recording that is killed would leave it there, and the next one does not know what it is. Lines in
        which it cannot be replaced stay, and the journal says that nobody may use them.

        Raises:
            OSError: there is no place for another journal.
        """
        # each answer may set a new cookie, and all lines are looked at again for a new value
        known = frozenset(value for value, what in self._scrubber.known.items() if what != COOKIE)
        if known <= self._looked_for:
            return
        if any(self._canary.interaction(each) for each in self._new):
            clean = [*map(self._scrubber.interaction, self._new)]
            self._rewrite_journal(clean)
            self._new = clean
        self._looked_for |= known

    def append(self, interaction: Interaction) -> None:
        """Keep one answer, in the journal at once.

        Raises:
            OSError: the journal has no place for it; `finish` will still try to save it.
            RecordingStopped: it holds a secret; it is not kept.
        """
        if places := self._canary.interaction(interaction):
            raise RecordingStopped(
                f"{self._path}: an answer is not kept, because {told(places)}; {_KEEP_OUT}, and record again"
            )
        self._new.append(interaction)
        try:
            self._journal.append(interaction)
        except OSError:
            self._lacked_room = True
            raise
        self.look_back()

    def finish(self, *, clean: bool, whole: bool = True) -> Saved | None:
        """Save what was recorded, if anything, and return what is where.

        A replacement that is not `clean` leaves the cassette that is there alone and is set aside. A first
        recording that is not `whole`, as it was interrupted, stays in its journal: the next one goes on.

        Raises:
            RunFailed: it could not be saved, or holds a secret; it stays in the journal (the latter in one
                that nothing reads), and the cassette is as it was.
        """
        if not (self._new or self.old.interactions):
            self._journal.remove()
            return None
        if not whole and (self._mode == "once" or not self._path.exists()):
            return self._leave()
        if not self._new:
            self._journal.remove()
            return None
        replaces = self._mode in ("all", "rewrite")
        aside = replaces and not clean and self._path.exists()
        target = self._free_place() if aside else self._path
        result = self._clean_result()
        try:
            write_recording(target, result)
        except OSError as error:
            self._journal.close()
            if self._lacked_room:  # the answer that found none has said so
                return Saved(journal_path(self._path), result)
            raise RunFailed(
                f"{target}: cannot be saved: {error.strerror}; the {len(self._new)} new answers are in its "
                f"journal, which the next recording picks up"
            ) from error
        self._journal.remove()
        return Saved(target, result)

    def _leave(self) -> Saved:
        result = self._clean_result()
        with suppress(OSError):
            self._rewrite_journal(self._new)
        self._journal.close()
        return Saved(journal_path(self._path), result)

    def _rewrite_journal(self, lines: list[Interaction]) -> None:
        refused = any(self._canary.interaction(each) for each in lines)
        self._journal.rewrite(lines, meta=self._meta, refused=refused)

    def _clean_result(self) -> Recording:
        if self._canary.places(result := self._result()):
            # a key may have been in a body before a request carried it
            self._new = [*map(self._scrubber.interaction, self._new)]
            result = self._result()
        if places := self._canary.places(result):
            kept = self._journal.refuse()
            raise RunFailed(
                f"{self._path}: is not saved, because {told(places)}; {_KEEP_OUT}, or use "
                f"`llm-do-eval cassettes scrub` where an older recording holds it; the {len(self._new)} new "
                f"answers are in {kept}, which nothing reads: delete it when you are done"
            )
        return result

    def _write(self, path: Path, recording: Recording) -> None:
        self._check(path, self._canary.places(recording))
        write_recording(path, recording)

    def _check(self, path: Path, places: list[Place]) -> None:
        if places:
            raise RunFailed(f"{path}: is not saved, because {told(places)}; {_KEEP_OUT}")

    def _settle(self) -> Recording:
        self._clear()
        left = read_left_over(self._path)
        if left.refused:
            self._journal.copy_refused()
        try:
            old = read_recording(self._path) if self._path.exists() else None
        except FormatError:
            if self._mode != "rewrite":
                raise
            self._set_aside(left.interactions, left)
            return Recording()
        merged = _merged(old, left)
        if left.interactions and merged is not old:
            self._write(self._path, merged)
        elif old:
            self._set_aside(_not_in(old, left), left)
        return merged

    def _clear(self) -> None:
        # whoever was killed while it saved has left a part of a file; we hold the lock, so nobody saves now
        name = glob.escape(self._path.name)
        for parts in (f"{name}.tmp.*", f"{name}.unclean.tmp.*", f"{name}.unclean.*.tmp.*"):
            for part in self._path.parent.glob(parts):
                part.unlink(missing_ok=True)

    def _set_aside(self, interactions: tuple[Interaction, ...], left: LeftOver) -> None:
        if interactions and not self._is_set_aside(interactions):
            self._write(place := self._free_place(), Recording.of(interactions, left.head.get("meta", {})))
            self.set_aside = place

    def _is_set_aside(self, interactions: tuple[Interaction, ...]) -> bool:
        # a process may have ended between setting them aside and removing its journal
        return any(
            not _missing(interactions, _readable(path).interactions)
            for path in self._path.parent.glob(f"{glob.escape(set_aside_path(self._path).name)}*")
        )

    def _free_place(self) -> Path:
        # these answers were paid for too: none is written over by the next; we hold the lock
        places = (set_aside_path(self._path, nth) for nth in count(1))
        return next(place for place in places if not place.exists())

    def _result(self) -> Recording:
        match self._mode:
            case "rewrite":
                kept: tuple[Interaction, ...] = ()
            case "all":
                recorded = {each.sample for each in self._new}
                kept = tuple(each for each in self.old.interactions if each.sample not in recorded)
            case _:
                kept = self.old.interactions
        return Recording.of([*kept, *self._new], merged(self.old.meta if kept else {}, self._meta))


def _merged(old: Recording | None, left: LeftOver) -> Recording:
    meta = left.head.get("meta", {})
    if old is None:
        return Recording.of(left.interactions, meta) if left.interactions else Recording()
    missing = _not_in(old, left) if left.adds else ()
    return Recording.of([*old.interactions, *missing], merged(old.meta, meta)) if missing else old


def _not_in(old: Recording, left: LeftOver) -> tuple[Interaction, ...]:
    # a process may have ended between saving the cassette and removing its journal
    return _missing(left.interactions, old.interactions)


def _missing(wanted: tuple[Interaction, ...], there: tuple[Interaction, ...]) -> tuple[Interaction, ...]:
    known = {each.to_line() for each in there}
    return tuple(each for each in wanted if each.to_line() not in known)


def _readable(path: Path) -> Recording:
    with suppress(FormatError):
        return read_recording(path)
    return Recording()
