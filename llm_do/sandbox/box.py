"""Roots with what may be done below each in; files by path, within every limit, or a refusal out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from llm_do.errors import nearest
from llm_do.sandbox.path import has_suffix, parse_path
from llm_do.sandbox.refusal import refusal

if TYPE_CHECKING:
    import builtins

    from llm_do.errors import ToolError
    from llm_do.sandbox.fs import Root

MAX_FILE_BYTES: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Box:
    """One root and its limits; no `suffixes` means every suffix."""

    root: Root
    is_writable: bool = False
    suffixes: tuple[str, ...] = ()
    max_bytes: int = MAX_FILE_BYTES

    def __str__(self) -> str:
        limits = [
            "read and write" if self.is_writable else "read only",
            *([f"files ending with {', '.join(self.suffixes)}"] if self.suffixes else []),
            f"up to {self.max_bytes} bytes each",
        ]
        return f"{self.root.name}/ ({'; '.join(limits)})"


@dataclass(frozen=True, slots=True)
class Boxes:
    """What one worker may reach: either one nameless box, or several whose names begin the paths."""

    boxes: tuple[Box, ...]

    @property
    def is_writable(self) -> bool:
        """Whether a file can be written anywhere."""
        return any(box.is_writable for box in self.boxes)

    def find(self, path: str) -> Box:
        """Return the box that a path leads into.

        Raises:
            ToolError: `bad_path`, or `missing` where the path begins with no box's name.
        """
        first = next(iter(parse_path(path).names), "")
        for box in self.boxes:
            if box.root.name in ("", first):
                return box
        names = [f"{box.root.name}/" for box in self.boxes]
        hint = nearest(f"{first}/", names) or f"; begin it with {' or '.join(names)}"
        raise refusal("missing", path, f"is in no sandbox{hint}")

    def readable(self, path: str) -> Box:
        """Return the box of a path whose file may be read, as far as its name tells; refuse others."""
        box = self.find(path)
        _refuse_suffix(box, path)
        return box

    def writable(self, path: str) -> Box:
        """Return the box of a path whose file may be written, as far as its name tells; refuse others."""
        box = self.find(path)
        if not box.is_writable:
            raise self._read_only(path)
        _refuse_suffix(box, path)
        return box

    def read(self, path: str, *, max_bytes: int | None = None) -> bytes:
        """Return the bytes of a file; `max_bytes` may narrow the box's own limit."""
        box = self.readable(path)
        return box.root.read(path, max_bytes=min(box.max_bytes, max_bytes or box.max_bytes))

    def write(self, path: str, data: bytes) -> None:
        """Make or replace a file, its missing folders included."""
        box = self.writable(path)
        box.root.write(path, data, max_bytes=box.max_bytes)

    def list(self, path: str, pattern: str, *, max_entries: int) -> builtins.list[str]:
        """Return the sorted paths of readable files below a folder; `.` is what holds all boxes."""
        chosen = (self.find(path),) if parse_path(path).names else self.boxes
        found: builtins.list[str] = []
        for box in chosen:
            found += box.root.list(path, pattern, max_entries=max_entries, suffixes=box.suffixes)
        if len(found) > max_entries:
            raise refusal("too_many", path, f"holds more than {max_entries} matches; name one sandbox")
        return sorted(found)

    def _read_only(self, path: str) -> ToolError:
        others = " or ".join(f"{box.root.name}/" for box in self.boxes if box.is_writable)
        mend = f"write below {others} instead" if others else "no sandbox here takes files"
        return refusal("read_only", path, f"is in a read-only sandbox; {mend}")


def _refuse_suffix(box: Box, path: str) -> None:
    names = box.root.names(path)
    if names and not has_suffix(names[-1], box.suffixes):
        known = ", ".join(box.suffixes)
        raise refusal("bad_suffix", path, f"has no suffix that this sandbox allows; it allows {known}")
