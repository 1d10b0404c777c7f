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

SAMPLES: Final = "llm_do_eval_samples"
"""Where the call report of a sampled test holds its samples that did not pass."""

_LETTERS: Final = {"INCONCLUSIVE": "I", "VOID": "V", "INCOMPLETE": "?"}
_COLOURS: Final = {"PASS": "green", "INCONCLUSIVE": "yellow"}


class Gathering:
    """Collects the sampled tests of a session in the process that the user started.

    `summary` is the file that a CI system shows as Markdown; empty where there is none.
    """

    def __init__(self, config: pytest.Config, options: Options, *, summary: str) -> None:
        self._config = config
        self._options = options
        self._summary = summary
        self._tests: list[dict[str, Any]] = []
        self._lines: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a report says of its sampled test, and tell the samples that did not pass before it."""
        test = getattr(report, ATTRIBUTE, None)
        if test is not None:
            self._tests.append(test)
        failed = getattr(report, SAMPLES, None)
        if failed:
            from llm_do_eval.plugin.subtests import tell

            tell(self._config, report, failed)

    def pytest_report_teststatus(self, report: pytest.TestReport) -> pytest.TestShortLogReport | None:
        """Give a failed test whose claim was not refuted its own letter and word among the failed ones."""
        word = getattr(report, VERDICT, None)
        if report.failed and word in _LETTERS:
            return pytest.TestShortLogReport("failed", _LETTERS[word], word)
        return None

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the files that were asked for, and the summary of a CI system."""
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
        if self._summary and self._tests:
            from llm_do_eval.family import families
            from llm_do_eval.plugin.summary import append

            self._lines += append(self._summary, self._tests, families(self._tests))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was shown, one line a test and one an invariant."""
        if not self._tests and not self._lines:
            return
        from llm_do_eval.family import families
        from llm_do_eval.plugin.table import table

        terminalreporter.ensure_newline()
        terminalreporter.section("llm samples")
        width = self._config.get_terminal_writer().fullwidth
        verbose = self._config.get_verbosity() > 0
        for line in table(self._tests, families(self._tests), width=width, verbose=verbose):
            terminalreporter.write(line.indent)
            terminalreporter.write(line.word, **{_COLOURS.get(line.word, "red"): True})
            terminalreporter.line(line.rest)
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
