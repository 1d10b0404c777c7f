"""A process that is killed while it writes leaves the old file or the new one; a plain write does not."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from llm_do.sandbox.fs import Root

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

SIZE = 4_000_000  # bytes
CONTENTS = [b"a" * SIZE, b"b" * SIZE]
WRITER = f"""
import sys
from itertools import cycle
from pathlib import Path
from llm_do.sandbox.fs import Root
kind, folder = sys.argv[1:]
root = Root(folder)
contents = [b"a" * {SIZE}, b"b" * {SIZE}]
print("ready", flush=True)
for content in cycle(contents):
    if kind == "plain":
        Path(folder, "f").write_bytes(content)
    else:
        root.write("f", content, max_bytes={SIZE})
"""


def torn(folder: Path, kind: str, *, kills: int) -> int:
    """Kill a writer at random moments; return how often the file was neither of the two contents."""
    moments = random.Random(7)
    count = 0
    for _ in range(kills):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, kind, str(folder)], stdout=subprocess.PIPE)
        with writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
            time.sleep(moments.uniform(0, 0.05))
            writer.kill()
        count += (folder / "f").read_bytes() not in CONTENTS
    return count


def test_a_killed_write_is_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(CONTENTS[0])
    assert torn(tmp_path, "plain", kills=12) > 0
    (tmp_path / "f").write_bytes(CONTENTS[0])
    assert torn(tmp_path, "root", kills=25) == 0
    left = [path.name for path in tmp_path.iterdir() if path.name != "f"]
    assert all(name.startswith(".") and name.endswith(".tmp.llm-do") for name in left)
    assert Root(tmp_path).list(max_entries=1) == ["f"]
