"""Paths of attachments, and who named them, in; their bytes within every limit, or a refusal, out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from llm_do.errors import ToolError
from llm_do.project.spec import AttachmentPolicy
from llm_do.sandbox.entry import Entry
from llm_do.sandbox.fs import Root
from llm_do.sandbox.path import has_suffix
from llm_do.sandbox.refusal import refusal, system_refusal, told_to_human
from llm_do.state.sandboxes import open_sandboxes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_do.project.spec import WorkerSpec
    from llm_do.state.context import CallContext

_UNSAID: Final = AttachmentPolicy(max_count=100)
"""What a worker takes that says nothing: enough for any use, and too little to exhaust a machine."""


@dataclass(frozen=True, slots=True)
class Attachments:
    """Where the paths of one call lead, and what the called worker takes.

    `named_by` is the worker whose model named the paths: they lead into its sandboxes, where it has any.
    Other paths start from `project_root`. `is_trusted`: a human or Python named them; they may be absolute.
    """

    worker: str
    policy: AttachmentPolicy
    project_root: Path
    named_by: WorkerSpec | None = None
    is_trusted: bool = False

    def read(self, paths: Sequence[str]) -> list[bytes]:
        """Return the bytes of the files, in order.

        Raises:
            ToolError: `too_many`, `bad_suffix`, `too_large`, or why a file cannot be read.
        """
        if len(paths) > self.policy.max_count:
            raise ToolError(
                "too_many",
                f"worker {self.worker!r} takes at most {self.policy.max_count} attachments, "
                f"not {len(paths)}; pass fewer",
            )
        for path in paths:
            self._refuse_suffix(path)
        return [self._read(path) for path in paths]

    def shown(self, paths: Sequence[str]) -> str:
        """Say of each path how many bytes its file holds, or why it cannot be attached."""
        lines: list[str] = []
        for path in paths:
            try:
                self._refuse_suffix(path)
                lines.append(f"{path}: {len(self._read(path))} bytes")
            except ToolError as error:
                lines.append(error.message)
        if len(paths) > self.policy.max_count:
            lines.append(f"{len(paths)} attachments; the worker takes at most {self.policy.max_count}")
        return "\n".join(lines)

    def _refuse_suffix(self, path: str) -> None:
        policy, name = self.policy, PurePosixPath(path).name
        if has_suffix(name, policy.denied_suffixes, default=False):
            rule = f"takes no files ending with {', '.join(policy.denied_suffixes)}"
        elif not has_suffix(name, policy.suffixes):
            rule = f"takes only files ending with {', '.join(policy.suffixes)}"
        else:
            return
        raise ToolError("bad_suffix", f"attachment {path!r}: worker {self.worker!r} {rule}; pass another")

    def _read(self, path: str) -> bytes:
        try:
            return self._content(path)
        except ToolError as error:
            message = told_to_human(error) if self.is_trusted else error.message
            raise ToolError(error.code, f"attachment {path!r}: {message}") from None

    def _content(self, path: str) -> bytes:
        limit = self.policy.max_bytes
        if self.named_by and self.named_by.sandboxes:
            return open_sandboxes(self.named_by, self.project_root).read(path, max_bytes=limit)
        if self.is_trusted and Path(path).is_absolute():
            return _read_anywhere(Path(path), limit)
        return Root(self.project_root).read(path, max_bytes=limit)


def attachments_for(spec: WorkerSpec, caller: CallContext | None, project_root: Path) -> Attachments:
    """Say where the attachments of a call of a worker come from; `caller` made it, None is a human."""
    policy = spec.attachments or _UNSAID
    if caller is None or caller.impl == "python":
        return Attachments(spec.name, policy, project_root, is_trusted=True)
    named_by = caller.worker.spec if caller.worker else None
    return Attachments(spec.name, policy, project_root, named_by)


def _read_anywhere(path: Path, limit: int) -> bytes:
    """Read a file that a human named: it may lie in any folder, but is no link and no device."""
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        raise refusal("missing", str(path), "does not exist; correct the path") from None
    except OSError as error:
        raise system_refusal(error, str(path)) from error
    try:
        entry = Entry(folder, (str(path.parent).rstrip("/"), path.name))
        with os.fdopen(entry.open(os.O_RDONLY), "rb") as file:
            content = file.read(limit + 1)
    finally:
        os.close(folder)
    if len(content) > limit:
        raise refusal("too_large", str(path), f"holds more than {limit} bytes; use a smaller file")
    return content
