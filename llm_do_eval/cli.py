"""The `llm-do-eval` command: words in, results on standard output, everything else on standard error.

It parses, calls one function and maps errors to exit codes: 0 done, 1 a gate or regression failed,
2 usage, 3 the input could not be read, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any, Final, NoReturn

import typer
from typer.exceptions import TyperException

from llm_do import __version__
from llm_do.command.options import wrong_usage
from llm_do.errors import FormatError, LlmDoError, RunFailed, UsageError, nearest
from llm_do.ui.escape import visible
from llm_do_eval import options  # noqa: TC001  typer reads the annotations when it runs
from llm_do_eval.cassettes.commands import app as cassettes
from llm_do_eval.comparison.command import compare_command
from llm_do_eval.delivery import STDOUT, deliver
from llm_do_eval.extra import installed
from llm_do_eval.planning.command import plan_command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from llm_do_eval.condition import Condition
    from llm_do_eval.report import Report, Wishes

DONE: Final = 0
GATE: Final = 1
USAGE: Final = 2
UNREADABLE: Final = 3
INTERRUPTED: Final = 130
_CODES: Final = {FormatError: UNREADABLE, RunFailed: GATE}
FORMATS: Final = ("openai-chat",)
_NAMES: Final = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, context_settings=_NAMES
)

app.add_typer(cassettes, name="cassettes", context_settings=_NAMES)


@app.callback(invoke_without_command=True)
def llm_do_eval(
    ctx: typer.Context, *, version: options.Version = False, debug: options.Debug = False
) -> None:
    """Read what workers did: import transcripts, report what is consistent and could become code."""
    del debug  # `run` looks for it, because it must work when parsing fails
    if version:
        typer.echo(f"llm-do-eval {__version__}")
    elif ctx.invoked_subcommand is None:
        known = "import, report, compare, plan or cassettes"
        raise UsageError(f"a command is needed: {known}; see llm-do-eval --help")


@app.command("report")
def report_command(
    *,
    paths: options.Paths = None,
    html: options.Html = None,
    md: options.Md = None,
    as_json: options.Json = None,
    cluster: options.Cluster = None,
    ok: options.Ok = None,
    min_runs: options.MinRuns = 1,
    writes: options.Writes = None,
    free_text: options.FreeText = None,
    min_correct: options.MinCorrect = 0.9,
) -> None:
    """Say what is consistent, what it would save and what to make code of; no model is called."""
    from llm_do_eval.render import to_html, to_json, to_markdown, to_terminal
    from llm_do_eval.report import Wishes
    from llm_do_eval.tables.trace import Reading

    stdout_taken = _targets({"--html": html, "--md": md, "--json": as_json})
    reading = Reading(cluster, _condition(ok), tuple(writes or ()))
    report = _report(paths or [], Wishes(reading, tuple(free_text or ()), min_runs, min_correct))
    for target, render in ((html, to_html), (md, to_markdown), (as_json, to_json)):
        if target is not None:
            deliver(target, [render(report)])
    if not stdout_taken:
        deliver(STDOUT, [to_terminal(report)])
    if html is not None and html != STDOUT:
        typer.echo(f"HTML: {visible(html)}", err=stdout_taken)


@app.command("import")
def import_command(
    *,
    format_name: options.Format,
    file: options.File,
    output: options.Output,
    messages: options.Messages = "messages",
    cluster: options.ItemCluster = None,
    trial: options.Trial = None,
    tools: options.OfferedTools = None,
    ok: options.ItemOk = None,
    writes: options.Writes = None,
    as_json: options.Json = None,
) -> None:
    """Turn a foreign file of transcripts into a journal that report reads."""
    from llm_do_eval.importers.keys import Keys
    from llm_do_eval.importers.openai_chat import read
    from llm_do_eval.importers.summary import Summary
    from llm_do_eval.journals import journal_lines

    _check_format(format_name)
    stdout_taken = _targets({"--output": output, "--json": as_json})
    if output != STDOUT and file.exists() and os.path.exists(output) and file.samefile(output):  # noqa: PTH110
        raise UsageError(f"--output {output}: that is the file to import; name another")
    keys = Keys(messages, cluster, trial, tools, _condition(ok), tuple(writes or ()))
    summary = Summary()
    deliver(output, journal_lines(summary.watch(read(file, keys))))
    if as_json is not None:
        deliver(as_json, [json.dumps(summary.document(output), indent=1) + "\n"])
    if not stdout_taken:
        deliver(STDOUT, [summary.text(output)])


app.command("compare")(compare_command)
app.command("plan")(plan_command)


def main() -> NoReturn:
    """Run the command with the process's arguments and exit with its code."""
    stdout: Any = sys.stdout
    stdout.reconfigure(errors="backslashreplace")
    code = run(sys.argv[1:])
    with contextlib.suppress(OSError):
        stdout.flush()
    os._exit(code)


def run(argv: Sequence[str]) -> int:
    """Run the command and return its exit code; errors are one line on standard error."""
    try:
        with installed():
            return app(args=list(argv), standalone_mode=False, prog_name="llm-do-eval") or DONE
    except BrokenPipeError:
        return DONE
    except TyperException as error:
        _say(wrong_usage(error, "llm-do-eval"))
        return USAGE
    except LlmDoError as error:
        _say(str(error))
        return next((code for kind, code in _CODES.items() if isinstance(error, kind)), USAGE)
    except (KeyboardInterrupt, typer.Abort):
        _say("interrupted")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  the border: what nobody expected is still one line
        _say(f"{type(error).__name__}: {error}; this is a defect of llm-do-eval, please report it")
        if "--debug" in argv:
            traceback.print_exception(error)
        return GATE


def _report(paths: Sequence[Path], wishes: Wishes) -> Report:
    from llm_do_eval.health import Health
    from llm_do_eval.journals import journal_files, read_runs
    from llm_do_eval.report import build

    health = Health()
    return build(read_runs(journal_files(paths), health), wishes, health)


def _condition(text: str | None) -> Condition | None:
    from llm_do_eval.condition import condition

    return None if text is None else condition(text)


def _check_format(name: str) -> None:
    if name not in FORMATS:
        raise UsageError(f"unknown format {name!r}; known: {', '.join(FORMATS)}{nearest(name, FORMATS)}")


def _targets(targets: Mapping[str, str | None]) -> bool:
    """Say whether an option takes standard output; two cannot have it, nor two options one file."""
    taken: dict[str, str] = {}
    for option, target in targets.items():
        if target is not None and taken.setdefault(target, option) != option:
            raise UsageError(f"{taken[target]} and {option} both write to {target!r}; name two files")
    return STDOUT in taken


def _say(line: str) -> None:
    with contextlib.suppress(OSError):
        print(f"llm-do-eval: {visible(line)}", file=sys.stderr, flush=True)  # noqa: T201  the one place
