"""Untrusted text in, text that a terminal shows as what it is out."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any, Final

_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_STEERING: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_IGNORABLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks without width (Unicode's Default_Ignorable_Code_Point outside the categories above)."""
_MOST_MARKS: Final = 2
"""Combining marks on one character; a heap of them covers the lines around it."""
_RTL: Final = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe\U00010800-\U00010fff\U0001e800-\U0001efff"
_RTL_RUN: Final = re.compile(f"[{_RTL}](?: ?[{_RTL}])*")
_PADDING: Final = re.compile(r"([\s\u2800])[\s\u2800]{23,}")
"""A run of blanks longer than any honest indentation; the Braille blank counts as one."""


def visible(text: str, *, newlines: bool = False) -> str:
    r"""Escape control, bidirectional, zero-width and unassigned characters as `\n`, `\x1b`, `\u202e`.

    So are combining marks without a character of their own, or heaped on one. Right-to-left text is isolated,
    so that it reorders nothing around it.

    Args:
        text: anything a model or a tool wrote.
        newlines: keep line feeds, for texts that are shown as a block.
    """
    return _isolated(_plain(text, newlines=newlines))


def tamed(text: str) -> str:
    """Escape what could steer a terminal, and nothing else: emoji and right-to-left text stay as they are."""
    return _STEERING.sub(lambda found: _escaped(found.group()), text)


def unpadded(text: str) -> str:
    """Collapse long runs of blanks, which would push what follows out of sight, and say how long."""
    return _PADDING.sub(lambda found: f" ...({len(found.group())} blanks)... ", text)


def shortened(text: str, most: int) -> str:
    """Take the middle out of a text of more than `most` characters and say how much is missing."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]} ...({len(text) - 2 * half} characters left out)... {text[-half:]}"


def one_line(value: Any, width: int) -> str:
    """Show a JSON value in one line; what is too long loses its middle, never its end."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    if len(text) > 2 * width:  # escaping takes time, and what lies between is not shown
        text = text[:width] + text[-width:]
    text = _plain(text)
    tail = width // 3
    return _isolated(text if len(text) <= width else f"{text[: width - tail - 3]}...{text[-tail:]}")


def _plain(text: str, *, newlines: bool = False) -> str:
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    marks = _MOST_MARKS
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        stays = (newlines and character == "\n") or not (marks > _MOST_MARKS or _hidden(character))
        shown.append(character if stays else _escaped(character))
    return "".join(shown)


def _isolated(text: str) -> str:
    return text if text.isascii() else _RTL_RUN.sub("\u2067\\g<0>\u2069", text)


def _hidden(character: str) -> bool:
    return unicodedata.category(character) in _INVISIBLE or bool(_IGNORABLE.match(character))


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
