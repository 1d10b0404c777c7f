from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from llm_do.sandbox.fs import Root

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    made.mkdir()
    return made


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    made = tmp_path / "outside"
    made.mkdir()
    (made / "secret").write_text("SECRET")
    return made


@pytest.fixture
def root(folder: Path) -> Root:
    return Root(folder)
