"""A glob as a model wrote it in, a matcher over listed names out; a pattern never reaches the file system."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from llm_do.sandbox.path import parse_path
from llm_do.sandbox.refusal import refusal

States = frozenset[int]

_MAX_DEEP = 3  # `**` in one pattern


@dataclass(frozen=True, slots=True)
class Pattern:
    """Segments matched name by name: `*`, `?` and `[...]` within a name, `**` over any number of folders.

    A name that begins with a dot is matched only by a segment that does, too. Matching goes from a set of
    positions to the next set, so its cost grows with the pattern and never with the ways to match it.
    """

    segments: tuple[str, ...]
    for_folders: bool

    def start(self) -> States:
        """Return the positions before the first name."""
        return self._closed({0})

    def step(self, states: States, name: str) -> States:
        """Return the positions after one more name; empty when nothing below can match."""
        after: set[int] = set()
        for position in states:
            if position < len(self.segments) and _matches(self.segments[position], name):
                after.add(position if self.segments[position] == "**" else position + 1)
        return self._closed(after)

    def is_match(self, states: States) -> bool:
        """Tell whether the names up to here are a match."""
        return len(self.segments) in states

    def goes_deeper(self, states: States) -> bool:
        """Tell whether a name below could still match."""
        return any(position < len(self.segments) for position in states)

    def _closed(self, positions: set[int]) -> States:
        closed = set(positions)
        for position in positions:
            following = position
            while following < len(self.segments) and self.segments[following] == "**":
                following += 1
                closed.add(following)
        return frozenset(closed)


def parse_pattern(text: str) -> Pattern:
    """Read a glob; one ending with `/` asks for folders, any other for files; a last `**` means `**/*`.

    Raises:
        ToolError: `bad_path`, for what `parse_path` refuses, for `.` and for too many `**`.
    """
    path = parse_path(text)
    if not path.names:
        raise refusal("bad_path", text, "matches nothing; use '*' for the files of a folder")
    if path.names.count("**") > _MAX_DEEP:
        raise refusal("bad_path", text, f"holds more than {_MAX_DEEP} '**'; one reaches every folder")
    last = ("*",) if path.names[-1] == "**" else ()
    return Pattern(segments=path.names + last, for_folders=path.is_folder)


def _matches(segment: str, name: str) -> bool:
    if name.startswith(".") and not segment.startswith("."):
        return False
    return fnmatchcase(name, segment)
