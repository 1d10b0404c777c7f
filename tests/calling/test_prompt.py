from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic_ai.messages import BinaryContent

from llm_do.calling.prompt import user_prompt
from llm_do.errors import ToolError
from llm_do.project.spec import AttachmentPolicy
from llm_do.schemas.schema import Attachment
from llm_do.state.attachments import Attachments

if TYPE_CHECKING:
    from pathlib import Path

    from llm_do.schemas.schema import PromptContent

PNG = b"\x89PNG\r\n\x1a\n"


def prompt(root: Path, *parts: PromptContent) -> Any:
    return user_prompt(parts, Attachments("reader", AttachmentPolicy(), root))


def test_a_lone_text_stays_a_text(tmp_path: Path) -> None:
    assert prompt(tmp_path, "hi") == "hi"
    assert prompt(tmp_path, "a", "b") == ["a", "b"]
    assert prompt(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("deck.pdf", "application/pdf"),
        ("deck.PDF", "application/pdf"),
        ("a.png", "image/png"),
        ("a.jpg", "image/jpeg"),
        ("a.jpeg", "image/jpeg"),
        ("a.gif", "image/gif"),
        ("a.webp", "image/webp"),
    ],
)
def test_what_models_see_is_sent_as_bytes(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_bytes(PNG)
    (content,) = prompt(tmp_path, Attachment(name))
    assert isinstance(content, BinaryContent)
    assert (content.data, content.media_type, content.identifier) == (PNG, kind, name)


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.json", "a.py", "LICENSE", "a.csv"])
def test_texts_are_sent_as_text(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("ä {braces}\n")
    assert prompt(tmp_path, "x", Attachment(name)) == ["x", f"Attachment {name}:\nä {{braces}}\n"]
    assert prompt(tmp_path, Attachment(name)) == f"Attachment {name}:\nä {{braces}}\n"


def test_texts_and_files_keep_their_order(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(name)
    parts = prompt(tmp_path, Attachment("b.txt"), "x", Attachment("a.txt"), "y")
    assert parts == ["Attachment b.txt:\nb.txt", "x", "Attachment a.txt:\na.txt", "y"]


def test_bytes_of_no_known_kind_are_refused(tmp_path: Path) -> None:
    (tmp_path / "binary.bin").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(
        ToolError, match=r"'binary\.bin' is neither text nor PDF nor an image; convert it"
    ) as caught:
        prompt(tmp_path, Attachment("binary.bin"))
    assert caught.value.code == "bad_attachment"
