"""A file organizer and those it asks: file names in, their clean forms and the moves that give them out."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from evals.standin.conversation import Reply, Request, ToolCall, reply_with

if TYPE_CHECKING:
    import random

_FOLDER = "input"
_LONG_DATE = re.compile(r"\b(\d{1,2})\.(\d{1,2})\.(\d{4})\b")
_SHORT = re.compile(r"\b(\d{2})\.(\d{2})\.(\d{2})\b")
_VERSIONED = re.compile(r"release|driver|manual|changelog|firmware", re.IGNORECASE)
_MISREAD_RATE = 0.03
_ONE_AT_A_TIME_RATE = 0.2


def organize(request: Request, rng: random.Random) -> Reply:
    """List the files, have every name cleaned, rename what has to be, then report.

    In one turn of five only the first of the open calls is made.
    """
    done = {name: _results(request, name) for name in ("list_files", "sanitize_filename", "move_file")}
    if not done["list_files"]:
        return Reply(tool_calls=(ToolCall("list_files", {"path": _FOLDER}),))
    names = [path.partition("/")[2] for path in json.loads(done["list_files"][0][1])]
    clean = {args["name"]: text.strip('"') for args, text in done["sanitize_filename"]}
    moved = [args["path"] for args, _ in done["move_file"]]
    asks = [ToolCall("sanitize_filename", {"name": name}) for name in names if name not in clean]
    moves = [
        ToolCall("move_file", {"path": f"{_FOLDER}/{name}", "to": f"{_FOLDER}/{clean[name]}"})
        for name in names
        if clean.get(name, name) != name and f"{_FOLDER}/{name}" not in moved
    ]
    for calls in (asks, moves):
        if calls:
            return Reply(tool_calls=tuple(calls[:1] if rng.random() < _ONE_AT_A_TIME_RATE else calls))
    return Reply("\n".join(f"{name} -> {clean[name]}" for name in names) or "There is nothing to organize.")


def sanitize(request: Request, rng: random.Random) -> Reply:
    """Clean one name; three short numbers are misread, as a date or as a version, in 3 draws of 100."""
    name = _field(request, "name")
    stem, dot, suffix = name.rpartition(".")
    date = version = ""
    if found := _LONG_DATE.search(stem):
        date = f"{found[3]}-{int(found[2]):02}-{int(found[1]):02}_"
    elif found := _SHORT.search(stem):
        if _read(name, rng) == "version":
            version = f"_v{found[0]}"
        else:
            date = f"20{found[1]}-{found[2]}-{found[3]}_"
    rest = stem.replace(found[0], " ") if found else stem
    clean = f"{date}{'-'.join(re.findall('[a-z0-9]+', rest.lower()))}{version}{dot}{suffix.lower()}"
    return _labelled(request, clean)


def read_number(request: Request, rng: random.Random) -> Reply:
    """Say `date` or `version`, mistaken in 3 draws of 100."""
    return _labelled(request, _read(_field(request, "name"), rng))


def _read(name: str, rng: random.Random) -> str:
    return "version" if bool(_VERSIONED.search(name)) != (rng.random() < _MISREAD_RATE) else "date"


def _labelled(request: Request, text: str) -> Reply:
    output = request.tool(*request.output_tools)
    return reply_with(request, {output.fields[0] if output else "value": text}, text=text)


def _field(request: Request, name: str) -> str:
    """Read a field of the input: such prompts are JSON."""
    try:
        return str(json.loads(request.prompt)[name])
    except (ValueError, KeyError, TypeError):
        return request.prompt


def _results(request: Request, name: str) -> list[tuple[dict[str, Any], str]]:
    return [(dict(result.call.args), result.text) for result in request.results if result.call.name == name]
