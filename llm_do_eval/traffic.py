"""A recording in, its provider around the code of a script out: `--replay` and `--record` for Python."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from llm_do.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Generator


@dataclass(frozen=True, slots=True)
class Traffic:
    """The traffic that a script runs on; `model` is the recorded one, None where nothing is replayed."""

    model: str | None = None


@contextmanager
def traffic(
    *,
    replay: str | Path | None = None,
    record: str | Path | None = None,
    model: str | None = None,
    project: str | Path | None = None,
) -> Generator[Traffic]:
    """Answer the requests of a script from a recording, record them, or, with neither, let them pass.

    Args:
        replay: the file to answer from; no socket is opened and no key is needed.
        record: the file to write; it is replaced only if the block ends without an exception.
        model: the model that the recording is made with, for its first line.
        project: a manifest or a folder with one; a recording notes its files, and says later which changed.

    Raises:
        UsageError: both are given, or there is nothing to replay, or nothing can be recorded.
        SpecError: the project is wrong.
        FormatError: the recording cannot be read.
        RunFailed: a request is not in the recording, or what was recorded cannot be saved.
    """
    path = replay or record
    if path is None:
        yield Traffic()
        return
    if replay and record:
        raise UsageError(f"{replay} is to be replayed and {record} to be recorded; choose one")
    from llm_do_eval.cassette import cli_cassette
    from llm_do_eval.cassette.file.sources import project_sources

    meta = {"model": model} | ({} if project is None or replay else project_sources(Path(project)))
    with cli_cassette(Path(path), "replay" if replay else "record", meta) as tape:
        yield Traffic(tape.model)
