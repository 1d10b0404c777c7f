"""Payloads in, server-sent events out; and texts cut into the deltas that such a stream carries."""

from __future__ import annotations

import json
from typing import Any

_DELTA_CHARACTERS = 16


def sse(payload: dict[str, Any], event: str | None = None) -> bytes:
    """Write one event; `event` is its name on the wires that name them."""
    name = "" if event is None else f"event: {event}\n"
    return f"{name}data: {json.dumps(payload)}\n\n".encode()


def deltas(text: str) -> list[str]:
    """Cut a text into pieces of at most 16 characters, as a stream would carry it."""
    return [text[start : start + _DELTA_CHARACTERS] for start in range(0, len(text), _DELTA_CHARACTERS)]
