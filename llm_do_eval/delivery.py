"""Text in, a whole file or standard output out: a file is there complete or not at all."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from llm_do.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

STDOUT: Final = "-"


def deliver(target: str, texts: Iterable[str]) -> None:
    """Write texts to a path, whose folder is made, or to standard output. Raises UsageError if it cannot."""
    if target == STDOUT:
        for text in texts:
            sys.stdout.write(text)
        return
    path = Path(target).resolve()
    try:
        if path.exists() and not path.is_file():
            # a device or a pipe is written to, never replaced
            _write(path, texts)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, texts)
    except OSError as error:
        raise UsageError(f"{target}: cannot be written ({error.strerror}); name another file") from error


def _replace(path: Path, texts: Iterable[str]) -> None:
    unfinished = path.with_name(f"{path.name}.tmp.{os.getpid()}")
    try:
        _write(unfinished, texts)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _write(path: Path, texts: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
        stream.writelines(texts)
