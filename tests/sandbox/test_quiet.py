from __future__ import annotations

import asyncio
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from llm_do.sandbox.landlock import landlock_abi
from llm_do.sandbox.process import Confinement, run_command
from llm_do.sandbox.quiet import QUIET, quiet_doubt

if TYPE_CHECKING:
    from pathlib import Path

HONEST = [
    ["ls"], ["ls", "-1A", "src"], ["ls", "-R", "."], ["cat", "-n", "f", "src/main.py"], ["cat", "--", "-n"],
    ["head", "-n", "2", "f"], ["head", "-3", "f"], ["tail", "-n2", "f"], ["tail", "-c", "3", "f"],
    ["wc", "-lw", "f", "src/main.py"], ["grep", "-rn", "def main", "src"], ["grep", "-c", "a;b|c>d", "f"],
    ["grep", "-rn", "--include=*.py", "def", "."], ["grep", "-n", "-A", "1", "one", "f"], ["sort", "-r", "f"],
    ["sort", "-t", ",", "-k", "2,2n", "g.csv"], ["pwd"],
]  # fmt: skip


@pytest.mark.skipif(landlock_abi() == 0, reason="this kernel has no Landlock")
@pytest.mark.parametrize("argv", HONEST, ids=" ".join)
def test_what_runs_unasked_prints_what_it_prints_anywhere(argv: list[str], tmp_path: Path) -> None:
    _build(tmp_path)
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    plain = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert quiet_doubt(argv) is None
    finished = asyncio.run(run_command(argv, Confinement(tmp_path, writable=False), timeout_s=20))
    assert (finished.stdout, finished.stderr, finished.exit_code) == (plain.stdout, "", 0)
    assert finished.stdout


def test_every_listed_program_is_among_the_honest() -> None:
    assert {argv[0] for argv in HONEST} == set(QUIET)
    assert len(QUIET) == 8


@pytest.mark.parametrize("program", sorted(QUIET))
def test_every_other_letter_asks(program: str) -> None:
    usage = QUIET[program]
    operands = ["x", "f"] if usage.takes_pattern else ["f"] * (usage.most_paths != 0)
    assert quiet_doubt([program, *operands]) is None
    for letter in set(map(chr, range(33, 127))) - {"-"}:
        known = letter in usage.letters or (letter.isdigit() and usage.takes_digits)
        is_free = quiet_doubt([program, f"-{letter}", *operands]) is None
        assert is_free == known, letter


@pytest.mark.parametrize("program", sorted(QUIET))
def test_no_listed_letter_changes_a_file(program: str, tmp_path: Path) -> None:
    """Every option without a value, one by one, as the real program and without any confinement."""
    _build(tmp_path)
    usage = QUIET[program]
    before = _tree(tmp_path)
    for letter in usage.letters:
        operands = ["one", "f", "src"] if usage.takes_pattern else ["f"] * (usage.most_paths != 0)
        subprocess.run(
            [program, f"-{letter}", *operands],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=20,
            check=False,
        )
    assert _tree(tmp_path) == before


def _build(folder: Path) -> None:
    (folder / "src").mkdir()
    (folder / "src" / "main.py").write_text("import os\ndef main():\n    pass\n")
    (folder / "f").write_text("one\ntwo\nthree\nfour a;b|c>d\n")
    (folder / "g.csv").write_text("a,10\nb,9\n")
    (folder / "-n").write_text("dashed\n")


def _tree(folder: Path) -> dict[str, bytes | None]:
    return {
        os.path.relpath(path, folder): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }
