"""Any text in, Markdown that GitHub shows as just this text out."""

from __future__ import annotations

import re
from typing import Final

_MARKUP: Final = re.compile(r"[\\`*_{}\[\]|~$]")
# what GitHub turns into links by itself is broken by an entity
_LINKS: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;", "://": "&#58;//", "www.": "www&#46;"}


def escaped(text: str) -> str:
    """Escape what would be markup, HTML, a mention or a link."""
    for plain, entity in _LINKS.items():
        text = text.replace(plain, entity)
    return _MARKUP.sub(r"\\\g<0>", text)
