"""An opener of folders and a pattern in, the sorted paths that match below a folder out, within bounds."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from llm_do.errors import ToolError
from llm_do.sandbox.path import has_suffix, path_fault
from llm_do.sandbox.refusal import refusal

if TYPE_CHECKING:
    from llm_do.sandbox.pattern import Pattern

Names = tuple[str, ...]
Opener = Callable[[Names], AbstractContextManager[int]]


@dataclass(slots=True)
class Listing:
    """One search, used once: at most `max_entries` results from at most `max_looks` names looked at.

    Each folder is opened by its own walk from the root: the depth of a tree costs looks, no descriptors.
    Links, special files and names that no path can spell are passed over, as are folders below the first
    that cannot be opened.
    """

    opener: Opener
    pattern: Pattern
    max_entries: int
    max_looks: int
    suffixes: tuple[str, ...] = ()
    _found: list[str] = field(default_factory=list[str], init=False)
    _looks: int = field(default=0, init=False)

    def below(self, start: Names, *, label: Names = ()) -> list[str]:
        """Return matching paths from the root: files, or, for a pattern with a last `/`, folders with one.

        `label` is what paths call the root itself; a start above it sees the root as a folder of that name.
        """
        states = self.pattern.start()
        for name in label[len(start) :]:
            start, states = (*start, name), self.pattern.step(states, name)
            if self.pattern.is_match(states):
                self._keep(_Child(start, is_folder=True), start)
        pending = [(start, states)] if self.pattern.goes_deeper(states) else []
        while pending:
            names, states = pending.pop()
            for child in self._children(names, is_start=names == start):
                after = self.pattern.step(states, child.names[-1])
                if self.pattern.is_match(after):
                    self._keep(child, start)
                if child.is_folder and self.pattern.goes_deeper(after):
                    pending.append((child.names, after))
        return sorted(self._found)

    def _children(self, names: Names, *, is_start: bool) -> list[_Child]:
        self._looks += len(names)
        budget = self.max_looks - self._looks
        try:
            with self.opener(names) as folder, os.scandir(folder) as entries:
                looked = list(islice(entries, max(0, budget) + 1))
                children = [
                    _Child((*names, entry.name), is_folder=entry.is_dir(follow_symlinks=False))
                    for entry in looked
                    if entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)
                ]
        except (OSError, ToolError):
            if is_start:
                raise
            return []
        if len(looked) > budget:
            raise self._too_many(names, f"more than {self.max_looks} names to look at")
        self._looks += len(looked)
        return [child for child in children if path_fault("/".join(child.names)) is None]

    def _keep(self, child: _Child, start: Names) -> None:
        if child.is_folder != self.pattern.for_folders:
            return
        if not child.is_folder and not has_suffix(child.names[-1], self.suffixes):
            return
        if len(self._found) == self.max_entries:
            raise self._too_many(start, f"more than {self.max_entries} matches")
        self._found.append("/".join(child.names) + ("/" if child.is_folder else ""))

    def _too_many(self, names: Names, fault: str) -> ToolError:
        where = "/".join(names) or "."
        cure = "name a smaller folder or a narrower pattern; the pattern '*/' shows the folders"
        return refusal("too_many", where, f"holds {fault}; {cure}")


class _Child(NamedTuple):
    names: Names
    is_folder: bool
