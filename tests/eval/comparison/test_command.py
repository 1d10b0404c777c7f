from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from compared import entry
from observed import run_of

from llm_do_eval.cli import run
from llm_do_eval.journals import journal_lines

if TYPE_CHECKING:
    from pathlib import Path

NEW = {"at": "2026-02-02T00:00:00+00:00"}


def session(path: Path, *tests: dict[str, Any], schema: str = "llm-do-eval/session/v1") -> str:
    path.write_text(json.dumps({"schema": schema, "tests": list(tests)}), encoding="utf-8")
    return str(path)


def journal(path: Path, *, ok: bool) -> str:
    runs = [run_of(run=f"{path.stem}{n}", cluster=n, ok=ok or n < 2, output="x") for n in range(12)]
    path.write_text("".join(journal_lines(runs)), encoding="utf-8")
    return str(path)


def test_two_sessions_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = session(tmp_path / "a.json", entry("t::a", 20, 20), entry("t::old", 1, 1))
    worse = session(tmp_path / "b.json", entry("t::a", 8, 20, **NEW), entry("t::new", 1, 1, **NEW))
    assert run(["compare", base, worse]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("t::a: regression: 20/20 -> 8/20, -60 points (p < 0.0001)")
    assert lines[1].startswith("  invariant 'right': regression: ")
    assert lines[-2:] == ["t::old: only the base has it", "t::new: only the candidate has it"]
    assert run(["compare", worse, base]) == 0


def test_a_margin_and_a_confidence_are_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = session(tmp_path / "a.json", entry("t::a", 20, 20))
    same = session(tmp_path / "b.json", entry("t::a", 20, 20, **NEW))
    assert run(["compare", base, same, "--margin", "0.1"]) == 1
    assert run(["compare", base, same, "--margin", "0.1", "--confidence", "0.8"]) == 0
    assert "not worse by 10 points" in capsys.readouterr().out


def test_two_journals_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base, worse = journal(tmp_path / "a.jsonl", ok=True), journal(tmp_path / "b.jsonl", ok=False)
    assert run(["compare", base, worse]) == 1
    assert capsys.readouterr().out.startswith("agent: regression: 12/12 -> 2/12 over 12 inputs, ")
    assert run(["compare", base, worse, "--ok", 'output == "x"']) == 0


def test_the_json_has_what_the_lines_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = session(tmp_path / "a.json", entry("t::a", 20, 20))
    worse = session(tmp_path / "b.json", entry("t::a", 19, 20, **NEW))
    assert run(["compare", base, worse, "--json", "-", "--margin", "0.3"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["schema"], found["refused"], found["margin"]) == ("llm-do-eval/comparison/v1", 0, 0.3)
    row = found["rows"][0]
    assert (row["base"], row["candidate"], row["word"]) == ([20, 20], [19, 20], "no regression shown")
    assert row["noninferiority"]["shown"] is True
    assert row["power"]["drop"] == 0.3
    assert row["worse_by_up_to"] == pytest.approx(0.2, abs=0.02)


def bad(tmp_path: Path) -> dict[str, list[str]]:
    good = session(tmp_path / "a.json", entry("t::a", 20, 20))
    torn = {key: value for key, value in entry("t::a", 20, 20).items() if key != "evidence"}
    (tmp_path / "torn.json").write_text('{"schema": "llm-do-eval/ses', encoding="utf-8")
    return {
        "missing": [good, str(tmp_path / "none.json")],
        "torn": [good, str(tmp_path / "torn.json")],
        "version": [good, session(tmp_path / "v2.json", schema="llm-do-eval/session/v2")],
        "empty": [good, session(tmp_path / "empty.json")],
        "field": [good, session(tmp_path / "field.json", torn)],
        "count": [good, session(tmp_path / "count.json", entry("t::a", 20, 20) | {"k": 2.5})],
        "other": [good, session(tmp_path / "other.json", entry("t::b", 1, 1))],
    }


@pytest.mark.parametrize("name", ["missing", "torn", "version", "empty", "field", "count", "other"])
def test_what_cannot_be_read_is_one_line_and_exit_3(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compare", *bad(tmp_path)[name]]) == 3
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)


@pytest.mark.parametrize(
    "given", [["--margin", "0"], ["--margin", "5"], ["--confidence", "0.2"], ["--marg", "1"]]
)
def test_wrong_use_is_one_line_and_exit_2(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = session(tmp_path / "a.json", entry("t::a", 20, 20))
    assert run(["compare", good, good, *given]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_session_and_a_journal_are_two_things(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, other = session(tmp_path / "a.json", entry("t::a", 20, 20)), journal(tmp_path / "b.jsonl", ok=True)
    assert run(["compare", good, other]) == 2
    assert "is a session and" in capsys.readouterr().err
