"""Cassettes of stock vcrpy in, ours out: one file, or all of a folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from llm_do.errors import FormatError, UsageError
from llm_do_eval.cassette.file.stock import read_stock
from llm_do_eval.cassette.session import STOCK_SUFFIXES
from llm_do_eval.cassettes.scrub import save_clean, scrubbed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from llm_do_eval.cassette.file.recording import Recording
    from llm_do_eval.cassette.scrubbing.scrub import Scrubber

SCHEMA: Final = "llm-do-eval/cassette-convert/v1"


@dataclass(frozen=True, slots=True)
class Job:
    """One file to convert."""

    source: Path
    target: Path


def jobs(source: Path, target: Path, *, force: bool) -> list[Job]:
    """Plan what to convert: a file to a file, or the files below a folder to the same names below another.

    Raises:
        FormatError: there is nothing to convert.
        UsageError: a target has a name that would not be read as ours, or is there and `force` is not set.
    """
    if source.is_dir():
        files = sorted(path for path in source.rglob("*") if path.suffix in STOCK_SUFFIXES and path.is_file())
        planned = [Job(path, (target / path.relative_to(source)).with_suffix(".jsonl")) for path in files]
    else:
        into = target / f"{source.stem}.jsonl" if target.is_dir() else target
        planned = [Job(source, into)]
    if not planned or not source.exists():
        raise FormatError(f"{source}: there is no YAML cassette here; name a file or a folder of them")
    for each in planned:
        if each.target.suffix in STOCK_SUFFIXES:
            raise UsageError(f"{each.target}: name a .jsonl file, a YAML name is read as a cassette of vcrpy")
        if each.target.exists() and not force:
            raise UsageError(f"{each.target}: is there already; name another file, or --force replaces it")
    names = [each.target for each in planned]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"{twice}: two sources would become this file; convert them one by one")
    return planned


def convert(planned: Sequence[Job], scrubber: Scrubber, environ: Mapping[str, str]) -> list[Recording]:
    """Convert all of them; nothing is written before every source was read.

    Raises:
        FormatError: a source is torn or no cassette of vcrpy.
        RunFailed: a target would hold a secret, or cannot be written.
    """
    converted = [scrubbed(read_stock(each.source), scrubber).recording for each in planned]
    for each, recording in zip(planned, converted, strict=True):
        save_clean(each.target, recording, environ)
    return converted
