"""The `llm-do` command: words in, one result on standard output, everything else on standard error.

It parses, calls one function, prints its value and maps errors to exit codes: 0 done, 1 the run failed,
2 wrong before the first request, 3 stopped by a refused approval, 130 interrupted, 143 terminated.
"""

from __future__ import annotations

import atexit
import contextlib
import math
import os
import signal
import sys
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn, cast

import typer
from typer.exceptions import TyperException

from llm_do import __version__
from llm_do.command import options
from llm_do.command.invocation import Invocation, parse_input, positionals
from llm_do.command.outcome import DONE, FAILED, INTERRUPTED, Outcome, outcome_of
from llm_do.errors import UsageError
from llm_do.ui.escape import tamed, visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from io import TextIOWrapper
    from pathlib import Path

    from llm_do.approval import Mode
    from llm_do.project.setting import Setting

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
LATER: Final = "is not part of this version; use --headless"


@dataclass(frozen=True, slots=True)
class Flow:
    """What `main` needs to know of the command line besides the invocation."""

    after_dashes: list[str] | None


@app.command(context_settings={"help_option_names": ["-h", "--help"]})
def llm_do(
    ctx: typer.Context,
    *,
    words: options.Words = None,
    input_json: options.InputJson = None,
    entry: options.Entry = None,
    model: options.Model = None,
    set_: options.Set = None,
    approve_all: options.ApproveAll = False,
    reject_all: options.RejectAll = False,
    max_depth: options.MaxDepth = None,
    timeout: options.Timeout = None,
    headless: options.Headless = False,
    tui: options.Tui = False,
    chat: options.Chat = False,
    as_json: options.AsJson = False,
    verbose: options.Verbose = 0,
    debug: options.Debug = False,
    check: options.Check = False,
    lock: options.Lock = False,
    locked: options.Locked = False,
    record: options.Record = None,
    replay: options.Replay = None,
    runs_dir: options.RunsDir = None,
    no_journal: options.NoJournal = False,
    version: options.Version = False,
) -> Invocation | None:
    """Run a project of workers (LLM) and tools (Python): link the files, run the entry, print its result."""
    if version:
        typer.echo(f"llm-do {__version__}")
        return None
    del headless, as_json, debug  # the last two are read from the words: they also count when parsing fails
    if tui or chat:
        raise UsageError(f"{'--tui' if tui else '--chat'} {LATER}")
    found = positionals(words or [], ctx.obj.after_dashes)
    return Invocation(
        paths=found.paths,
        prompt=found.prompt,
        input_json=None if input_json is None else parse_input(input_json),
        entry=entry,
        model=model,
        settings=_settings(set_ or []),
        approval_mode=_mode(approve_all=approve_all, reject_all=reject_all),
        max_depth=max_depth,
        timeout_s=_finite(timeout),
        record=record,
        replay=_exclusive(replay, record),
        runs_dir=runs_dir,
        no_journal=no_journal,
        verbosity=verbose,
        check=check,
        lock=_alone(lock=lock, locked=locked, check=check),
        locked=locked,
    )


def main() -> NoReturn:
    """Run the command with the process's arguments and exit with its code."""
    with contextlib.suppress(AttributeError):  # a stream that was closed is None
        cast("TextIOWrapper", sys.stdout).reconfigure(errors="backslashreplace")
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # a second one, while the first was being told
        code = INTERRUPTED
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    atexit._run_exitfuncs()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, AttributeError):
            stream.flush()
    # the rest of an orderly end would wait for threads, and a tool may be stuck in one
    os._exit(code)


def run(argv: Sequence[str]) -> int:
    """Run the command and return its exit code; errors are one line on standard error."""
    words, after = _split(argv)
    try:
        invocation = _parsed(words, after)
        if invocation is None:
            return DONE
        outcome = _perform(invocation)
    except BaseException as error:  # noqa: BLE001  the border: what nobody expected is still one line
        outcome = outcome_of(error)
    if outcome.error is not None:
        _say(*outcome.lines)
    if outcome.cause is not None and "--debug" in words:
        traceback.print_exception(outcome.cause)
    if "--json" in words:
        return _print(outcome.to_json(), outcome.code)
    return outcome.code if outcome.error else _print(outcome.text(), outcome.code)


def _parsed(words: list[str], after: list[str] | None) -> Invocation | None:
    """Read the command line; None when `--help` or `--version` have said all there is to say."""
    try:
        parsed: object = app(args=words, standalone_mode=False, prog_name="llm-do", obj=Flow(after))
    except SystemExit:  # typer's word for a reader that went away
        return None
    except TyperException as error:
        raise UsageError(options.wrong_usage(error, "llm-do")) from error
    return parsed if isinstance(parsed, Invocation) else None


def _perform(invocation: Invocation) -> Outcome:
    from llm_do.command.execution import check_project, lock_project, run_project

    if invocation.lock:
        return lock_project(invocation)
    return check_project(invocation) if invocation.check else run_project(invocation)


def _print(text: str, code: int) -> int:
    """Print the result; a reader that went away has seen enough, a disk that is full is a failure."""
    try:
        print(tamed(text) if sys.stdout and sys.stdout.isatty() else text, flush=True)  # noqa: T201  the one place
    except BrokenPipeError:
        return code
    except OSError as error:
        _say(f"standard output: the result cannot be written ({error.strerror})")
        return FAILED
    return code


def _settings(texts: Sequence[str]) -> tuple[Setting, ...]:
    from llm_do.project.setting import parse_set

    return tuple(parse_set(text) for text in texts)


def _mode(*, approve_all: bool, reject_all: bool) -> Mode | None:
    if approve_all and reject_all:
        raise UsageError("--approve-all and --reject-all exclude each other; keep one")
    return "approve_all" if approve_all else "reject_all" if reject_all else None


def _alone(*, lock: bool, locked: bool, check: bool) -> bool:
    if lock and (locked or check):
        raise UsageError(f"--lock and {'--locked' if locked else '--check'} exclude each other; keep one")
    return lock


def _finite(timeout: float | None) -> float | None:
    if timeout is not None and not math.isfinite(timeout):
        raise UsageError("--timeout must be a number of seconds; leave it out for no limit")
    return timeout


def _exclusive(replay: Path | None, record: Path | None) -> Path | None:
    if replay is not None and record is not None:
        raise UsageError("--record and --replay exclude each other; keep one")
    return replay


def _say(line: str, *notes: str) -> None:
    text = "\n  ".join(map(visible, (f"llm-do: {line}", *notes)))
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)  # noqa: T201


def _split(argv: Sequence[str]) -> tuple[list[str], list[str] | None]:
    if "--" not in argv:
        return list(argv), None
    place = list(argv).index("--")
    return list(argv[:place]), list(argv[place + 1 :])
