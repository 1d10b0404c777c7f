"""A code analyzer: a package in, a listing, one count and one search of it, and then a report out."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from evals.standin.conversation import Reply, Request, ToolCall, reply_with

if TYPE_CHECKING:
    import random

_FOLDER = re.compile(r"\binput(?:/[\w-]+)*")
_TODO = re.compile(r"^(?P<path>[^:]+):(?P<line>\d+):.*TODO:?\s*(?P<text>.*)$", re.MULTILINE)
_TOTAL = re.compile(r"^\s*(\d+) total$", re.MULTILINE)
_LOOKS_AT_HISTORY_RATE = 0.15
_FORGOTTEN_TODO_RATE = 0.03


def analyze(request: Request, rng: random.Random) -> Reply:
    """List the files, count and search them, report; 15 draws of 100 ask for the history first.

    In 3 draws of 100 the report leaves the last TODO out.
    """
    found = _FOLDER.search(request.prompt)
    folder = found[0] if found else "input"
    listings = [result.text for result in request.results if result.call.name == "list_files"]
    if not listings:
        calls = [ToolCall("list_files", {"path": folder, "pattern": "**/*.py"})]
        if rng.random() < _LOOKS_AT_HISTORY_RATE:
            calls.append(ToolCall("shell", {"command": f"git log --oneline {folder}"}))
        return Reply(tool_calls=tuple(calls))
    files: list[str] = json.loads(listings[0])
    printed = {
        str(result.call.args["command"]).split()[0]: _printed(result.text)
        for result in request.results
        if result.call.name == "shell"
    }
    if "wc" not in printed:
        commands = (f"wc -l {' '.join(files)}", f"grep -n TODO {' '.join(files)}")
        return Reply(tool_calls=tuple(ToolCall("shell", {"command": command}) for command in commands))
    return _report(request, files, printed, rng)


def _report(request: Request, files: list[str], printed: dict[str, str], rng: random.Random) -> Reply:
    total = _TOTAL.search(printed["wc"])
    todos: list[dict[str, Any]] = [
        {"path": each["path"], "line": int(each["line"]), "text": each["text"]}
        for each in _TODO.finditer(printed.get("grep", ""))
    ]
    if todos and rng.random() < _FORGOTTEN_TODO_RATE:
        todos.pop()
    size = rng.choice(("small", "compact", "tidy"))
    summary = f"A {size} package of {len(files)} files with {len(todos)} open TODOs."
    answer = {"files": len(files), "lines": int(total[1]) if total else 0, "todos": todos, "summary": summary}
    return reply_with(request, answer, text=json.dumps(answer))


def _printed(result: str) -> str:
    try:
        return str(json.loads(result).get("stdout", ""))
    except (ValueError, AttributeError):
        return ""
