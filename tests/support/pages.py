"""A Markdown page in; its fenced blocks out, each with what is to be done with it.

A comment on the line above a fence says what the block is. A reader sees none of these comments:

    <!-- file: NAME -->     write the block to NAME in the page's folder, and check it by its suffix
    <!-- from: PATH -->     the block is the project's own file PATH; a line `...` stands for any lines
    <!-- run -->            run the block (bash or python) in that folder; `run: exit 2` expects this code
    <!-- output -->         the last run printed exactly this; `...` stands for anything
    <!-- skip: REASON -->   the block is not run, for one of the reasons in `REASONS`

Without a comment, `json` is parsed, `yaml` is read as a worker file, `python` is run; any other block is an
error. What a bash block exports is there in the blocks below it. These comments stand alone:

    <!-- copy: NAMES -->       folders of the project are there in the page's folder
    <!-- provider -->          the variables that lead to a provider are set
    <!-- options: PROGRAM -->  a generated list follows, which `<!-- end -->` closes
    <!-- numbers: NAME -->     generated lines follow, which `<!-- end -->` closes
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Role = Literal["file", "from", "run", "output", "skip", "json", "worker"]

REASONS = frozenset({"form", "needs a key", "needs a server", "set-up"})
"""Why a block is not run: it shows a form, it would cost money, it never ends, `.ci/run` runs it."""

_ROLES: dict[str, Role] = {role: role for role in get_args(Role)}
_ALONE = ("copy", "provider", "options", "numbers", "end")
_BY_LANGUAGE: dict[str, Role] = {"json": "json", "yaml": "worker", "python": "run"}
_COMMENT = re.compile(r"<!-- ([a-z]+)(?:: (.+?))? -->")
_FENCE = re.compile(r"(`{3,})(\w*)\s*")


class PageError(Exception):
    """A page is wrong: the message begins with `path:line`."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: `place` is the page and the line of its fence, `detail` what the comment adds."""

    place: str
    language: str
    role: Role
    detail: str
    text: str

    def error(self, message: str) -> PageError:
        """Return the error that says `message` about this block."""
        return PageError(f"{self.place}: {message}")


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its blocks in order, the folders of the project it needs, and whether it needs a provider."""

    path: Path
    blocks: tuple[Block, ...]
    copies: tuple[str, ...]
    provider: bool


def read_page(path: Path) -> Page:
    """Read a page.

    Raises:
        PageError: an unclosed or indented fence, an unknown comment, or a block that says nothing of itself.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    copies = [names for line in lines if (names := _detail(line, "copy"))]
    names = tuple(name for line in copies for name in line.split())
    return Page(path, tuple(_blocks(path, lines)), names, provider="<!-- provider -->" in lines)


def _blocks(path: Path, lines: Sequence[str]) -> Iterator[Block]:
    number = 0
    while number < len(lines):
        line, place = lines[number], f"{path.name}:{number + 1}"
        fence = _FENCE.fullmatch(line)
        if line.lstrip().startswith("```") and not fence:
            raise PageError(f"{place}: a fence begins its line and names one language")
        _refuse_stray(lines, number, place)
        if not fence:
            number += 1
            continue
        end = next((at for at in range(number + 1, len(lines)) if lines[at].rstrip() == fence[1]), None)
        if end is None:
            raise PageError(f"{place}: the fence is not closed")
        text = "".join(f"{each}\n" for each in lines[number + 1 : end])
        comment = lines[number - 1] if number else ""
        yield _block(place, fence[2], comment, text)
        number = end + 1


def _block(place: str, language: str, comment: str, text: str) -> Block:
    found = _COMMENT.fullmatch(comment)
    word, detail = (found[1], found[2] or "") if found and found[1] not in _ALONE else ("", "")
    role = _ROLES[word] if word else _BY_LANGUAGE.get(language)
    if role is None:
        raise PageError(f"{place}: say above the fence what this {language or 'bare'} block is, e.g. run")
    if role == "skip" and detail not in REASONS:
        raise PageError(f"{place}: {detail!r} is no reason to skip; known: {', '.join(sorted(REASONS))}")
    return Block(place, language, role, detail, text)


def _refuse_stray(lines: Sequence[str], number: int, place: str) -> None:
    if not lines[number].startswith("<!--"):
        return
    found = _COMMENT.fullmatch(lines[number])
    fenced = number + 1 < len(lines) and lines[number + 1].startswith("```")
    if found is None or (found[1] not in _ALONE and (not fenced or found[1] not in _ROLES)):
        raise PageError(f"{place}: {lines[number]!r} is no comment of a page")


def _detail(line: str, word: str) -> str:
    found = _COMMENT.fullmatch(line)
    return found[2] or "" if found and found[1] == word else ""
