"""Journal events in, lines for a terminal out; what a model wrote is escaped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from llm_do.ui.escape import one_line, visible

if TYPE_CHECKING:
    from llm_do.journal import Event

_WIDTH: Final = 100


def rendered(event: Event, verbosity: int) -> str | None:
    """Show one event: decisions and calls from 1, texts from 2, the journal line itself from 3."""
    if verbosity >= 3:  # noqa: PLR2004  -vvv
        return visible(json.dumps(event, ensure_ascii=False, default=str))
    kind = event["kind"]
    if kind == "call" and verbosity >= 1:
        return _call(event)
    if kind == "approval" and verbosity >= 1:
        return _approval(event)
    if kind == "message" and verbosity >= 2:  # noqa: PLR2004  -vv
        return f"  {event['role']}: {one_line(event['text'], 4 * _WIDTH)}"
    if kind == "run" and verbosity >= 1:
        return f"run {event['run']} of {event['project']}"
    return None


def _approval(event: Event) -> str | None:
    if event["decision"] == "approve" and event["by"] in ("rule", "none"):
        return None
    note = f" ({one_line(event['note'], _WIDTH)})" if event["note"] else ""
    return f"  {event['decision']} {visible(event['name'])} by {event['by']}{note}"


def _call(event: Event) -> str:
    indent = "  " * (event["depth"] + 1)
    outcome = one_line(event["output"], _WIDTH) if event["ok"] else _failure(event)
    spent = f", {event['requests']} requests" if event["requests"] else ""
    recorded = "recorded " if event.get("replayed") else ""
    return (
        f"{indent}{visible(event['name'])}({one_line(event['input'], _WIDTH)}) -> {outcome}"
        f"  [{event['impl']}, {recorded}{event['latency_s']:.2f} s{spent}]"
    )


def _failure(event: Event) -> str:
    error: dict[str, str] = event["error"] or {}
    return f"{error.get('type', 'error')}: {one_line(error.get('message', ''), _WIDTH)}"
