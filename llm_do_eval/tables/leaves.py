"""A call's input in, its leaves out; and whether a leaf occurs in a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Iterator


class Leaf(NamedTuple):
    """One scalar of a call's input; `path` starts with the tool and writes list indexes `[]`."""

    path: str
    value: Any

    @property
    def text(self) -> str | None:
        """The value as it would stand in a text; None for booleans, null and blanks."""
        return leaf_text(self.value)


def leaves(tool: str, value: Any) -> Iterator[Leaf]:
    """Give every scalar of an input, in its order."""
    if isinstance(value, dict):
        for key, item in cast("dict[str, Any]", value).items():
            yield from leaves(f"{tool}.{key}", item)
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from leaves(f"{tool}[]", item)
    else:
        yield Leaf(tool, value)


def leaf_text(value: Any) -> str | None:
    """Give a scalar as it would stand in a text, whole floats without `.0`; None where it is no leaf."""
    if value is None or isinstance(value, bool):
        return None
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return text if text.strip() else None


def first_end(leaf: str, text: str) -> int | None:
    """Give where the first occurrence of a leaf ends, in characters; None where it does not occur.

    An occurrence is a case-sensitive substring that has no letter or digit beside a letter or digit with
    which the leaf begins or ends.
    """
    begins, ends = leaf[0].isalnum(), leaf[-1].isalnum()
    start = text.find(leaf)
    while start >= 0:
        end = start + len(leaf)
        if not (begins and text[start - 1 : start].isalnum()) and not (
            ends and text[end : end + 1].isalnum()
        ):
            return end
        start = text.find(leaf, start + 1)
    return None
