"""A name in an open folder in; what the kernel finds under it out, as a descriptor or as a refusal."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal

from llm_do.errors import nearest
from llm_do.sandbox.path import path_fault
from llm_do.sandbox.refusal import refusal, system_refusal

if TYPE_CHECKING:
    from llm_do.errors import ToolError

Kind = Literal["file", "folder", "link", "special"]

_MAX_NEIGHBOURS = 1000  # names read to find the nearest one
_FAULTS: dict[Kind, str] = {
    "file": "is a file; name a folder here",
    "folder": "is a folder; name a file in it",
    "link": "is a link, and links are never followed; name the file or folder itself",
    "special": "is a device, pipe or socket; only files and folders can be used",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """The last of `names` (from the root down) in `folder`, a descriptor; `is_folder`: only a folder will do.

    `enter` and `open` let the kernel decide in one step and look at the kind only to explain a failure:
    what was looked at and what is used cannot be two things.
    """

    folder: int
    names: tuple[str, ...]
    is_folder: bool = False

    @property
    def name(self) -> str:
        """The name in the folder."""
        return self.names[-1]

    @property
    def path(self) -> str:
        """The path from the root, for sentences."""
        return "/".join(self.names)

    def enter(self) -> int:
        """Open the folder of this name; the caller closes the descriptor."""
        try:
            return os.open(self.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=self.folder)
        except OSError as error:
            raise self._refusal(error, "folder") from error

    def open(self, access: int) -> int:
        """Open the regular file of this name with `os.O_RDONLY` or `os.O_WRONLY`; the caller closes it."""
        # without O_NONBLOCK a pipe would wait for its other end
        flags = access | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
        try:
            descriptor = os.open(self.name, flags, dir_fd=self.folder)
        except OSError as error:
            raise self._refusal(error, "file") from error
        kind = _kind(os.fstat(descriptor))
        if kind != "file":
            os.close(descriptor)
            raise self._wrong(kind)
        return descriptor

    def kind(self) -> Kind | None:
        """Look at the name without opening it; None when nothing has it."""
        try:
            return _kind(os.stat(self.name, dir_fd=self.folder, follow_symlinks=False))
        except FileNotFoundError:
            return None

    def existing(self) -> Literal["file", "folder"]:
        """Look at the name; refuse what is missing, a link, special, or a file spelled like a folder."""
        kind = self.kind()
        if kind is None:
            raise self._missing()
        if kind == "folder" or (kind == "file" and not self.is_folder):
            return kind
        raise self._wrong(kind)

    def make_folder(self) -> None:
        """Make the folder unless something has the name; `enter` tells what."""
        with suppress(FileExistsError):
            os.mkdir(self.name, dir_fd=self.folder)
            self.sync_folder()

    def sync_folder(self) -> None:
        """Have the system keep what changed among the names of the folder."""
        with suppress(OSError):  # some file systems cannot; what the names stand for is whole either way
            os.fsync(self.folder)

    def _refusal(self, error: OSError, wanted: Kind) -> ToolError:
        if isinstance(error, FileNotFoundError):
            return self._missing()
        kind = self.kind()
        return system_refusal(error, self.path) if kind is None or kind == wanted else self._wrong(kind)

    def _wrong(self, kind: Kind) -> ToolError:
        return refusal("link" if kind == "link" else "wrong_kind", self.path, _FAULTS[kind])

    def _missing(self) -> ToolError:
        with os.scandir(self.folder) as entries:
            known = [entry.name for entry in islice(entries, _MAX_NEIGHBOURS) if not entry.is_symlink()]
        usable = (name for name in known if path_fault(name) is None)
        hint = nearest(self.name, usable) or "; list its folder to see what is there"
        return refusal("missing", self.path, f"does not exist{hint}")


def _kind(status: os.stat_result) -> Kind:
    if stat.S_ISREG(status.st_mode):
        return "file"
    if stat.S_ISDIR(status.st_mode):
        return "folder"
    return "link" if stat.S_ISLNK(status.st_mode) else "special"
