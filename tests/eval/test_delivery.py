from __future__ import annotations

import os
import stat
import threading
from typing import TYPE_CHECKING

import pytest

from llm_do.errors import UsageError
from llm_do_eval.delivery import deliver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_folders_are_made_and_nothing_else_is_left(tmp_path: Path) -> None:
    deliver(str(tmp_path / "new/page.html"), ["a", "ü\ud800"])
    assert (tmp_path / "new/page.html").read_text(encoding="utf-8") == "aü\\ud800"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["page.html"]


def test_a_failure_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    def texts() -> Iterator[str]:
        yield "new"
        raise UsageError("enough")

    (tmp_path / "page").write_text("old", encoding="utf-8")
    with pytest.raises(UsageError, match="enough"):
        deliver(str(tmp_path / "page"), texts())
    assert (tmp_path / "page").read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["page"]


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text(encoding="utf-8")))
    reader.start()
    deliver(str(pipe), ["a", "b"])
    reader.join()
    assert read == ["ab"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old", encoding="utf-8")
    (tmp_path / "link").symlink_to("real")
    deliver(str(tmp_path / "link"), ["new"])
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text(encoding="utf-8") == "new"


def test_a_minus_is_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    deliver("-", ["a", "b"])
    assert capsys.readouterr().out == "ab"


def test_a_target_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be written \(Is a directory\)"):
        deliver(str(tmp_path), ["a"])
