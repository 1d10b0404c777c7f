"""What a file holds and what it would hold in, the change as text for a human out, as a whole."""

from __future__ import annotations

import difflib
from typing import Final

_MOST_COMPARED: Final = 2000  # lines of each side; comparing takes time that grows with their product


def written(path: str, old: bytes | None, new: str) -> str:
    """Show what a write would do to a file.

    Args:
        path: the file, as it was named.
        old: what it holds; None where there is none.
        new: what it would hold.
    """
    size = len(new.encode("utf-8", "replace"))
    if old is None:
        return f"new file {path}, {size} bytes\n{new}"
    try:
        before = old.decode("utf-8")
    except UnicodeDecodeError:
        return f"{path}: {len(old)} bytes that are no text become {size} bytes\n{new}"
    if before == new:
        return f"{path}: no change"
    lines = before.split("\n"), new.split("\n")
    if max(map(len, lines)) > _MOST_COMPARED:
        return f"{path}: too long to compare; {len(old)} bytes become {size} bytes, which are\n{new}"
    return "\n".join(difflib.unified_diff(*lines, f"{path} (now)", f"{path} (then)", lineterm=""))
