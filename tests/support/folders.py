"""Folders of small files for tests of what a sandbox does with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def fill(folder: Path, *paths: str) -> None:
    """Make files whose text is their path, and folders for paths that end with a slash."""
    for path in paths:
        target = folder / path
        if path.endswith("/"):
            target.mkdir(parents=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(path)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
