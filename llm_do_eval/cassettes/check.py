"""Cassettes in, what is wrong with each out: for `llm-do-eval cassettes check` and for the plugin."""

from __future__ import annotations

import fcntl
import os
import re
import shlex
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

from llm_do.errors import FormatError
from llm_do_eval.cassette.file.journal import is_refused
from llm_do_eval.cassette.file.recording import is_foreign, read_recording
from llm_do_eval.cassette.file.sources import changed
from llm_do_eval.cassette.scrubbing.canary import places_of_secrets
from llm_do_eval.cassette.session import STOCK_SUFFIXES
from llm_do_eval.cassettes.finding import Finding
from llm_do_eval.cassettes.orphan import missing_test, node_id
from llm_do_eval.plural import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from llm_do_eval.cassette.file.recording import Recording
    from llm_do_eval.cassettes.files import Files

MAX_BYTES: Final = 1_000_000
_DAY_S: Final = 86_400
# it is numbered from the second on
_SET_ASIDE: Final = re.compile(r"\.unclean(?:\.\d+)?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is asked of a cassette; age in days, None: any. `environ` is where a replay would run."""

    now: datetime
    max_bytes: int = MAX_BYTES
    max_age_days: float | None = None
    environ: Mapping[str, str] = field(default_factory=dict[str, str])


def check_files(files: Files, limits: Limits) -> list[Finding]:
    """Check every file; findings are sorted by file and kind."""
    found = [each for path in files.cassettes for each in check_cassette(path, limits)]
    found += [each for path in files.cassettes for each in orphan(path)]
    found += [each for path in files.left_over for each in left_over(path)]
    return sorted(found)


def check_cassette(path: Path, limits: Limits) -> list[Finding]:
    """Check what one cassette holds; whether its test is still there is another question, `orphan`."""
    try:
        size = path.stat().st_size
        recording = _read(path)
    except OSError as error:
        return [Finding(str(path), "torn", f"cannot be read: {error.strerror}", "make it readable")]
    except FormatError as error:
        what, _, cure = str(error).removeprefix(f"{path}:").strip().partition("; ")
        return [Finding(str(path), "foreign version" if is_foreign(path) else "torn", what, cure)]
    return [
        *_oversized(path, size, limits.max_bytes),
        *_stale(path, recording.meta),
        *_other_model(path, recording.meta, limits.environ),
        *_aged(path, recording.meta, limits),
        *_secret(path, recording, limits),
    ]


def orphan(path: Path) -> list[Finding]:
    """Find out whether the test of a cassette is gone."""
    what = missing_test(path)
    return [Finding(str(path), "orphan", what, "delete the file, or rename it to its test")] if what else []


def left_over(path: Path) -> list[Finding]:
    """Say what a recording left, unless it is still under way."""
    if path.suffix != ".journal":
        aside = _SET_ASIDE.search(path.name)
        what = "set aside, it was not clean" if aside else "a file that was not finished"
        return [Finding(str(path), "left over", what, "look at it, then delete it")]
    if _is_locked(path):
        return []
    if is_refused(path):
        what = "the journal of a recording that was refused, because it holds a secret"
        cure = "look at it, then delete it: no recording takes it over"
        return [Finding(str(path), "left over", what, cure)]
    what = "the journal of a recording that was interrupted"
    return [
        Finding(str(path), "left over", what, "record again, which takes over what it holds, or delete it")
    ]


def record_anew(path: Path) -> str:
    """Say how to record a cassette again, with the command where the name tells its test."""
    node = node_id(path)
    return (
        f"record it anew: {shlex.join(['pytest', '--llm-record=rewrite', node])}"
        if node
        else "record it anew"
    )


def _read(path: Path) -> Recording:
    if path.suffix not in STOCK_SUFFIXES:
        return read_recording(path)
    from llm_do_eval.cassette.file.stock import read_stock

    return read_stock(path)


def _oversized(path: Path, size: int, most: int) -> Iterator[Finding]:
    if size > most:
        what = f"{size:,} bytes, and {most:,} are allowed"
        yield Finding(str(path), "oversized", what, "record fewer samples, or allow more")


def _stale(path: Path, meta: Mapping[str, Any]) -> Iterator[Finding]:
    for each in changed(meta, path.parent):
        yield Finding(str(path), "stale", str(each), record_anew(path))


def _other_model(path: Path, meta: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[Finding]:
    """Find that a replay here would ask for another model, where no worker names one itself."""
    asked, recorded, workers = environ.get("LLM_DO_MODEL"), meta.get("model"), meta.get("workers")
    if not asked or not recorded or asked == recorded or not isinstance(workers, dict):
        return
    sources = cast("dict[str, Any]", workers).values()
    if any(isinstance(each, dict) and cast("dict[str, Any]", each).get("model") for each in sources):
        return
    what = f"LLM_DO_MODEL is {asked!r}, and it was recorded with {recorded!r}"
    yield Finding(str(path), "stale", what, f"unset it, or {record_anew(path)}")


def _aged(path: Path, meta: Mapping[str, Any], limits: Limits) -> Iterator[Finding]:
    if limits.max_age_days is None:
        return
    try:
        recorded_at = datetime.fromisoformat(str(meta.get("recorded_at")))
    except ValueError:
        yield Finding(str(path), "stale", "it does not say when it was recorded", record_anew(path))
        return
    recorded_at = recorded_at if recorded_at.tzinfo else recorded_at.replace(tzinfo=UTC)
    days = (limits.now - recorded_at).total_seconds() / _DAY_S
    if days > limits.max_age_days:
        what = f"recorded {days:.0f} days ago, and {limits.max_age_days:g} are allowed"
        yield Finding(str(path), "stale", what, record_anew(path))


def _secret(path: Path, recording: Recording, limits: Limits) -> Iterator[Finding]:
    places = places_of_secrets(recording, limits.environ)
    if places:
        more = f", and {counted(len(places) - 1, 'more place')}" if len(places) > 1 else ""
        target = path.with_suffix(".jsonl")
        stock = f"convert {path} -o {target}, and delete the YAML file"
        how = stock if path.suffix in STOCK_SUFFIXES else f"scrub {path}"
        cure = f"revoke it, then: llm-do-eval cassettes {how}"
        yield Finding(str(path), "secret", places[0] + more, cure)


def _is_locked(path: Path) -> bool:
    """Tell whether a recording has the journal open: it holds a lock until its end."""
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False
