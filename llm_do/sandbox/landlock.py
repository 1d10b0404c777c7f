"""Paths and what may be done below them in, a restriction by the kernel of this very process out.

Landlock can only take rights away, for good, and from all that this process starts. A right that the
kernel's version does not know is left out, so an older kernel restricts less.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import sys
from functools import cache
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Access = Literal["read", "run", "write"]
"""Read files and list folders; also run programs; also write, make, move and delete."""

_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_PR_SET_NO_NEW_PRIVS: Final = 38

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_MAKE_CHAR, _MAKE_BLOCK = 1 << 6, 1 << 11
_TRUNCATE = 1 << 14
_IOCTL_DEV = 1 << 15
_READ: Final = _READ_FILE | _READ_DIR
_OF_FILES: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_ALL: Final = (1 << 16) - 1
_GRANTED: Final[Mapping[Access, int]] = {
    "read": _READ,
    "run": _READ | _EXECUTE,
    "write": _ALL & ~(_MAKE_CHAR | _MAKE_BLOCK | _IOCTL_DEV),
}
_FS_BITS: Final = {1: 13, 2: 14, 3: 15, 4: 15}  # by version; 16 from version 5 on
_TCP_SINCE: Final = 4
_SCOPES_SINCE: Final = 6


def landlock_abi() -> int:
    """Ask the kernel for its version of Landlock; 0 where there is none."""
    if sys.platform != "linux":
        return 0
    return max(libc().syscall(_CREATE_RULESET, None, 0, 1), 0)


def restrict(grants: Mapping[str, Access], *, network: bool) -> None:
    """Take from this process everything but `grants`: files, TCP (unless `network`), signals to others.

    Args:
        grants: what may be done with a path and all below it; a path that is missing grants nothing.
        network: leave TCP as it is.

    Raises:
        OSError: the kernel refused; what was asked for is not in force.
    """
    abi = landlock_abi()
    handled = (1 << _FS_BITS.get(abi, 16)) - 1
    tcp = 3 if abi >= _TCP_SINCE and not network else 0
    scopes = 3 if abi >= _SCOPES_SINCE else 0
    attributes = struct.pack("=QQQ", handled, tcp, scopes)
    ruleset = checked(libc().syscall(_CREATE_RULESET, attributes, len(attributes), 0))
    for path, access in grants.items():
        _grant(ruleset, path, _GRANTED[access] & handled)
    forbid_new_rights()
    checked(libc().syscall(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def forbid_new_rights() -> None:
    """Make setuid programs run without their owner's rights, in this process and all that it starts."""
    checked(libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


@cache
def libc() -> ctypes.CDLL:
    """Open the C library of this process."""
    return ctypes.CDLL(None, use_errno=True)


def checked(result: int) -> int:
    """Return what a call of the C library returned. Raises OSError where that says that it failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _grant(ruleset: int, path: str, access: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            access &= _OF_FILES
        checked(libc().syscall(_ADD_RULE, ruleset, 1, struct.pack("=Qi", access, place), 0))
    finally:
        os.close(place)
