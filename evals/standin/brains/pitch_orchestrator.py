"""A pitch deck orchestrator: the conversation so far in, the next tool calls or the closing summary out."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, cast

from evals.standin.conversation import Reply, Request, Tool, ToolCall, ToolResult

if TYPE_CHECKING:
    import random

_LISTERS = ("list_pitchdecks", "list_files")
_EVALUATOR = "pitch_evaluator"
_WRITERS = ("write_file", "write_report")
_SUFFIXES = (".pdf", ".txt", ".md")
_REPORTS = "evaluations"
_FOLDER = re.compile(r"`?\b([\w.-]+)/")
_ONE_AT_A_TIME_RATE = 0.2


@dataclass(frozen=True, slots=True)
class _Deck:
    path: str
    report: str


def orchestrate(request: Request, rng: random.Random) -> Reply:
    """List the decks, have each evaluated, write a report on each, then sum up.

    Steps whose tools are not offered are left out. Listing is one call of `list_pitchdecks` or `list_files`,
    an evaluation one of `pitch_evaluator` (or `worker_call`), a report one of `write_file` or
    `write_report`. In one turn of five only the first of the open calls is made.
    """
    lister = request.tool(*_LISTERS)
    listed = _results_of(request, *_LISTERS)
    if lister is not None and not listed:
        return Reply(tool_calls=(ToolCall(lister.name, _listing_args(lister, request)),))
    decks = [deck for result in listed for deck in _decks(result.text)]
    for calls in (_evaluations(request, decks), _reports(request, decks)):
        if calls:
            only_one = rng.random() < _ONE_AT_A_TIME_RATE
            return Reply(tool_calls=tuple(calls[:1] if only_one else calls))
    return Reply(_closing(request, decks, rng))


def _listing_args(lister: Tool, request: Request) -> dict[str, Any]:
    folder = _FOLDER.search(f"{request.prompt}\n{request.instructions}")
    return {"path": folder[1]} if folder and "path" in lister.fields else {}


def _results_of(request: Request, *names: str) -> list[ToolResult]:
    return [result for result in request.results if result.call.name in names]


def _decks(listing: str) -> list[_Deck]:
    """Read a listing: paths or `{file, output_path}` objects in a JSON list, or one path a line."""
    try:
        entries: Any = json.loads(listing)
    except ValueError:
        entries = listing.splitlines()
    if not isinstance(entries, list):
        return []
    found = [_deck(entry) for entry in cast("list[str | dict[str, str]]", entries)]
    return [deck for deck in found if deck.path.endswith(_SUFFIXES) and not deck.path.startswith(_REPORTS)]


def _deck(entry: str | dict[str, str]) -> _Deck:
    fields = {"file": entry.strip()} if isinstance(entry, str) else entry
    path = fields["file"]
    return _Deck(path, fields.get("output_path") or f"{_REPORTS}/{PurePosixPath(path).stem}.md")


def _evaluations(request: Request, decks: list[_Deck]) -> list[ToolCall]:
    tool = request.tool(_EVALUATOR, "worker_call")
    if tool is None:
        return []
    done = _evaluated(request, decks)
    return [ToolCall(tool.name, _evaluation_args(tool, deck)) for deck in decks if deck.path not in done]


def _evaluation_args(tool: Tool, deck: _Deck) -> dict[str, Any]:
    worker = {"worker": _EVALUATOR} if "worker" in tool.fields else {}
    if "attachments" in tool.fields:
        return worker | {"input": "Evaluate the attached pitch deck.", "attachments": [deck.path]}
    return worker | {"input": f"Evaluate the pitch deck {deck.path}"}


def _evaluated(request: Request, decks: list[_Deck]) -> dict[str, str]:
    """Pair the decks with the results of their evaluations, by the path in the call."""
    results = _results_of(request, _EVALUATOR, "worker_call")
    return {
        deck.path: result.text
        for deck in decks
        for result in results
        if deck.path in [*result.call.args.get("attachments", ()), str(result.call.args["input"]).split()[-1]]
    }


def _reports(request: Request, decks: list[_Deck]) -> list[ToolCall]:
    tool = request.tool(*_WRITERS)
    if tool is None:
        return []
    written = [result.call.args for result in _results_of(request, tool.name)]
    evaluated = _evaluated(request, decks)
    wanted = [_report_args(tool, deck, evaluated[deck.path]) for deck in decks if deck.path in evaluated]
    return [ToolCall(tool.name, args) for args in wanted if args not in written]


def _report_args(tool: Tool, deck: _Deck, evaluation: str) -> dict[str, Any]:
    if "evaluation" in tool.fields:
        return {"deck": deck.path, "evaluation": json.loads(evaluation)}
    return {"path": deck.report, "content": _report(deck, evaluation)}


def _report(deck: _Deck, evaluation: str) -> str:
    return f"# {PurePosixPath(deck.path).stem}\n\n{evaluation}\n"


def _closing(request: Request, decks: list[_Deck], rng: random.Random) -> str:
    if not decks:
        return "I found no pitch decks."
    evaluated = _evaluated(request, decks)
    lines = [f"- {deck.path}: {_verdict(evaluated.get(deck.path, ''))}" for deck in decks]
    opening = rng.choice(("I evaluated", "Done: I have evaluated", "Here are the results for"))
    return "\n".join([f"{opening} {len(decks)} pitch deck{'s' * (len(decks) > 1)}.", *lines])


def _verdict(evaluation: str) -> str:
    try:
        scores: dict[str, int] = json.loads(evaluation)["scores"]
        return f"{sum(scores.values())} of {10 * len(scores)} points"
    except (ValueError, KeyError, TypeError, AttributeError):
        return "no scores"
