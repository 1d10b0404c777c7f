"""A bootstrapper and the reader that it makes: files of one kind in, a worker, its calls and a sum out."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from evals.standin.conversation import Reply, Request, ToolCall, ToolResult, reply_with

if TYPE_CHECKING:
    import random

_FOLDER = "input"
_READER = "receipt_reader"
_INSTRUCTIONS = """\
You are a receipt reader.
The attached text is one receipt: the shop in the first line, the date in the second, then articles and TOTAL.
Return the shop, the date as YYYY-MM-DD, and the total as a number. What was paid in cash is not the total."""
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"shop": {"type": "string"}, "date": {"type": "string"}, "total": {"type": "number"}},
    "required": ["shop", "date", "total"],
    "additionalProperties": False,
}
_GREEDY_RATE = 0.25
_PAID_RATE = 0.03
_AMOUNT = re.compile(r"^(TOTAL|CASH|CARD)\s+(\d+\.\d\d)$", re.MULTILINE)


def bootstrap(request: Request, rng: random.Random) -> Reply:
    """List and look, make a reader unless there is one, have it read every file, add up.

    In one draw of four the reader is to have a toolset that it does not need; refused, it is asked for once
    more without.
    """
    listed = _results(request, "list_files")
    if not listed:
        return Reply(tool_calls=(ToolCall("list_files", {"path": _FOLDER}),))
    files: list[str] = json.loads(listed[0].text)
    if not _results(request, "read_file"):
        return Reply(tool_calls=(ToolCall("read_file", {"path": files[0]}),))
    read = _results(request, "worker_call")
    if read:
        return Reply(_report(read))
    tool, made = request.tool("worker_call"), _results(request, "create_worker")
    is_there = tool is not None and f"- {_READER}:" in tool.description
    if not is_there and not any('"created"' in each.text for each in made):
        return _made(made, rng)
    return Reply(tool_calls=tuple(ToolCall("worker_call", _call(path)) for path in files))


def read_receipt(request: Request, rng: random.Random) -> Reply:
    """Read shop, date and total of a receipt; in 3 draws of 100 what was paid is taken for the total."""
    text = "\n".join([request.prompt, *(file.text for file in request.attachments)])
    lines = [line.strip() for line in text.partition("Attachment ")[2].splitlines()[1:] if line.strip()]
    amounts = {name: float(amount) for name, amount in _AMOUNT.findall("\n".join(lines))}
    paid = amounts.get("CASH", amounts.get("CARD"))
    total = paid if paid is not None and rng.random() < _PAID_RATE else amounts.get("TOTAL", 0.0)
    answer = {"shop": lines[0] if lines else "", "date": lines[1] if lines[1:] else "", "total": total}
    return reply_with(request, answer, text=json.dumps(answer))


def _made(before: list[ToolResult], rng: random.Random) -> Reply:
    if any(not each.call.args.get("toolsets") for each in before):
        return Reply("The worker that would read these files was refused, so I stop here.")
    greedy = not before and rng.random() < _GREEDY_RATE
    args: dict[str, Any] = {
        "name": _READER,
        "instructions": _INSTRUCTIONS,
        "description": "Reads the one receipt that is attached.",
        "output_schema": _SCHEMA,
    }
    if greedy:
        args["toolsets"] = ["filesystem_project_ro"]
    return Reply(tool_calls=(ToolCall("create_worker", args),))


def _call(path: str) -> dict[str, Any]:
    return {"worker": _READER, "input": "Read the attached receipt.", "attachments": [path]}


def _report(read: list[ToolResult]) -> str:
    lines: list[str] = []
    total = 0.0
    for result in read:
        (path,) = result.call.args["attachments"]
        try:
            receipt = json.loads(result.text)
            lines.append(f"{path}: {receipt['shop']}, {receipt['date']}, {receipt['total']:.2f}")
            total += receipt["total"]
        except (ValueError, KeyError, TypeError):
            lines.append(f"{path}: could not be read")
    return "\n".join([*lines, f"Sum: {total:.2f}"])


def _results(request: Request, name: str) -> list[ToolResult]:
    return [result for result in request.results if result.call.name == name]
