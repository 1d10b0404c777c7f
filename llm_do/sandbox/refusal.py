"""A stable code, a path and its fault in; the `ToolError` for a model, or words for a human, out."""

from __future__ import annotations

import errno
from typing import Literal

from llm_do.errors import ToolError

Code = Literal[
    "bad_path", "bad_suffix", "denied", "link", "missing", "read_only", "too_large", "too_many", "wrong_kind"
]

_SHOWN = 80  # characters of a path in a sentence
_OF_ERRNO: dict[int | None, tuple[Code, str]] = {
    errno.ENOENT: ("missing", "vanished in the meantime; list its folder and try again"),
    errno.ELOOP: ("link", "is a link, and links are never followed; name what is no link"),
    errno.ENAMETOOLONG: ("bad_path", "is longer than this file system allows; choose a shorter path"),
    errno.EINVAL: (
        "bad_path",
        "is no possible place (no folder goes into itself); choose another path",
    ),
    errno.EISDIR: ("wrong_kind", "is a folder; name a file in it"),
    errno.ENOTDIR: ("wrong_kind", "is no folder; name one"),
    errno.EEXIST: ("denied", "is not an empty folder; delete or move what it holds first"),
    errno.ENOTEMPTY: ("denied", "is not an empty folder; delete or move what it holds first"),
}

_FOR_HUMANS: dict[str, str] = {"missing": "correct the path", "denied": "check who may read it"}


def refusal(code: Code, path: str, fault: str) -> ToolError:
    """Return the error `'path' fault`; a long path loses its middle."""
    shown = path if len(path) <= _SHOWN else f"{path[: _SHOWN // 3]}…{path[_SHOWN // 3 + 1 - _SHOWN :]}"
    return ToolError(code, f"{shown!r} {fault}")


def system_refusal(error: OSError, path: str) -> ToolError:
    """Return the refusal for an error of the operating system; `denied` where no other code fits."""
    reason = error.strerror or "no reason given"
    code, fault = _OF_ERRNO.get(
        error.errno, ("denied", f"is refused by the system ({reason}); choose another path or tell the user")
    )
    return refusal(code, path, fault)


def told_to_human(error: ToolError) -> str:
    """Say a refusal to whoever wrote the path into a file or a command: no human lists folders by a tool."""
    fault, _, cure = error.message.rpartition("; ")
    if cure.startswith("did you mean") or error.code not in _FOR_HUMANS:
        return error.message
    return f"{fault}; {_FOR_HUMANS[error.code]}"
