"""Reports of tests in, wherever they ran; the terminal section and the files of the session out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from llm_do_eval.plugin.options import Options

ATTRIBUTE: Final = "llm_do_eval"
"""Where the tear-down report of a sampled test holds its entry of the session; xdist sends it along."""

VERDICT: Final = "llm_do_eval_verdict"
"""Where the call report of a sampled test holds the word of its verdict."""

UNPLAYED: Final = "llm_do_eval_unplayed"
"""Where the tear-down report of a test says which of its recordings nobody asked for."""

_COLOURS: Final = {"PASS": "green", "INCONCLUSIVE": "yellow"}


class Gathering:
    """Collects the sampled tests of a session in the process that the user started."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._tests: list[dict[str, Any]] = []
        self._lines: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a report says of its sampled test."""
        test = getattr(report, ATTRIBUTE, None)
        if test is not None:
            self._tests.append(test)

    def pytest_report_teststatus(self, report: pytest.TestReport) -> pytest.TestShortLogReport | None:
        """Give an inconclusive test that fails its own letter and word among the failed ones."""
        if report.failed and getattr(report, VERDICT, None) == "INCONCLUSIVE":
            return pytest.TestShortLogReport("failed", "I", "INCONCLUSIVE")
        return None

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the files that were asked for."""
        if session.config.option.collectonly:
            return
        from llm_do.errors import UsageError

        for path, write in ((self._options.json, _write_json), (self._options.report, _write_page)):
            if path is None:
                continue
            try:
                write(path, self._tests)
                self._lines.append(f"wrote {path}")
            except UsageError as error:
                self._lines.append(f"ERROR: {error}")
                session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was shown, one line a test and one an invariant."""
        if not self._tests and not self._lines:
            return
        from llm_do_eval.family import families, family_lines
        from llm_do_eval.session import lines_of

        terminalreporter.ensure_newline()
        terminalreporter.section("llm samples")
        for test in sorted(self._tests, key=lambda each: each["test"]):
            for line in lines_of(test):
                markup = {_COLOURS.get(line.verdict, "red"): True} if line.verdict else {}
                terminalreporter.write_line(line.text, **markup)
        for family in families(self._tests):
            for line in family_lines(family):
                terminalreporter.write_line(line)
        if any(test["verdict"] == "INCONCLUSIVE" for test in self._tests):
            terminalreporter.write_line(f"llm_inconclusive = {self._options.inconclusive}")
        for line in self._lines:
            terminalreporter.write_line(line)


def _write_json(path: Path, tests: list[dict[str, Any]]) -> None:
    from llm_do_eval.delivery import deliver
    from llm_do_eval.session import session_json

    deliver(str(path), [json.dumps(session_json(tests), indent=2, ensure_ascii=False) + "\n"])


def _write_page(path: Path, tests: list[dict[str, Any]]) -> None:
    from llm_do_eval.delivery import deliver
    from llm_do_eval.plugin.page import page
    from llm_do_eval.session import session_json

    deliver(str(path), [page(session_json(tests))])
