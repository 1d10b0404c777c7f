"""A real folder and a path as a model wrote it in; bytes, paths, a change below it, or a refusal out."""

from __future__ import annotations

import os
import stat
import weakref
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from llm_do.errors import UsageError
from llm_do.sandbox.entry import Entry
from llm_do.sandbox.listing import Listing
from llm_do.sandbox.path import parse_path
from llm_do.sandbox.pattern import parse_pattern
from llm_do.sandbox.refusal import refusal, system_refusal
from llm_do.sandbox.rename import rename_to_free

if TYPE_CHECKING:
    import builtins
    from collections.abc import Generator

    from llm_do.sandbox.path import RelativePath


class Found(NamedTuple):
    """What has a name, and its size in bytes (of a folder: whatever the system says)."""

    kind: Literal["file", "folder"]
    size: int


_TAKEN = "exists already; choose another path or delete it first"


class Root:
    """The only way from a model's path to a file: one walk from an open folder, name by name, past no link.

    Every method takes a path relative to the root and refuses with a `ToolError`: `bad_path`, `missing`,
    `link`, `wrong_kind`, `too_large`, `too_many` or `denied`. Usable from any thread.
    Not covered: hard links and mounts below the root, and a folder that others move away while in use.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        name: str = "",
        within: Root | None = None,
        make: bool = False,
        home: Path | None = None,
        system: str = os.name,
    ) -> None:
        """Open the folder for good: what later happens to its name does not matter.

        Args:
            path: a real folder; not `/`, not the home folder, not a link.
            name: what every path, taken and given, begins with; by default paths begin below the folder.
            within: a root whose walk leads to `path`.
            make: make the missing folders of that walk.
            home: the home folder, by default that of the process.
            system: the kind of operating system, as in `os.name`.

        Raises:
            UsageError: the folder, or the system, cannot hold a sandbox.
            ToolError: the walk of `within` refuses.
        """
        if system != "posix":
            raise UsageError(f"file tools need a POSIX system, not {system!r}: use Linux, macOS or WSL")
        self.name = name
        self._label = (name,) if name else ()
        if within is None:
            self.path = Path(path).absolute()
            self._descriptor = _open_root(self.path)
        else:
            self.path = within.path.joinpath(*parse_path(str(path)).names)
            self._descriptor = within.open_folder(str(path), make=make)
        weakref.finalize(self, os.close, self._descriptor)
        _refuse_wide(self.path, self._descriptor, home=home or _home())

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """Return the bytes of a file; `too_large` above `max_bytes`, and no more than that is ever read."""
        with self._file(path) as entry, os.fdopen(entry.open(os.O_RDONLY), "rb") as file:
            content = file.read(max_bytes + 1)
        if len(content) > max_bytes:
            raise refusal("too_large", path, f"holds more than {max_bytes} bytes; use a smaller file")
        return content

    def write(self, path: str, data: bytes, *, max_bytes: int) -> None:
        """Make or replace a file at once, its missing folders included; a replaced file's mode bits stay."""
        if len(data) > max_bytes:
            raise refusal("too_large", path, f"would hold more than {max_bytes} bytes; write less")
        with self._file(path, make_folders=True) as entry:
            _replace(entry, data, mode=_writable_mode(entry))

    def list(
        self,
        path: str = ".",
        pattern: str = "**/*",
        *,
        max_entries: int,
        max_looks: int = 100_000,
        suffixes: tuple[str, ...] = (),
    ) -> builtins.list[str]:
        """Return the sorted paths, from the root, of the files below a folder that match a pattern.

        Every result can be read as it is, or listed where the pattern ends with `/` and so asks for folders.

        Args:
            path: the folder.
            pattern: a glob below the folder; only a segment that begins with a dot matches such names.
            max_entries: results, else `too_many`.
            max_looks: names looked at on the way, else `too_many`.
            suffixes: of the files that are shown; by default all are.
        """
        start = self._place(path).names if parse_path(path).names else ()
        listing = Listing(self._folder, parse_pattern(pattern), max_entries, max_looks, suffixes)
        with _told(path):
            return listing.below(start, label=self._label)

    def look(self, path: str) -> Found:
        """Tell what a path names, without opening it."""
        with self._entry(path) as entry:
            kind = entry.existing()
            return Found(kind, os.stat(entry.name, dir_fd=entry.folder, follow_symlinks=False).st_size)

    def every_name(self, path: str, *, max_looks: int = 100_000) -> builtins.list[tuple[str, ...]]:
        """Return the names below a folder, each from the folder down: hidden, odd and special ones too."""
        start = self._place(path).names
        found: builtins.list[tuple[str, ...]] = []
        pending = [start]
        while pending and len(found) <= max_looks:
            names = pending.pop()
            with _told(path), self._folder(names) as folder, os.scandir(folder) as entries:
                for entry in entries:
                    below = (*names, entry.name)
                    found.append(below[len(start) :])
                    pending += [below] if entry.is_dir(follow_symlinks=False) else []
        if len(found) > max_looks:
            raise refusal("too_many", path, f"holds more than {max_looks} names; take it by parts")
        return found

    def names(self, path: str) -> tuple[str, ...]:
        """Return the names of a path from the folder down."""
        return self._place(path).names[len(self._label) :]

    def open_folder(self, path: str, *, make: bool = False) -> int:
        """Open a folder; the caller closes the descriptor."""
        place = self._place(path)
        with _told(path), self._folder(place.names, make=make) as folder:
            return os.dup(folder)

    def make_dir(self, path: str) -> None:
        """Make a folder in an existing one; a folder that is there already is fine."""
        with self._entry(path) as entry:
            entry.make_folder()
            os.close(entry.enter())

    def move(self, path: str, to: str) -> None:
        """Give a file or folder another path in an existing folder; `denied` where something is there."""
        with self._entry(path) as source, self._entry(to) as target:
            kind = source.existing()
            if target.kind() is not None:
                target.existing()
                raise refusal("denied", to, _TAKEN)
            if kind == "file" and target.is_folder:
                raise refusal("wrong_kind", to, "ends like a folder, but a file moves; drop that end")
            if target.names[: len(source.names)] == source.names:
                raise refusal("bad_path", to, "is in what moves: no folder goes into itself; choose another")
            try:
                rename_to_free(source, target)
            except FileExistsError:  # it came since the look
                raise refusal("denied", to, _TAKEN) from None
            target.sync_folder()
            source.sync_folder()

    def delete(self, path: str) -> None:
        """Delete a file or an empty folder."""
        with self._entry(path) as entry:
            remove = os.rmdir if entry.existing() == "folder" else os.unlink
            remove(entry.name, dir_fd=entry.folder)
            entry.sync_folder()

    def _place(self, path: str) -> RelativePath:
        place = parse_path(path)
        if place.names[: len(self._label)] != self._label:
            raise refusal("missing", path, f"is in no sandbox; begin it with '{self.name}/'")
        return place

    @contextmanager
    def _file(self, path: str, *, make_folders: bool = False) -> Generator[Entry]:
        if parse_path(path).is_folder:
            raise refusal("wrong_kind", path, "ends like a folder; name a file")
        with self._entry(path, make_folders=make_folders) as entry:
            yield entry

    @contextmanager
    def _entry(self, path: str, *, make_folders: bool = False) -> Generator[Entry]:
        place = self._place(path)
        if place.names == self._label:
            raise refusal("wrong_kind", path, "is the root itself; name something in it")
        with _told(path), self._folder(place.names[:-1], make=make_folders) as folder:
            yield Entry(folder, place.names, is_folder=place.is_folder)

    @contextmanager
    def _folder(self, names: tuple[str, ...], *, make: bool = False) -> Generator[int]:
        here = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._descriptor)
        try:
            for depth in range(len(self._label), len(names)):
                entry = Entry(here, names[: depth + 1])
                if make:
                    entry.make_folder()
                below = entry.enter()
                os.close(here)
                here = below
            yield here
        finally:
            os.close(here)


