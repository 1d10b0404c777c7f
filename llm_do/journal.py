"""Events in, append-only JSON lines out: one write per line, so a killed run leaves whole lines behind.

The format is `llm-do/observation/v1`. Listeners get every event, also when no file is written: the
terminal, `--json` and tests read what the journal says and nothing else.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final, Literal

from llm_do.errors import UsageError
from llm_do.secrets import redacted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

SCHEMA: Final = "llm-do/observation/v1"
VERSION: Final = 1
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
Impl = Literal["worker", "python", "stub", "stabilized", "server"]
"""What ran a call."""
Effect = Literal["read", "write", "unknown"]
"""What a call does to the world."""
Event = dict[str, Any]


class Journal:
    """The memory of one run: opened before the first event, closed after the last."""

    def __init__(self, path: Path | None, listeners: Iterable[Callable[[Event], None]] = ()) -> None:
        self.path = path
        self._listeners = tuple(listeners)
        self._fd = None if path is None else _open(path)

    @property
    def is_read(self) -> bool:
        """Whether events go anywhere; where not, nobody needs to put them together."""
        return self._fd is not None or bool(self._listeners)

    def write(self, event: Event) -> None:
        """Append one event; it is in the file when this returns. Raises UsageError when the disk refuses."""
        event = {"v": VERSION, **event}
        if self._fd is not None and self.path is not None:
            line = _text(redacted(event)).encode("utf-8", "replace")
            try:
                _write_whole(self._fd, line + b"\n")
            except OSError as error:
                raise UsageError(
                    f"{self.path}: the journal cannot be written ({error.strerror}); use --runs-dir"
                ) from error
        for listen in self._listeners:
            listen(event)

    def close(self) -> None:
        """Close the file; later writes reach listeners only."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _text(event: Event) -> str:
    return json.dumps(event, ensure_ascii=False, default=str, separators=(",", ":"))


def _open(path: Path) -> int:
    try:
        try:
            return os.open(path, _FLAGS, 0o600)
        except FileNotFoundError:  # only the first run of a project finds no folder
            path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(path, _FLAGS, 0o600)
    except OSError as error:
        raise UsageError(
            f"{path}: the journal cannot be opened ({error.strerror}); use --runs-dir DIR or --no-journal"
        ) from error


def _write_whole(fd: int, line: bytes) -> None:
    while line:
        line = line[os.write(fd, line) :]
