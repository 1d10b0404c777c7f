"""What a program may keep in, this very process with an empty network and read-only mounts out, if given.

Landlock rules names and contents, but no modes, owners, times or attributes; a mount that is read-only does.
"""

from __future__ import annotations

import os
import struct
from typing import Final

from llm_do.sandbox.landlock import checked, libc

_NEW_MOUNTS: Final = 0x00020000
_NEW_USER: Final = 0x10000000
_NEW_NETWORK: Final = 0x40000000

_OPEN_TREE: Final = 428  # the numbers are the same on every machine
_MOVE_MOUNT: Final = 429
_MOUNT_SETATTR: Final = 442
_HERE: Final = -100
_CLONE: Final = 1
_CLOSE_ON_EXEC: Final = 0o2000000
_AND_BELOW: Final = 0x8000
_FROM_DESCRIPTOR: Final = 4
_READ_ONLY: Final = 1
_PRIVATE: Final = 1 << 18


def leave_machine(*, network: bool, metadata: bool) -> None:
    """Enter an empty network, and mounts in which all but the current folder is read-only.

    What the kernel does not give this user, also not in a user namespace, stays as it is.

    Args:
        network: keep the machine's network.
        metadata: keep the machine's mounts.

    Raises:
        OSError: the mounts are read-only, and the folder cannot be excepted.
    """
    lost = 0 if network else _NEW_NETWORK
    if not metadata and _unshared(lost | _NEW_MOUNTS):
        _freeze_all_but_here()
    elif lost:
        _unshared(lost)


def _unshared(kinds: int) -> bool:
    uid, gid = os.geteuid(), os.getegid()
    if libc().unshare(kinds) == 0:
        return True
    if libc().unshare(_NEW_USER | kinds) != 0:
        return False
    for name, line in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "wb") as file:  # noqa: PTH123  pathlib loads for longer than this runs
            file.write(line.encode())
    return True


def _freeze_all_but_here() -> None:
    """Make every mount read-only and unseen by others, then put the folder as it was over itself."""
    folder = libc().syscall(_OPEN_TREE, _HERE, b".", _CLONE | _AND_BELOW | _CLOSE_ON_EXEC)
    if folder < 0:
        return
    change = struct.pack("=QQQQ", _READ_ONLY, 0, _PRIVATE, 0)
    if libc().syscall(_MOUNT_SETATTR, _HERE, b"/", _AND_BELOW, change, len(change)) == 0:
        checked(libc().syscall(_MOVE_MOUNT, folder, b"", _HERE, b".", _FROM_DESCRIPTOR))
        os.fchdir(folder)
    os.close(folder)
