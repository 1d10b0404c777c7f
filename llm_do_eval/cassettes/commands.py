"""The commands `llm-do-eval cassettes ...`: words in, one function called, its value printed."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final

import typer

from llm_do.errors import UsageError
from llm_do.ui.escape import visible
from llm_do_eval import options  # noqa: TC001  typer reads the annotations when it runs
from llm_do_eval.delivery import STDOUT, deliver
from llm_do_eval.plural import counted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from llm_do_eval.cassette.file.recording import Recording

DIFFERENT: Final = 1
app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=False,
    help="Look after recorded traffic: check, show, diff, scrub, convert.",
)


@app.command("check")
def check_command(
    *,
    paths: options.CassettePaths = None,
    max_age: options.MaxAge = None,
    max_bytes: options.MaxBytes = 1_000_000,
    as_json: options.Json = None,
) -> int:
    """Find cassettes that lost their test, are stale, hold a secret, are too large, torn or foreign."""
    from datetime import UTC, datetime

    from llm_do_eval.cassettes.check import Limits, check_files
    from llm_do_eval.cassettes.files import find_files
    from llm_do_eval.cassettes.finding import document

    files = find_files(paths or [])
    limits = Limits(now=datetime.now(UTC), max_bytes=max_bytes, max_age_days=max_age, environ=os.environ)
    findings, checked = check_files(files, limits), sum(map(len, files))
    lines = [f"{each}\n" for each in findings]
    lines.append(f"{counted(checked, 'file')}, {counted(len(findings), 'finding')}\n")
    _tell(lines, as_json, document(findings, checked))
    return DIFFERENT if findings else 0


@app.command("show")
def show_command(
    *, file: options.Cassette, sample: options.ShownSample = None, as_json: options.Json = None
) -> None:
    """Show what a cassette holds: its first line, and a row a sample; or the conversation of one sample."""
    from llm_do_eval.cassettes.show import conversation_text, show_json, show_text

    recording = _read(file)
    if sample is None:
        text = show_text(str(file), recording)
    else:
        text = conversation_text(str(file), recording, sample)
    # the text is made first, so that a wrong number of a sample is an error before anything is written
    _tell(list(text), as_json, show_json(str(file), recording, sample))


@app.command("diff")
def diff_command(*, a: options.First, b: options.Second, as_json: options.Json = None) -> int:
    """Compare two cassettes field by field, by sample and seq; exit 1 where they differ."""
    from llm_do_eval.cassettes.diff import diff, diff_json, diff_text

    places, names = diff(_read(a), _read(b)), (str(a), str(b))
    _tell(diff_text(places, names), as_json, diff_json(places, names))
    return DIFFERENT if places else 0


@app.command("scrub")
def scrub_command(
    *, file: options.Cassette, output: options.ScrubOutput = None, as_json: options.Json = None
) -> None:
    """Take the secrets out of a cassette that are known today; tells where they were, never what."""
    from llm_do_eval.cassette.file.journal import journal_path
    from llm_do_eval.cassette.scrubbing.scrub import Scrubber
    from llm_do_eval.cassette.session import STOCK_SUFFIXES
    from llm_do_eval.cassettes import scrub

    if file.suffix in STOCK_SUFFIXES:
        raise UsageError(f"{file}: a YAML cassette is not rewritten; convert scrubs it into a .jsonl file")
    if output is not None and output.exists():
        raise UsageError(f"--output {output}: is there already; name another file")
    if journal_path(file).exists():
        raise UsageError(f"{file}: a recording of it is under way or was interrupted; end it first")
    clean = scrub.scrubbed(_read(file), Scrubber(os.environ))
    target = output or file
    if clean.places or output is not None:
        scrub.save_clean(target, clean.recording, os.environ)
    lines = [f"{visible(place)}\n" for place in clean.places]
    lines.append(f"{visible(str(target))}: {counted(len(clean.places), 'place')} scrubbed\n")
    found = {"schema": scrub.SCHEMA, "path": str(target), "places": list(clean.places)}
    _tell(lines, as_json, found)


@app.command("convert")
def convert_command(
    *,
    source: options.StockSource,
    output: options.ConvertOutput,
    force: options.Force = False,
    as_json: options.Json = None,
) -> None:
    """Turn cassettes of stock vcrpy (YAML) into ours, scrubbed: a file, or all files of a folder."""
    from llm_do_eval.cassette.scrubbing.scrub import Scrubber
    from llm_do_eval.cassettes.convert import SCHEMA, convert, jobs

    planned = jobs(source, output, force=force)
    converted = convert(planned, Scrubber(os.environ), os.environ)
    files = [
        {"source": str(job.source), "target": str(job.target), "count": len(recording.interactions)}
        for job, recording in zip(planned, converted, strict=True)
    ]
    lines = [
        visible(f"{each['target']}: {each['count']} requests of {each['source']}") + "\n" for each in files
    ]
    _tell(lines, as_json, {"schema": SCHEMA, "files": files})


def _read(path: Path) -> Recording:
    from llm_do_eval.cassette.file.recording import Recording, read_recording
    from llm_do_eval.cassette.session import STOCK_SUFFIXES

    if path.suffix not in STOCK_SUFFIXES:
        return read_recording(path)
    from llm_do_eval.cassette.file.stock import read_stock

    return Recording.of(read_stock(path).interactions, {"versions": {}})


def _tell(lines: Iterable[str], target: str | None, found: Any) -> None:
    """Write lines to standard output, and JSON where it was asked for; one of them has standard output."""
    if target is not None:
        deliver(target, [json.dumps(found, indent=1, ensure_ascii=False) + "\n"])
    if target != STDOUT:
        deliver(STDOUT, lines)
