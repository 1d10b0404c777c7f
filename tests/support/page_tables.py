"""A Markdown page and a heading in, the rows of the tables below that heading out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_CELL = re.compile(r"(?<!\\)\|")
_CODE = re.compile(r"`([^`]+)`")
_RULE = re.compile(r"\|(?:-+\|)+")

Row = list[str]


def tables_below(path: Path, heading: str) -> list[list[Row]]:
    """Give the tables between a heading and the next of its level or above, as rows without the head."""
    return list(_tables(_section(path.read_text(encoding="utf-8").splitlines(), heading)))


def names_in(rows: Iterable[Row]) -> set[str]:
    """Collect what stands as code in the first cells."""
    return {name for row in rows for name in _CODE.findall(row[0])}


def _section(lines: Iterable[str], heading: str) -> Iterator[str]:
    level = 0
    for line in lines:
        found = re.match(r"(#+) (.*)", line)
        if found and found[2] == heading:
            level = len(found[1])
        elif found and level and len(found[1]) <= level:
            return
        elif level:
            yield line


def _tables(lines: Iterable[str]) -> Iterator[list[Row]]:
    rows: list[Row] = []
    for line in [*lines, ""]:
        if line.startswith("|"):
            if not _RULE.fullmatch(line):
                rows.append([cell.strip() for cell in _CELL.split(line)[1:-1]])
        elif rows:
            yield rows[1:]
            rows = []
