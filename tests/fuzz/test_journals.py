"""Journals of any bytes: read, or refused by name; what a killed writer leaves behind is always read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fuzzing import damaged, efforts, explore
from hypothesis import strategies as st
from scripted import Bench, call

from llm_do.errors import FormatError
from llm_do.runtime import RunApprovalPolicy
from llm_do_eval.health import Health
from llm_do_eval.journals import journal_lines, read_runs

if TYPE_CHECKING:
    from pathlib import Path

    from llm_do_eval.observation import Run

TOOLS = """
from pydantic_ai.toolsets import FunctionToolset
tools = FunctionToolset()
@tools.tool_plain
def add(a: int, b: int) -> int:
    return a + b
@tools.tool_plain
def fail() -> str:
    raise ValueError("é \\ud800")
"""


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The journal of a run with every kind of line."""
    bench = Bench(tmp_path_factory.mktemp("project"))
    bench.tools(TOOLS)
    bench.worker("main", toolsets=["tools", "sub"])
    bench.worker("sub", toolsets=["tools"])
    bench.script("main", [call("add", a=1, b=2), call("sub", input="x")], call("fail"), "done")
    bench.script("sub", call("add", a=2, b=2), "four")
    bench.run("hi", RunApprovalPolicy("approve_all"), journal=bench.root / "runs")
    (path,) = (bench.root / "runs").iterdir()
    return path.read_bytes()


def read(path: Path) -> list[Run]:
    return list(read_runs([path], Health()))


@efforts
def test_a_damaged_journal_is_read_or_refused_by_name(examples: int, tmp_path: Path, journal: bytes) -> None:
    path = tmp_path / "x.jsonl"
    words = [b'"v": 1', b'"v":2', b'"parent":null', b'"kind":"call"', b'{"v":1,"kind":"call","run":"x"}\n']

    def check(source: bytes) -> None:
        path.write_bytes(source)
        try:
            runs = read(path)
        except FormatError as error:
            assert str(error).startswith(f"{path}:")  # noqa: PT017
            assert len(str(error).splitlines()) == 1  # noqa: PT017
            return
        assert read(path) == runs
        again = tmp_path / "again.jsonl"
        again.write_text("".join(journal_lines(runs)), encoding="utf-8")
        assert [run.root for run in read(again)] == [run.root for run in runs]

    explore(damaged([journal, journal + journal], words), check, examples)


@efforts
def test_what_a_killed_writer_left_is_read(examples: int, tmp_path: Path, journal: bytes) -> None:
    path = tmp_path / "x.jsonl"

    def check(length: int) -> None:
        path.write_bytes(journal[:length])
        # the last line needs no line end to be whole
        assert len(read(path)) == (length >= len(journal) - 1)

    explore(st.integers(0, len(journal)), check, examples)
