from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from llm_do.errors import ToolError
from llm_do.sandbox.box import Box, Boxes
from llm_do.sandbox.fs import Root

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def boxes(tmp_path: Path) -> Boxes:
    """`docs` is for reading short notes, `out` and `log` for writing."""
    for name in ("docs", "out", "log"):
        (tmp_path / name).mkdir()
    (tmp_path / "docs" / "a.md").write_text("kept")
    (tmp_path / "docs" / "B.MD").write_text("kept")
    (tmp_path / "docs" / "key.pem").write_text("SECRET")
    (tmp_path / "docs" / "long.md").write_text("x" * 11)
    (tmp_path / "out" / "old.txt").write_text("old")
    return Boxes(
        (
            Box(Root(tmp_path / "docs", name="docs"), suffixes=(".md", ".Txt"), max_bytes=10),
            Box(Root(tmp_path / "out", name="out"), is_writable=True, max_bytes=5),
            Box(Root(tmp_path / "log", name="log"), is_writable=True, suffixes=(".log",)),
        )
    )


def refused(boxes: Boxes, path: str, content: bytes | None = None) -> ToolError:
    with pytest.raises(ToolError) as caught:
        boxes.read(path) if content is None else boxes.write(path, content)
    assert "SECRET" not in caught.value.message
    return caught.value


def test_all_boxes_are_listed_under_their_names(boxes: Boxes) -> None:
    listed = boxes.list(".", "**/*", max_entries=10)
    assert listed == ["docs/B.MD", "docs/a.md", "docs/long.md", "out/old.txt"]
    assert boxes.read(listed[1]) == b"kept"
    assert boxes.read(listed[3]) == b"old"


@pytest.mark.parametrize(
    ("path", "pattern", "found"),
    [
        ("docs", "*.md", ["docs/a.md", "docs/long.md"]),
        ("docs/", "*", ["docs/B.MD", "docs/a.md", "docs/long.md"]),
        (".", "docs/a*", ["docs/a.md"]),
        (".", "*/old*", ["out/old.txt"]),
        (".", "*", []),
        (".", "*/", ["docs/", "log/", "out/"]),
        (".", "o*/", ["out/"]),
        ("out", "*/", []),
        (".", "nope/*", []),
    ],
)
def test_a_pattern_sees_a_box_as_a_folder(boxes: Boxes, path: str, pattern: str, found: list[str]) -> None:
    assert boxes.list(path, pattern, max_entries=10) == found


def test_a_listing_of_many_boxes_is_bounded_as_a_whole(boxes: Boxes) -> None:
    assert len(boxes.list(".", "**/*", max_entries=4)) == 4
    with pytest.raises(ToolError, match="holds more than 3 matches") as caught:
        boxes.list(".", "**/*", max_entries=3)
    assert caught.value.code == "too_many"


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("a.md", "missing", "'a.md' is in no sandbox; begin it with docs/ or out/ or log/"),
        ("doc/a.md", "missing", "'doc/a.md' is in no sandbox; did you mean 'docs/'?"),
        ("DOCS/a.md", "missing", "is in no sandbox"),
        ("docs/b.md", "missing", "'docs/b.md' does not exist; did you mean"),
        ("docs", "wrong_kind", "'docs' is the root itself"),
        (".", "missing", "is in no sandbox"),
        ("docs/key.pem", "bad_suffix", "allows .md, .Txt"),
        ("docs/long.md", "too_large", "holds more than 10 bytes"),
        ("docs/../out/old.txt", "bad_path", "holds '..'"),
        ("/docs/a.md", "bad_path", "is absolute"),
    ],
)
def test_what_cannot_be_read(boxes: Boxes, path: str, code: str, words: str) -> None:
    error = refused(boxes, path)
    assert error.code == code
    assert words in error.message


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("docs/a.md", "read_only", "'docs/a.md' is in a read-only sandbox; write below out/ or log/ instead"),
        ("docs/key.pem", "read_only", "read-only"),
        ("out/long.txt", "too_large", "would hold more than 5 bytes"),
        ("log/a.txt", "bad_suffix", "allows .log"),
        ("new/a.txt", "missing", "is in no sandbox"),
    ],
)
def test_what_cannot_be_written(boxes: Boxes, path: str, code: str, words: str) -> None:
    error = refused(boxes, path, b"sixsix")
    assert error.code == code
    assert words in error.message
    assert boxes.read("docs/a.md") == b"kept"


def test_what_is_within_the_limits_is_written(boxes: Boxes) -> None:
    boxes.write("out/deep/er/a.any", b"five!")
    boxes.write("log/A.LOG", b"longer than five")
    assert boxes.list(".", "**/*.*", max_entries=10)[-3:] == ["log/A.LOG", "out/deep/er/a.any", "out/old.txt"]
    assert boxes.read("out/deep/er/a.any") == b"five!"


def test_without_a_writable_box_none_is_named(tmp_path: Path) -> None:
    boxes = Boxes((Box(Root(tmp_path, name="docs")),))
    assert not boxes.is_writable
    assert "no sandbox here takes files" in refused(boxes, "docs/a", b"").message


def test_a_caller_may_narrow_the_limit_and_never_widen_it(boxes: Boxes) -> None:
    assert boxes.read("docs/a.md", max_bytes=100) == b"kept"
    for path, limit in (("docs/a.md", 3), ("docs/long.md", 100)):
        with pytest.raises(ToolError, match="holds more than") as caught:
            boxes.read(path, max_bytes=limit)
        assert caught.value.code == "too_large"


def test_a_sparse_terabyte_is_refused_at_once(boxes: Boxes, tmp_path: Path) -> None:
    with (tmp_path / "docs" / "huge.md").open("wb") as file:
        file.truncate(1 << 40)
    started = time.monotonic()
    assert refused(boxes, "docs/huge.md").code == "too_large"
    assert time.monotonic() - started < 5  # reading it takes an hour


def test_a_box_tells_its_limits(boxes: Boxes) -> None:
    assert [str(box) for box in boxes.boxes] == [
        "docs/ (read only; files ending with .md, .Txt; up to 10 bytes each)",
        "out/ (read and write; up to 5 bytes each)",
        "log/ (read and write; files ending with .log; up to 10000000 bytes each)",
    ]
