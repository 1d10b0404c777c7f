"""Interactions in as they are recorded, a file beside the cassette out that outlives the process."""

from __future__ import annotations

import errno
import fcntl
import os
import re
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from llm_do.errors import FormatError, UsageError
from llm_do_eval.cassette.file.recording import check_schema, read_lines
from llm_do_eval.cassette.interaction import LineError, json_line, json_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from llm_do_eval.cassette.interaction import Interaction

_SCHEMA = "llm-do-eval/cassette-journal/v1"
_REFUSED = re.compile(r"\.refused(?:\.\d+)?\.journal\Z")
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT


@dataclass(frozen=True, slots=True)
class LeftOver:
    """What an interrupted recording left: its first line (`mode`, `pid`, `meta`) and what it had received.

    Where `refused` stands in the first line, nobody may use the lines: they hold a secret.
    """

    head: Mapping[str, Any] = field(default_factory=dict[str, Any])
    interactions: tuple[Interaction, ...] = ()

    @property
    def adds(self) -> bool:
        """Whether the recording was adding to its cassette, not replacing it."""
        return self.head.get("mode") in ("once", "new_episodes")

    @property
    def refused(self) -> bool:
        """Whether the lines hold a secret that could not be replaced, so that nobody may use them."""
        return bool(self.head.get("refused"))


def journal_path(cassette: Path) -> Path:
    """Return where the journal of a cassette lies."""
    return cassette.with_name(f"{cassette.name}.journal")


def is_refused(journal: Path) -> bool:
    """Tell whether the lines of a journal hold a secret, so that no recording takes them over."""
    if _REFUSED.search(journal.name):
        return True
    try:
        with journal.open("rb") as file:
            return bool(json_object(file.readline()).get("refused"))
    except (OSError, LineError):
        return False


def read_left_over(cassette: Path) -> LeftOver:
    """Read the journal beside a cassette, if any; its unfinished last line is skipped.

    Raises:
        FormatError: it cannot be read, or is torn anywhere else.
    """
    path = journal_path(cassette)
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return LeftOver()
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror}") from error
    if not lines:
        return LeftOver()
    try:
        head = json_object(lines[0])
    except LineError as error:
        raise FormatError(f"{path}:1: {error}, so this is no journal of a cassette; delete it") from error
    check_schema(path, head, _SCHEMA)
    if head.get("refused"):
        return LeftOver(head)
    return LeftOver(head, tuple(read_lines(path, lines[1:])))


class Journal:
    """The journal of a cassette that is being recorded; whoever has it open is the only one who records.

    Raises:
        UsageError: another process records this cassette, or nothing can be written here.
    """

    def __init__(self, cassette: Path) -> None:
        self._path = journal_path(cassette)
        self._head: dict[str, Any] = {}
        try:
            cassette.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._lock()
        except BlockingIOError as error:
            raise UsageError(
                f"{cassette}: is being recorded by another process (pid {self._owner()}); wait for it to end"
            ) from error
        except OSError as error:
            raise UsageError(
                f"{cassette}: cannot be recorded, {error.filename} is not writable: {error.strerror}"
            ) from error

    def start(self, mode: str, meta: Mapping[str, Any]) -> None:
        """Begin anew with the first line."""
        os.ftruncate(self._file, 0)
        self._head = {"schema": _SCHEMA, "mode": mode, "pid": os.getpid(), "meta": dict(meta)}
        self._write(json_line(self._head) + b"\n")

    def rewrite(
        self,
        interactions: Iterable[Interaction],
        *,
        refused: bool = False,
        meta: Mapping[str, Any] | None = None,
    ) -> None:
        """Replace the lines, at once and under the lock; `refused`: by such as nobody may use.

        Args:
            interactions: the new lines.
            refused: whether nobody may use them.
            meta: what is to be known of the recording, where that is more than before.

        Raises:
            OSError: there was no place; the old lines stay.
        """
        self._head |= {} if meta is None else {"meta": dict(meta)}
        head = json_line(self._head | ({"refused": True} if refused else {})) + b"\n"
        # named like a file of the cassette, so that the next recording clears it away
        fresh = self._path.with_name(f"{self._path.stem}.tmp.{os.getpid()}")
        old, self._file = self._file, os.open(fresh, _FLAGS | os.O_TRUNC, 0o666)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write(head + b"".join(each.to_line() for each in interactions))
            os.fsync(self._file)
            fresh.replace(self._path)
        except BaseException:
            old, self._file = self._file, old
            fresh.unlink(missing_ok=True)
            raise
        finally:
            os.close(old)

    def append(self, interaction: Interaction) -> None:
        """Add one line by one write.

        Raises:
            OSError: there was no place for all of it; nothing of it stays.
        """
        self._write(interaction.to_line())

    def close(self) -> None:
        """Give the lock back and leave the file."""
        os.close(self._file)

    def remove(self) -> None:
        """Give the lock back and remove the file."""
        self._path.unlink(missing_ok=True)
        self.close()

    def refuse(self) -> Path:
        """Give the lock back and put the file where no recording picks it up; return where."""
        self._path.replace(kept := self._free_place())
        self.close()
        return kept

    def copy_refused(self) -> None:
        """Copy what nobody may use to where no recording picks it up, and keep the lock."""
        self._free_place().write_bytes(self._path.read_bytes())

    def _free_place(self) -> Path:
        # these answers were paid for: none is written over by the next; we hold the lock
        places = (_refused_path(self._path, nth) for nth in count(1))
        return next(place for place in places if not place.exists())

    def _lock(self) -> int:
        while True:
            file = os.open(self._path, _FLAGS, 0o666)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # the last owner may have removed the file between our two steps
                if self._path.exists() and os.path.samestat(os.fstat(file), self._path.stat()):
                    return file
            except BaseException:
                os.close(file)
                raise
            os.close(file)

    def _owner(self) -> str:
        try:
            return str(json_object(self._path.read_bytes().partition(b"\n")[0]).get("pid"))
        except (OSError, LineError):
            return "unknown"

    def _write(self, line: bytes) -> None:
        before = os.fstat(self._file).st_size
        if os.write(self._file, line) != len(line):
            os.ftruncate(self._file, before)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))


def _refused_path(journal: Path, nth: int) -> Path:
    return journal.with_name(f"{journal.stem}.refused{f'.{nth}' if nth > 1 else ''}.journal")
