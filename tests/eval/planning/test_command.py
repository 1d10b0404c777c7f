"""`llm-do-eval plan`: an answer for every claim, one line for wrong use."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from llm_do_eval.cli import run

ROOT = Path(__file__).parents[3]
CLAIM = ["plan", "--min-pass-rate", "0.8", "--target", "0.95"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_prints_what_a_claim_needs_and_writes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(CLAIM) == 0
    out, err = capsys.readouterr()
    assert out.startswith("claim: true pass rate >= 0.8, 95 % confidence\n")
    assert "20 samples: PASS from 20" in out
    assert err == ""
    assert list(folder.iterdir()) == []


def test_its_json_goes_to_a_file_or_alone_to_standard_output(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*CLAIM, "--samples", "30", "--json", "plan.json"]) == 0
    assert "30 samples: PASS from 28" in capsys.readouterr().out
    assert run([*CLAIM, "--samples", "30", "--json", "-"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((folder / "plan.json").read_text("utf-8"))
    assert printed["shown"]["samples"] == 30


def test_a_claim_that_cannot_be_shown_is_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*CLAIM, "--samples", "13"]) == 0
    assert "13 samples can never show 0.8" in capsys.readouterr().out


@pytest.mark.slow
def test_confidence_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*CLAIM, "--confidence", "0.9"]) == 0
    out = capsys.readouterr().out
    assert "90 % confidence" in out
    assert "fewest samples: 11 if all pass" in out


def test_a_plan_is_kept_where_tests_keep_theirs(folder: Path) -> None:
    (folder / ".llm-do").mkdir()
    assert run(["plan", "--min-pass-rate", "0.6", "--target", "0.95"]) == 0
    [kept] = (folder / ".llm-do" / "plans").iterdir()
    assert kept.name.startswith("0.6-0.95-")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["plan"], "Missing option '--min-pass-rate'"),
        (["plan", "--min-pass-rate", "0.9", "--target", "0.8"], "target is 0.8, not between min_pass_rate"),
        (["plan", "--min-pass-rate", "1"], "no number of samples shows a rate of 1"),
        (["plan", "--min-pass-rate", "nan"], "min_pass_rate is nan, not between 0 and 1"),
        (["plan", "--min-pass-rate", "-0.1"], "min_pass_rate is -0.1, not between 0 and 1"),
        ([*CLAIM, "--confidence", "0.5"], "--confidence 0.5 is not above 0.5 and below 1"),
        ([*CLAIM, "--confidence", "1"], "--confidence 1 is not above 0.5 and below 1"),
        ([*CLAIM, "--samples", "0"], "0 is not in the range"),
        ([*CLAIM, "--json", "."], "cannot be written"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("llm-do-eval: ")
    assert told in err


@pytest.mark.parametrize("words", [["plan", "--help"], ["plan"], [*CLAIM, "--confidence", "7"]])
@pytest.mark.slow
def test_help_and_errors_load_no_statistics(words: list[str]) -> None:
    code = (
        "import sys\nsys.path.insert(0, sys.argv.pop(1))\nfrom llm_do_eval.cli import run\n"
        "run(sys.argv[1:])\n"
        "print('loaded', *{'scipy', 'numpy', 'pydantic', 'pydantic_ai'} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(ROOT), *words], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1].split() == ["loaded"]
