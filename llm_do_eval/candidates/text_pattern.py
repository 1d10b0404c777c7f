"""Values of one argument in, a pattern of their shape out: what code would look for in the user's text."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LEAST_VALUES: Final = 3
_CLASSES: Final = (("a-z", str.islower), ("A-Z", str.isupper), ("0-9", str.isdecimal))


def shape_of(values: Iterable[str]) -> re.Pattern[str] | None:
    """Give the pattern that values share: words of one alphabet and, where equal, length; the same marks.

    None where there are fewer than three distinct values, one is not ASCII, or their marks differ.
    """
    distinct = sorted(set(values))
    if len(distinct) < _LEAST_VALUES or not all(value and value.isascii() for value in distinct):
        return None
    chunks = [_chunks(value) for value in distinct]
    if len({len(each) for each in chunks}) > 1:
        return None
    parts = [_part(column) for column in zip(*chunks, strict=True)]
    return None if None in parts else re.compile(rf"\b{''.join(filter(None, parts))}\b")


def _chunks(value: str) -> list[str]:
    return ["".join(group) for _, group in groupby(value, key=str.isalnum)]


def _part(column: Sequence[str]) -> str | None:
    if not column[0].isalnum():
        return re.escape(column[0]) if len(set(column)) == 1 else None
    letters = "".join(column)
    if not letters.isalnum():
        return None
    alphabet = "".join(name for name, holds in _CLASSES if any(map(holds, letters)))
    sizes = {len(word) for word in column}
    return f"[{alphabet}]{{{sizes.pop()}}}" if len(sizes) == 1 else f"[{alphabet}]+"
