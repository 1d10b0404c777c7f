"""The options of `llm-do`, declared for typer: names, types, help texts, and what is wrong with a use."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from typer.exceptions import TyperException

# the words of typer for the types of numbers
_WORDS: Final = (
    (r" is not a valid int\w*( range)?", " is no whole number"),
    (r" is not a valid float( range)?", " is no number"),
)

Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATH... [PROMPT]",
        help="project.json, a folder, or .worker and .py files; then the prompt.",
    ),
]
InputJson = Annotated[str | None, typer.Option(metavar="OBJ", help="Input as one JSON object.")]
Entry = Annotated[
    str | None, typer.Option(metavar="NAME", help="What to run; default: the marked entry, else main.")
]
Model = Annotated[
    str | None,
    typer.Option(metavar="M", help="provider:name for workers that name none (else LLM_DO_MODEL)."),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="[WORKER:]KEY=VALUE", help="Override a key of a worker file; repeatable."),
]
ApproveAll = Annotated[
    bool, typer.Option("--approve-all", help="Approve what would be asked; never what is rejected.")
]
RejectAll = Annotated[bool, typer.Option("--reject-all", help="Refuse what would be asked.")]
MaxDepth = Annotated[int | None, typer.Option(metavar="N", min=0, help="Deepest call; the entry is 0.")]
Timeout = Annotated[
    float | None, typer.Option(metavar="S", min=0.001, help="Seconds the whole run may take.")
]
Headless = Annotated[bool, typer.Option("--headless", help="No terminal UI: line prompts only.")]
Tui = Annotated[bool, typer.Option("--tui", help="Terminal UI (not part of this version).")]
Chat = Annotated[bool, typer.Option("--chat", help="Many turns (not part of this version).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object about the run.")]
Verbose = Annotated[
    int,
    typer.Option(
        "-v",
        "--verbose",
        count=True,
        show_default=False,
        help="Show calls (-v), texts (-vv), events (-vvv).",
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the trace back of an error.")]
Check = Annotated[bool, typer.Option("--check", help="Link everything, print the graph, run nothing.")]
Lock = Annotated[
    bool, typer.Option("--lock", help="Write llm-do.lock: what would run, by digests; run nothing.")
]
Locked = Annotated[
    bool, typer.Option("--locked", help="Refuse to run what llm-do.lock does not say, and name it.")
]
Record = Annotated[Path | None, typer.Option(metavar="FILE", help="Record the provider's traffic into FILE.")]
Replay = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Run from recorded traffic: no key, no network.")
]
RunsDir = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder of journals; default .llm-do/runs in the project."),
]
NoJournal = Annotated[bool, typer.Option("--no-journal", help="Write no journal.")]
Version = Annotated[bool, typer.Option("--version", help="Print the version.")]


def wrong_usage(error: TyperException, command: str) -> str:
    """Say in one line what is wrong with the words of a command."""
    message = error.format_message().rstrip(".")
    for words, ours in _WORDS:
        message = re.sub(words, ours, message)
    return f"{message}; see {command} --help"
