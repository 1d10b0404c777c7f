"""The scripts of the examples say what is wrong in a line or two, as the command does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*/run.py"))

pytestmark = pytest.mark.slow


def ran(script: Path, *words: str) -> tuple[int, list[str]]:
    root = str(EXAMPLES.parent)
    done = subprocess.run(
        [sys.executable, script, *words],
        cwd=script.parent,
        env={**os.environ, "PYTHONPATH": root},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr.splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(
        shutil.copytree(EXAMPLES, tmp_path / "x", ignore=shutil.ignore_patterns(".llm-do", "__pycache__"))
    )


@pytest.mark.parametrize("name", [script.parent.name for script in SCRIPTS])
def test_a_missing_recording_is_one_line(name: str, folder: Path) -> None:
    assert ran(folder / name / "run.py", "--replay", "gone.jsonl") == (
        1,
        ["gone.jsonl: there is no such cassette; record one with --record gone.jsonl"],
    )


@pytest.mark.parametrize("name", [script.parent.name for script in SCRIPTS])
def test_a_missing_model_is_one_line(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LLM_DO_MODEL", raising=False)
    code, (line,) = ran(folder / name / "run.py")
    assert code == 1
    assert "has no model: set `model` in its file" in line


def test_a_request_that_is_not_recorded_is_told_without_a_trace_back(folder: Path) -> None:
    script = folder / "approvals_demo" / "run.py"
    worker = script.with_name("note_keeper.worker")
    worker.write_text(worker.read_text(encoding="utf-8") + "Be quick.\n", encoding="utf-8")
    code, lines = ran(script, "--replay", "cassettes/callback.jsonl")
    assert code == 1
    assert lines[0].startswith("POST ")
    assert lines[-1].startswith("Record anew: ")
    assert not any("Traceback" in line for line in lines)
