"""Markdown pages in; the relative links that lead nowhere out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_FENCE = re.compile(r"`{3,}")
_HEADING = re.compile(r"#{1,6} (.+?)\s*#*")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


class Link(NamedTuple):
    """One link as written, and its line (from 1)."""

    target: str
    line: int


def broken_links(path: Path) -> list[str]:
    """Say `page:line: target` of every relative link to a file or heading that is not there."""
    return [f"{path.name}:{link.line}: {link.target}" for link in read_links(path) if not _leads(link, path)]


def read_links(path: Path) -> list[Link]:
    """List the links of a page, without those in code."""
    return [
        Link(target, number)
        for number, line in _prose(path)
        for target in _LINK.findall(re.sub(r"`[^`]*`", "`", line))
    ]


def anchors(path: Path) -> set[str]:
    """Name the anchors of a page's headings."""
    headings = (found[1] for _, line in _prose(path) if (found := _HEADING.fullmatch(line)))
    return set(_slugs(headings))


def _leads(link: Link, page: Path) -> bool:
    if re.match(r"[a-z]+:", link.target):
        return True
    name, _, anchor = link.target.partition("#")
    target = page.parent / name if name else page
    return target.exists() and (not anchor or anchor in anchors(target))


def _prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines outside of fences."""
    fence = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        opened = _FENCE.match(line.lstrip())
        if fence:
            fence = "" if line.strip() == fence else fence
        elif opened:
            fence = opened[0]
        else:
            yield number, line


def _slugs(headings: Iterable[str]) -> Iterator[str]:
    """Make anchors as GitHub does: lower case, punctuation gone, blanks to hyphens, repeats numbered."""
    counts: dict[str, int] = {}
    for heading in headings:
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        repeats = counts.get(slug, 0)
        counts[slug] = repeats + 1
        yield f"{slug}-{repeats}" if repeats else slug
