"""A path as a model wrote it in, its plain names out, or a `bad_path` refusal; no file is touched."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llm_do.sandbox.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_MAX_PATH = 4095  # bytes, the kernel's PATH_MAX without its NUL
_MAX_NAME = 255  # bytes, the kernel's NAME_MAX


@dataclass(frozen=True, slots=True)
class RelativePath:
    """The names from the root down (none: the root itself); `is_folder` where the text ends like a folder."""

    names: tuple[str, ...]
    is_folder: bool

    def __str__(self) -> str:
        return "/".join(self.names) or "."


def parse_path(text: str) -> RelativePath:
    """Split a relative path at `/`; `.` and empty segments are dropped, nothing is decoded or expanded.

    Raises:
        ToolError: `bad_path`, with the fault and its cure.
    """
    fault = path_fault(text)
    if fault is not None:
        raise refusal("bad_path", text, fault)
    return RelativePath(names=_names(text), is_folder=text == "." or text.endswith(("/", "/.")))


def path_fault(text: str) -> str | None:
    """Say what is wrong with a path and what to write instead, or None for a path that may be used."""
    return next((fault for is_broken, fault in _RULES if is_broken(text)), None)


def has_suffix(name: str, suffixes: Iterable[str], *, default: bool = True) -> bool:
    """Tell whether a name ends with one of the suffixes, in any case; `default` where there are none."""
    known = tuple(suffix.casefold() for suffix in suffixes)
    return name.casefold().endswith(known) if known else default


def _names(text: str) -> tuple[str, ...]:
    return tuple(segment for segment in text.split("/") if segment not in {"", "."})


def _is_foreign(text: str) -> bool:
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return True
    return False


def _begins_with_tilde(text: str) -> bool:
    return any(name.startswith("~") for name in _names(text)[:1])


def _has_outer_space(text: str) -> bool:
    return any(name != name.strip() for name in _names(text))


def _has_long_name(text: str) -> bool:
    return any(len(os.fsencode(name)) > _MAX_NAME for name in _names(text))


_RULES: tuple[tuple[Callable[[str], bool], str], ...] = (
    (lambda text: not text, "is empty; name a path below the root, or '.' for the root"),
    (lambda text: not text.isprintable(), "holds control or invisible characters; use printable ones only"),
    (_is_foreign, "holds characters that file names here cannot; use others"),
    (lambda text: len(os.fsencode(text)) > _MAX_PATH, f"is over {_MAX_PATH} bytes long; use a shorter path"),
    (lambda text: "\\" in text, "holds a backslash; separate names with '/'"),
    (lambda text: text.startswith("/"), "is absolute; write it from the root down, without the first '/'"),
    (lambda text: ".." in _names(text), "holds '..'; write it from the root down, without '..'"),
    (_begins_with_tilde, "begins with '~', which is never expanded; write it from the root down"),
    (_has_outer_space, "has a space at an end of a name; remove it"),
    (_has_long_name, f"holds a name over {_MAX_NAME} bytes long; use a shorter name"),
)