def _open_root(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        fault = "is a link" if path.is_symlink() else f"cannot be opened as a folder ({reason})"
        raise UsageError(f"sandbox root {str(path)!r} {fault}: give the path of a real folder") from error


def _refuse_wide(path: Path, descriptor: int, *, home: Path | None) -> None:
    for place, name in ((Path("/"), "the whole disk"), (home, "the home folder")):
        with suppress(OSError):
            if place is not None and os.path.samestat(place.stat(), os.fstat(descriptor)):
                raise UsageError(f"sandbox root {str(path)!r} is {name}: give a project folder below it")


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:
        return None


@contextmanager
def _told(path: str) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise system_refusal(error, path) from error


def _writable_mode(entry: Entry) -> int | None:
    if entry.kind() is None:
        return None
    descriptor = entry.open(os.O_WRONLY)  # asks the system for the right to write, and writes nothing
    try:
        return stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o777
    finally:
        os.close(descriptor)


def _replace(entry: Entry, data: bytes, *, mode: int | None) -> None:
    temporary = f".{os.urandom(8).hex()}.tmp.llm-do"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    descriptor = os.open(temporary, flags, 0o666 if mode is None else mode, dir_fd=entry.folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if mode is not None:
                os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.rename(temporary, entry.name, src_dir_fd=entry.folder, dst_dir_fd=entry.folder)
    finally:
        with suppress(OSError):  # gone after the rename
            os.unlink(temporary, dir_fd=entry.folder)
    entry.sync_folder()
