"""Calls of read_file, write_file and list_files in, contents of the folders of one worker out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import anyio.to_thread
from pydantic_ai.toolsets import FunctionToolset

from llm_do.approval import Preview
from llm_do.errors import ToolError
from llm_do.sandbox.path import parse_path
from llm_do.toolsets.diff import written
from llm_do.toolsets.protected import Guard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from llm_do.approval import Preset
    from llm_do.journal import Effect
    from llm_do.sandbox.box import Boxes
    from llm_do.state.context import Run

MAX_ENTRIES: Final = 1000


class FileToolset(FunctionToolset[Any]):
    """Files below one folder, or in a worker's sandboxes: reading is approved beforehand, writing asks."""

    effects: Mapping[str, Effect] = {"read_file": "read", "list_files": "read", "write_file": "write"}

    def __init__(self, boxes: Boxes) -> None:
        super().__init__()
        self._boxes = boxes
        self._offer(self.read_file)
        self._offer(self.list_files)
        if boxes.is_writable:
            self._offer(self.write_file)

    async def needs_approval(self, name: str, args: Mapping[str, Any], ctx: Any) -> Preset:
        """Approve reading; ask for writing, and insist where a file rules the model itself."""
        if self.effects[name] == "read":
            return "approve"
        path, content = str(args.get("path", "")), str(args.get("content", ""))
        return await anyio.to_thread.run_sync(self._preset, path, content, ctx.deps.run)

    def canonical_args(self, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Spell the path as rules and people read it: `./a//b` is `a/b`."""
        return canonical_paths({"path": ".", **args} if name == "list_files" else args, "path")

    async def preview(self, name: str, args: Mapping[str, Any], ctx: Any) -> Preview | None:
        """Show what a write would change."""
        del ctx
        if self.effects[name] == "read":
            return None
        return await anyio.to_thread.run_sync(self._change, str(args["path"]), str(args["content"]))

    async def read_file(self, path: str, max_chars: int = 20_000, offset: int = 0) -> str:
        """Read a text file.

        Args:
            path: path relative to the root, as list_files returns it.
            max_chars: how many characters to return at most.
            offset: how many characters to skip first.
        """
        content = await anyio.to_thread.run_sync(self._boxes.read, path)
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            raise ToolError(
                "not_text", f"{path!r} is no UTF-8 text; pass it as an attachment to a worker instead"
            ) from None
        return text[max(offset, 0) : max(offset, 0) + max(max_chars, 0)]

    async def list_files(self, path: str = ".", pattern: str = "**/*") -> list[str]:
        """List files below a folder, sorted; each result can be used as a path as it is.

        Args:
            path: the folder, relative to the root.
            pattern: a glob over the paths below it; `**/` stands for any folders, a final `/` lists folders,
                names that begin with a dot match only where the pattern says the dot.
        """
        return await anyio.to_thread.run_sync(
            lambda: self._boxes.list(path, pattern, max_entries=MAX_ENTRIES)
        )

    async def write_file(self, path: str, content: str) -> str:
        """Write a text file, making missing folders; an existing file is replaced as a whole.

        Args:
            path: path relative to the root.
            content: the new text.
        """
        try:
            encoded = content.encode("utf-8")
        except UnicodeEncodeError:
            raise ToolError(
                "not_text", f"the content for {path!r} holds half a character; write it whole"
            ) from None
        await anyio.to_thread.run_sync(self._boxes.write, path, encoded)
        return f"wrote {len(encoded)} bytes to {path}"

    def _offer(self, function: Callable[..., Any]) -> None:
        """Add a function as a tool; in a worker with sandboxes its description tells of them."""
        boxes = [str(box) for box in self._boxes.boxes if box.root.name]
        where = f"\n\nEvery path begins with a sandbox: {', '.join(boxes)}." if boxes else ""
        summary = (function.__doc__ or "").partition("\n")[0]
        self.add_function(function, description=summary + where if boxes else None)

    def _preset(self, path: str, content: str, run: Run) -> Preset:
        try:
            box = self._boxes.writable(path)
            return "insist" if Guard(box.root, run).insists(path, content) else "ask"
        except ToolError:  # nothing is written by such a path, whoever says yes
            return "approve"

    def _change(self, path: str, content: str) -> Preview:
        try:
            box = self._boxes.writable(path)
        except ToolError as error:
            return Preview(f"will be refused: {error.message}")
        try:
            text = written(path, box.root.read(path, max_bytes=box.max_bytes), content)
        except ToolError as error:
            unseen = f"what {path} is now cannot be shown ({error.code}); the new text is\n{content}"
            text = written(path, None, content) if error.code == "missing" else unseen
        return Preview(text, covers=("content",))


def canonical_paths(args: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Give arguments with those of the names that are paths in their one spelling."""
    spelled = dict(args)
    for name in names:
        try:
            spelled[name] = str(parse_path(args[name])) if isinstance(args[name], str) else args[name]
        except (KeyError, ToolError):
            continue
    return spelled
