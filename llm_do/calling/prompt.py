"""Prompt parts in, the content of a model request out: texts, and attachments as text or as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic_ai.messages import BinaryContent

from llm_do.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic_ai.messages import UserContent

    from llm_do.schemas.schema import PromptContent
    from llm_do.state.attachments import Attachments

_BINARY: Final = {
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}


def user_prompt(parts: Sequence[PromptContent], attachments: Attachments) -> str | list[UserContent]:
    """Build the user prompt of one call.

    Args:
        parts: texts and attachments, in order.
        attachments: where the attachments come from, and which are taken.

    Raises:
        ToolError: an attachment cannot be read, is not taken, or is of a kind that no model takes.
    """
    paths = [str(part.path) for part in parts if not isinstance(part, str)]
    files = iter([_content(*each) for each in zip(paths, attachments.read(paths), strict=True)])
    content = [part if isinstance(part, str) else next(files) for part in parts]
    return content[0] if len(content) == 1 and isinstance(content[0], str) else content


def _content(path: str, data: bytes) -> UserContent:
    name = Path(path).name
    if kind := _BINARY.get(Path(name).suffix.lower()):
        return BinaryContent(data, media_type=kind, identifier=name)
    try:
        return f"Attachment {name}:\n{data.decode('utf-8')}"
    except UnicodeDecodeError:
        raise ToolError(
            "bad_attachment", f"attachment {path!r} is neither text nor PDF nor an image; convert it"
        ) from None
