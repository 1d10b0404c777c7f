"""The Markdown that a CI system shows with its job."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest
from sessions import FAMILY, entry, named

from llm_do_eval.plugin.summary import append, markdown

if TYPE_CHECKING:
    from llm_suite import Suite

pytest_plugins = ["pytester"]

SAMPLED = """
@pytest.mark.llm_samples(20, min_pass_rate=0.8)
async def test_words(sample, invariant):
    invariant("even|odd", True)
    assert True
"""
EVIL = "<script>alert(1)</script> | `a` [b](javascript:c) https://evil.example @you \x1b[31m\u202e\n# big"


def test_the_summary_of_a_job_is_appended_to(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    file = suite.path / "summary.md"
    file.write_text("# Before", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(file))
    for _ in range(2):
        suite.run(SAMPLED).assert_outcomes(passed=1)
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# Before\n## llm samples\n")
    assert text.count("## llm samples") == 2
    assert text.count("|PASS|test\\_suite.py::test\\_words<br>no model, n=20, no provider asked|20/20|") == 2
    assert text.count("|PASS|— even\\|odd|20/20|&gt;= 86.1 %|20/20 held; shown: ") == 2


@pytest.mark.slow
def test_workers_of_xdist_append_once(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(suite.path / "summary.md"))
    suite.run(SAMPLED, "-p", "xdist", "-n2").assert_outcomes(passed=1)
    assert (suite.path / "summary.md").read_text(encoding="utf-8").count("## llm samples") == 1


def test_a_session_without_sampled_tests_appends_nothing(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(suite.path / "summary.md"))
    suite.run("def test_plain():\n    assert True\n").assert_outcomes(passed=1)
    assert not (suite.path / "summary.md").exists()


@pytest.mark.parametrize("name", ["folder", "missing/summary.md", "pipe"])
def test_a_file_that_cannot_be_written_is_one_line_and_no_failure(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (suite.path / "folder").mkdir()
    os.mkfifo(suite.path / "pipe")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(suite.path / name))
    result = suite.run(SAMPLED)
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK
    assert len([line for line in result.outlines if line.startswith("GITHUB_STEP_SUMMARY: ")]) == 1
    result.stdout.fnmatch_lines([f"GITHUB_STEP_SUMMARY: *{name} *; name *"])


def test_a_name_that_no_file_can_have_is_one_line_too() -> None:
    [line] = append("nul\0", [entry()])
    assert "cannot be written (embedded null byte)" in line


def test_tests_that_did_not_pass_stand_first() -> None:
    text = markdown([entry("PASS", "a.py::a"), entry("FAIL", "a.py::b"), entry("VOID", "a.py::c")])
    assert re.findall(r"^\|(\S+?)\|a.py::(\w)", text, re.MULTILINE) == [
        ("**FAIL**", "b"),
        ("**VOID**", "c"),
        ("PASS", "a"),
    ]
    assert "1 FAIL, 1 VOID, 1 PASS. Each bound has 95 % confidence." in text


def test_untrusted_text_stays_text() -> None:
    text = markdown([entry("FAIL", f"a.py::t[{EVIL}]", sentence=EVIL, invariants=[named(EVIL, "FAIL")])])
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 4
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {7}
    assert "<script>" not in text
    assert "javascript:c" in text
    assert not re.search(r"(?<!\\)[`\[]|https://|@you|\x1b|\u202e|\n#\s+big", text)


def test_what_else_is_known_stands_with_a_test_and_families_below_all() -> None:
    text = markdown([entry("PASS", warnings=["all at temperature 0"], failures={"tone": 2})], [FAMILY])
    assert "::test\\_a<br>failures: tone in 2<br>warning: all at temperature 0<br>recorded 2026" in text
    below = text.rpartition("|\n")[2].splitlines()
    assert below[1] == "test\\_suite.py::test\\_a: 3 inputs, 27/30 samples passed"
    assert [line[:20] for line in below[3:]] == ["- these inputs: mean", "- inputs like these:"]


def test_a_summary_stays_below_what_is_shown_and_says_what_is_left_out() -> None:
    tests = [entry("PASS", f"a.py::test_{number:04}") for number in range(200)]
    text = markdown(tests, most_bytes=5000)
    shown = text.count("|PASS|")
    assert len(text.encode()) < 5000 + 100
    assert 10 < shown < 100
    assert text.endswith(f"\nand {200 - shown} more tests\n")
