"""A number and a noun in, both as a text out, with the noun in the right form."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Write a number with its noun, whose last word takes an s: `1 file`, `2 more samples`."""
    return f"{count} {noun}{'s' * (count != 1)}"
