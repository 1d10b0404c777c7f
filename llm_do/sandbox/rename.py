"""Two names in open folders in; what had the one has the other out, and nothing is overwritten."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator

    from llm_do.sandbox.entry import Entry

Rename = Callable[["Entry", "Entry"], int]
"""Renames where nothing has the new name; returns 0 or an `errno`."""

_CALLS: Final = (("renameat2", 1), ("renameatx_np", 4))  # RENAME_NOREPLACE of Linux, RENAME_EXCL of macOS
_UNABLE: Final = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP})


def kernel_rename(source: Entry, target: Entry) -> int:
    """Rename by the one system call that refuses a taken name; ENOSYS where the system has none."""
    library = ctypes.CDLL(None, use_errno=True)
    for name, never_replace in _CALLS:
        if hasattr(library, name):
            ends = ((each.folder, os.fsencode(each.name)) for each in (source, target))
            failed = getattr(library, name)(*(value for end in ends for value in end), never_replace)
            return ctypes.get_errno() if failed else 0
    return errno.ENOSYS


def rename_to_free(source: Entry, target: Entry, *, rename: Rename = kernel_rename) -> None:
    """Give a file or folder a name that nothing has.

    Raises:
        OSError: FileExistsError where something has it, at whatever moment it came.
    """
    number = rename(source, target)
    if number in _UNABLE:  # this system or file system knows no such call
        _in_two_steps(source, target)
    elif number:
        raise OSError(number, os.strerror(number), target.path)


def _in_two_steps(source: Entry, target: Entry) -> None:
    """Take the name by a call that refuses a taken one, then let go of the old name."""
    old, new = source.folder, target.folder
    if source.kind() == "folder":
        os.mkdir(target.name, dir_fd=target.folder)
        with _undone_by(os.rmdir, target):  # a folder replaces an empty folder and nothing else
            os.rename(source.name, target.name, src_dir_fd=old, dst_dir_fd=new)
    else:
        os.link(source.name, target.name, src_dir_fd=old, dst_dir_fd=new, follow_symlinks=False)
        with _undone_by(os.unlink, target), suppress(FileNotFoundError):  # gone already, by another hand
            os.unlink(source.name, dir_fd=source.folder)


@contextmanager
def _undone_by(remove: Callable[..., None], target: Entry) -> Generator[None]:
    try:
        yield
    except OSError:
        with suppress(OSError):
            remove(target.name, dir_fd=target.folder)
        raise
