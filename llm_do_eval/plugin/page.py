"""The JSON of a session in, one self-contained HTML page out: verdicts with their intervals drawn."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined

from llm_do_eval.evidence import evidence_line
from llm_do_eval.tables.origins import REPLAY

if TYPE_CHECKING:
    from collections.abc import Mapping


def page(session: Mapping[str, Any]) -> str:
    """Render a session; it needs no network and runs no script."""
    folder = files("llm_do_eval") / "templates"
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string((folder / "session.html.jinja").read_text(encoding="utf-8"))
    style = "".join((folder / name).read_text(encoding="utf-8") for name in ("report.css", "session.css"))
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    tests = session["tests"]
    replay = REPLAY if any(each["evidence"]["replayed"] for each in tests) else ""
    return template.render(
        tests=tests, style=style, style_hash=hashed, evidence_line=evidence_line, replay=replay
    )
