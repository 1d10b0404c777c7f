"""Calls of make_dir, move_file and delete_file in, a changed folder out; each of them asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio.to_thread
from pydantic_ai.toolsets import FunctionToolset

from llm_do.approval import Preview
from llm_do.errors import ToolError
from llm_do.toolsets.files import canonical_paths
from llm_do.toolsets.protected import Guard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_do.approval import Preset
    from llm_do.journal import Effect
    from llm_do.sandbox.fs import Root
    from llm_do.state.context import Run


class ManageToolset(FunctionToolset[Any]):
    """Makes, moves and deletes below one folder, and never overwrites."""

    effects: Mapping[str, Effect] = {"make_dir": "write", "move_file": "write", "delete_file": "write"}

    def __init__(self, root: Root) -> None:
        super().__init__()
        self._root = root
        self.add_function(self.make_dir)
        self.add_function(self.move_file)
        self.add_function(self.delete_file)

    async def needs_approval(self, name: str, args: Mapping[str, Any], ctx: Any) -> Preset:
        """Ask, and insist where a file that rules the model is made, moved or deleted."""
        del name
        return await anyio.to_thread.run_sync(self._preset, *_paths(args), ctx.deps.run)

    def route(self, name: str, args: Mapping[str, Any], ctx: Any) -> None:
        """Refuse at once to move or delete what is not there, or is no file or folder: nobody is asked.

        Raises:
            ToolError: why it cannot be done.
        """
        del ctx
        if name != "make_dir":
            self._root.look(str(args["path"]))

    def canonical_args(self, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Spell both paths as rules and people read them: `./a//b` is `a/b`."""
        del name
        return canonical_paths(args, "path", "to")

    async def preview(self, name: str, args: Mapping[str, Any], ctx: Any) -> Preview | None:
        """Show what would be moved or deleted."""
        del ctx
        if name == "make_dir":
            return None
        return Preview(await anyio.to_thread.run_sync(self._change, *_paths(args)))

    async def make_dir(self, path: str) -> str:
        """Make a folder in an existing folder; a folder that is there already is fine.

        Args:
            path: the folder, relative to the root.
        """
        await anyio.to_thread.run_sync(self._root.make_dir, path)
        return f"{path} is a folder"

    async def move_file(self, path: str, to: str) -> str:
        """Move or rename a file or folder; nothing is overwritten, and the new place's folder must exist.

        Args:
            path: what to move, relative to the root.
            to: its new path, relative to the root, with the new name.
        """
        await anyio.to_thread.run_sync(self._root.move, path, to)
        return f"moved {path} to {to}"

    async def delete_file(self, path: str) -> str:
        """Delete a file, or a folder that is empty.

        Args:
            path: the file, relative to the root.
        """
        await anyio.to_thread.run_sync(self._root.delete, path)
        return f"deleted {path}"

    def _preset(self, path: str, to: str | None, run: Run) -> Preset:
        guard = Guard(self._root, run)
        try:
            return "insist" if guard.insists(path) or (to and guard.insists_on_move(path, to)) else "ask"
        except ToolError:  # nothing is changed by such a path, whoever says yes
            return "approve"

    def _change(self, path: str, to: str | None) -> str:
        try:
            kind, size = self._root.look(path)
            what = f"{size} bytes"
            if kind == "folder":
                count = len(self._root.every_name(path))
                what = f"a folder with {count} names in it" if count else "an empty folder"
        except ToolError as error:
            return f"will be refused: {error.message}"
        return f"deletes {path}: {what}" if to is None else f"moves {path} ({what}) to {to}"


def _paths(args: Mapping[str, Any]) -> tuple[str, str | None]:
    return str(args["path"]), str(args["to"]) if "to" in args else None
