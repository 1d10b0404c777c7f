"""Marks of what each sample got from outside in, which samples are observations of their own out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Sequence


def first_seen(marks: Sequence[Collection[Hashable]]) -> list[bool]:
    """Say of each sample, in launch order, whether it brought something that no sample before it had.

    A mark is that of one answer of a provider. A sample whose every answer was given before is a replay of
    it, and no new evidence. A sample without marks counts as one of its own.
    """
    seen: set[Hashable] = set()
    own: list[bool] = []
    for each in marks:
        own.append(not each or not seen.issuperset(each))
        seen.update(each)
    return own
