"""Entries of a session's JSON in, the lines of one aligned table for a terminal out."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from llm_do.ui.escape import visible
from llm_do_eval.evidence import evidence_line
from llm_do_eval.family import family_lines
from llm_do_eval.plugin.row import notes_of, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from llm_do_eval.plugin.row import Row

_STEP: Final = "  "
_LEAST_NAME: Final = 12
_LEAST_HEAD: Final = 4
_LEAST_WIDTH: Final = 40
_RATE: Final = " -> true rate "


class Line(NamedTuple):
    """One line in parts, so that the word of a verdict can be coloured; other lines have only `rest`."""

    indent: str = ""
    word: str = ""
    rest: str = ""

    @property
    def text(self) -> str:
        """The whole line."""
        return f"{self.indent}{self.word}{self.rest}"


def table(
    tests: Iterable[Mapping[str, Any]],
    families: Iterable[Mapping[str, Any]] = (),
    *,
    width: int,
    verbose: bool,
) -> Iterator[Line]:
    """Say the tests of a session, below their files: one line a test, one an invariant, one of evidence.

    The sentence of a verdict stands below its line unless it is PASS and says no more than the line, and
    always if `verbose`. Names give way where a line would be longer than `width`, except for the parameters
    of a test. Families of inputs come last.
    """
    ordered = sorted(tests, key=lambda each: each["test"])
    if not ordered:
        return
    width = max(width, _LEAST_WIDTH)
    laid = [list(_lay(test)) for test in ordered]
    columns = _Columns.of([each for rows in laid for each in rows], width)
    yield Line(rest=columns.head(_confidence(ordered)))
    for file, group in groupby(zip(ordered, laid, strict=True), key=lambda pair: _file(pair[0]["test"])):
        if file:
            yield Line(rest=visible(file))
        for test, rows in group:
            for each in rows:
                yield columns.line(each)
                if verbose or each.row.telling:
                    yield from _wrapped(each.row.sentence, each.depth + 2, width)
            yield from _footer(test, width)
    for family in families:
        for text in family_lines(family):
            yield Line(rest=visible(text))


class _Laid(NamedTuple):
    """A row with its place: a test at depth 1 by the last part of its id, an invariant at depth 2."""

    row: Row
    depth: int
    name: str


def _lay(test: Mapping[str, Any]) -> Iterator[_Laid]:
    rows = rows_of(test)
    file = _file(rows.test.name)
    yield _Laid(rows.test, 1, visible(rows.test.name[len(file) + 2 :] if file else rows.test.name))
    for row in rows.invariants:
        yield _Laid(row, 2, visible(row.name))


def _file(nodeid: str) -> str:
    path, found, _ = nodeid.partition("::")
    return path if found else ""


@dataclass(frozen=True, slots=True)
class _Columns:
    """How wide the columns are; the first holds the words and names."""

    left: int
    passed: int
    bounds: int
    shows: int
    cost: bool

    @classmethod
    def of(cls, laid: Sequence[_Laid], width: int) -> _Columns:
        """Give the texts what they need, and the names what they need or else what is left."""
        cost = max((len(each.row.cost) for each in laid if each.row.cost not in ("?", "$0")), default=0)
        passed = max(len(each.row.passed) for each in laid)
        bounds = len(_RATE) + max(len(each.row.bounds) for each in laid)
        shows = max(len("shows"), *(len(each.row.shows) for each in laid))
        names = max(2 * each.depth + len(each.row.word) + 1 + len(each.name) for each in laid)
        others = 2 + passed + bounds + 2 + shows + (2 + max(cost, len("cost")) if cost else 0)
        return cls(min(names, max(width - others, _LEAST_NAME)), passed, bounds, shows, bool(cost))

    def head(self, confidence: str) -> str:
        """Name the columns."""
        bounds = f"{'k/n':>{self.passed}}{f'    bounds, {confidence}':{self.bounds}}"
        cost = "  cost" if self.cost else ""
        return f"{'verdict and test':{self.left}}  {bounds}  {'shows':{self.shows}}{cost}".rstrip()

    def line(self, laid: _Laid) -> Line:
        """Set one row."""
        row, indent = laid.row, _STEP * laid.depth
        room = self.left - len(indent) - len(row.word) - 1
        name = _shortened(laid.name, room) if laid.depth == 1 else _cut(laid.name, room)
        bounds = f"{_RATE}{row.bounds}" if row.bounds else ""
        cost = f"  {row.cost}" if self.cost else ""
        right = f"{row.passed:>{self.passed}}{bounds:{self.bounds}}  {row.shows:{self.shows}}{cost}"
        return Line(indent, row.word, f" {name:{max(room, 0)}}  {right}".rstrip())


def _shortened(name: str, room: int) -> str:
    """Shorten the name of a test from its front, and keep its parameters whole."""
    head, bracket, parameters = name.partition("[")
    kept = max(room - 1 - len(bracket + parameters), _LEAST_HEAD)
    if len(name) <= room or len(head) <= kept + 1:
        return name
    return f"…{head[-kept:]}{bracket}{parameters}"


def _cut(name: str, room: int) -> str:
    """Take the middle out of the name of an invariant."""
    room = max(room, _LEAST_NAME)
    tail = room // 3
    return name if len(name) <= room else f"{name[: room - tail - 1]}…{name[-tail:]}"


def _footer(test: Mapping[str, Any], width: int) -> Iterator[Line]:
    """Say what else is known, and the evidence, which is never wrapped: its path is copied from here."""
    for note in notes_of(test):
        yield from _wrapped(note, 2, width)
    yield Line(rest=f"{2 * _STEP}{_plain(evidence_line(test))}")


def _wrapped(text: str, depth: int, width: int) -> Iterator[Line]:
    indent = _STEP * depth
    for line in textwrap.wrap(
        _plain(text), width - len(indent), break_long_words=False, break_on_hyphens=False
    ):
        yield Line(rest=f"{indent}{line}")


def _plain(text: str) -> str:
    return visible(" ".join(text.split()))


def _confidence(tests: Sequence[Mapping[str, Any]]) -> str:
    levels = sorted({test.get("confidence", 0.95) for test in tests})
    return f"{' and '.join(f'{level * 100:g} %' for level in levels)} each"
