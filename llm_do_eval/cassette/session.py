"""A path and a mode in, an open cassette around the code of a test or a run out."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from llm_do.errors import RunFailed, UsageError
from llm_do_eval.cassette.file.journal import journal_path
from llm_do_eval.cassette.file.recorder import (
    Recorder,
    RecordMode,
    goes_on_by,
    is_finished,
    read_with_left_over,
)
from llm_do_eval.cassette.file.recording import is_recording
from llm_do_eval.cassette.file.sources import placed
from llm_do_eval.cassette.miss import ModelSetting
from llm_do_eval.cassette.patches.offline import dummy_keys, no_network
from llm_do_eval.cassette.scrubbing.scrub import Scrubber
from llm_do_eval.cassette.stops import find_stop
from llm_do_eval.cassette.tape import Tape
from llm_do_eval.cassette.wires.normalize import Normalizer
from llm_do_eval.extra import installed

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from llm_do_eval.cassette.stops import CassetteStop

STOCK_SUFFIXES = (".yaml", ".yml")
_OPEN = threading.Lock()
_AS_IT_IS = Normalizer()


@contextmanager
def use(
    path: Path,
    *,
    mode: RecordMode,
    meta: Mapping[str, Any] | None = None,
    command: Callable[[RecordMode], str] = "record mode {!r}".format,
    environ: Mapping[str, str] = os.environ,
    normalizer: Normalizer = _AS_IT_IS,
) -> Generator[Tape]:
    """Answer the HTTP requests of this process from a cassette, or record them in it.

    `none` replays; `once` records if there is no cassette, or goes on if recording it was interrupted, else
    replays; `new_episodes` replays what is recorded and records the rest; `all` records, and replaces the
    samples that sent requests; `rewrite` records, and replaces everything. `all` and `rewrite` replace only
    if the body ends without an exception and `tape.keep` is true.

    Args:
        path: the cassette; `.yaml` and `.yml` are read as cassettes of stock vcrpy.
        mode: what to record.
        meta: what to add to the meta line; JSON values. `model` is the one that requests are to use, where
            not `LLM_DO_MODEL` says so; the files of `sources_of` are written relative to the cassette.
        command: tells the command that records by a given mode, for error messages.
        environ: where the values of secrets are taken from.
        normalizer: what does not count when requests are compared.

    Raises:
        UsageError: a cassette is open already, this one cannot be recorded, or vcrpy is missing; nothing was
            requested.
        FormatError: the cassette cannot be read.
        RunFailed: at the end, what was recorded cannot be saved, or may be not all of it.
    """
    with installed():
        from llm_do_eval.cassette.patches.player import through
    _check_kind(path)
    if not _OPEN.acquire(blocking=False):
        raise UsageError(
            f"{path}: cannot be opened while another cassette is open, because HTTP libraries are patched "
            f"process-wide; use one cassette with samples in it"
        )
    try:
        about, recorded = placed(meta or {}, path.parent), Scrubber(environ)
        tape = _opened(_Cassette(path, mode, about, command, recorded, normalizer))
        tape.setting = _setting((meta or {}).get("model"), environ.get("LLM_DO_MODEL"))
        yield from _played(tape, through(tape))
    finally:
        _OPEN.release()


@contextmanager
def cli_cassette(path: Path, mode: Literal["record", "replay"], meta: Mapping[str, Any]) -> Generator[Tape]:
    """Record one run of the command line in `path`, or replay it from there; `.model` is the recorded model.

    Raises:
        UsageError: there is nothing to replay, nothing can be recorded, or `path` is a file of another kind.
        FormatError: the cassette cannot be read.
        RunFailed: the run asked for what is not recorded (its notes say what differs), or could not be saved.
    """
    _check_kind(path)
    if mode == "record" and path.exists() and not is_recording(path):
        raise UsageError(f"{path}: is no recording, so it is not replaced; name another file, or delete it")
    if mode == "replay" and not path.is_file() and not journal_path(path).is_file():
        raise UsageError(f"{path}: there is no such cassette; record one with --record {path}")
    with (
        dummy_keys() if mode == "replay" else nullcontext(),
        use(
            path,
            mode="none" if mode == "replay" else "rewrite",
            meta=meta,
            command=lambda _: f"the same command and --record {path} in the place of --replay",
        ) as tape,
    ):
        try:
            yield tape
        except BaseException as error:
            if stop := find_stop(error):
                raise _failure(stop) from error
            raise


def _check_kind(path: Path) -> None:
    """Refuse a folder, a pipe, a device: reading one may never end."""
    if path.is_dir():
        raise UsageError(f"{str(path)!r} is a folder; name a file in it")
    if path.exists() and not path.is_file():
        raise UsageError(f"{path}: is no regular file; name another")


def _failure(stop: CassetteStop) -> RunFailed:
    first, *notes = str(stop).splitlines()
    failed = RunFailed(first, error_class=stop.error_class)
    for note in notes:
        failed.add_note(note)
    return failed


def _setting(model: str | None, environment: str | None) -> ModelSetting | None:
    if model and model != environment:
        return ModelSetting("--model", model)
    return ModelSetting("LLM_DO_MODEL", environment) if environment else None


class _Cassette(NamedTuple):
    path: Path
    mode: RecordMode
    meta: Mapping[str, Any]
    command: Callable[[RecordMode], str]
    scrubber: Scrubber
    normalizer: Normalizer


def _opened(asked: _Cassette) -> Tape:
    path, mode, meta, command, scrubber, normalizer = asked
    if path.suffix in STOCK_SUFFIXES:
        return _stock(asked)
    if mode == "none" or (mode == "once" and is_finished(path)):
        interrupted = goes_on_by(path)
        recording = read_with_left_over(path)
        return Tape(path, recording, scrubber, command, interrupted=interrupted, normalizer=normalizer)
    recorder = Recorder(path, mode, meta, scrubber)
    return Tape(
        path,
        recorder.old,
        scrubber,
        command,
        recorder=recorder,
        replays=mode in ("once", "new_episodes"),
        normalizer=normalizer,
    )


def _stock(asked: _Cassette) -> Tape:
    from llm_do_eval.cassette.file.stock import read_stock

    path, mode, _, command, scrubber, normalizer = asked
    if mode not in ("none", "once"):
        raise UsageError(
            f"{path}: a YAML cassette can be replayed, not recorded; record to a .jsonl file, or convert it: "
            f"llm-do-eval cassettes convert {path} -o {path.with_suffix('.jsonl')}"
        )
    return Tape(path, read_stock(path, scrubber), scrubber, command, normalizer=normalizer)


def _played(tape: Tape, patched: AbstractContextManager[None]) -> Generator[Tape]:
    clean = False
    try:
        with no_network() if tape.replaying else nullcontext(), patched:
            yield tape
        clean = True
    except Exception:
        raise
    except BaseException:
        # somebody pressed Ctrl-C, or the recording was stopped
        tape.whole = False
        raise
    finally:
        tape.finish(clean=clean)
