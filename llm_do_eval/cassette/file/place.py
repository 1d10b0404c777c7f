"""The names of a test in, the name of its cassette out, and whether a file can be it; names for messages."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from llm_do.canonical import digest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.\[\]-]+")
_DIGEST: Final = re.compile(r"-[0-9a-f]{8}$")
_LONGEST: Final = 120


def file_name(names: Sequence[str]) -> str:
    """Join names into a file name; where a character had to change, a digest keeps names apart."""
    name = ".".join(names)
    slug = _slug(name)
    return slug if slug == name else f"{slug}-{digest(name)[:8]}"


def may_belong(stem: str, test: str) -> bool:
    """Tell whether a file can be that of a test, `Class.test` in dots, or of one of its parameter sets."""
    if stem == file_name([test]) or stem.startswith(f"{test}["):
        return True
    slug = _DIGEST.sub("", stem)
    return slug != stem and f"{slug}[".startswith(f"{_slug(test)}["[:_LONGEST])


def had_to_change(stem: str) -> bool:
    """Tell whether a file name looks as if it were not the plain name of its test."""
    return bool(_DIGEST.search(stem))


def shown(path: Path) -> str:
    """Name a file from where one stands, or from the root where that is shorter."""
    absolute = os.path.abspath(path)  # noqa: PTH100 - resolves no links, as the names in a cassette do not
    return min(os.path.relpath(absolute), absolute, key=len)


def _slug(name: str) -> str:
    return _UNSAFE.sub("-", name)[:_LONGEST]
