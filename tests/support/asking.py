"""A request as a user interface gets it, but for the fields that a test gives."""

from __future__ import annotations

from typing import Any

from llm_do.approval import Request


def request(**fields: Any) -> Request:
    usual: dict[str, Any] = {
        "tool": "send",
        "args": {"to": "ada"},
        "description": "",
        "chain": ("main", "mailer"),
        "worker": "mailer",
        "depth": 1,
    }
    return Request(**(usual | fields))
