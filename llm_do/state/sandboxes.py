"""The sandboxes that a worker declares in, the folders behind them, open and within their limits, out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm_do.errors import ToolError, UsageError
from llm_do.sandbox.box import Box, Boxes
from llm_do.sandbox.fs import Root
from llm_do.sandbox.refusal import told_to_human

if TYPE_CHECKING:
    from pathlib import Path

    from llm_do.project.spec import SandboxSpec, WorkerSpec


def open_sandboxes(spec: WorkerSpec, project_root: Path, *, make: bool = True) -> Boxes:
    """Open the folders of a worker's sandboxes.

    A relative path is walked from the project root past no link, and a missing `rw` folder is made on that
    way, or left out where `make` is false. An absolute path, and one with `..`, is the author's word; there
    the folder has to exist.

    Raises:
        SpecError: a folder is missing, a link, the whole disk or the home folder; names file and line.
    """
    boxes: list[Box] = []
    for name, sandbox in spec.sandboxes.items():
        try:
            root = _root(name, sandbox, project_root, make=make and sandbox.mode == "rw")
        except (ToolError, UsageError) as error:
            is_missing = isinstance(error, ToolError) and error.code == "missing"
            if is_missing and sandbox.mode == "rw" and not make:
                continue
            fault = told_to_human(error) if isinstance(error, ToolError) else error
            raise spec.error(f"sandbox {name!r}: {fault}", f"sandboxes.{name}") from error
        boxes.append(Box(root, sandbox.mode == "rw", sandbox.suffixes, sandbox.max_bytes))
    return Boxes(tuple(boxes))


def _root(name: str, sandbox: SandboxSpec, project_root: Path, *, make: bool) -> Root:
    if sandbox.path.startswith("/") or ".." in sandbox.path.split("/"):
        return Root(project_root / sandbox.path, name=name)
    return Root(sandbox.path, within=Root(project_root), make=make, name=name)
