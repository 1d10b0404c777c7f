"""Sampled tests in; their entries saved as the baseline, or compared with the one saved before, out.

A test is compared as it ends, with its share of the level, so that a regression fails it there. The p-values
of the others are known at the end: Holm's procedure may then refute more, which fails the session.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from llm_do_eval.plugin.gathering import ATTRIBUTE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from llm_do_eval.comparison.compare import Comparison, Wishes
    from llm_do_eval.comparison.document import Line
    from llm_do_eval.plugin.options import Options

    Entry = dict[str, Any]

NAME: Final = "llm_do_eval_baseline"
"""The name of this plugin among those of pytest."""


class Baseline:
    """Compares each test where it runs; compares all of them, or saves them, in the user's process.

    Raises:
        UsageError: the baseline cannot be read, or there is none to compare with.
    """

    def __init__(self, config: pytest.Config, options: Options) -> None:
        self._options = options
        self._gathers = not hasattr(config, "workerinput")
        self._known = _read(options.baseline_file, must_exist=options.baseline == "compare")
        self._entries: dict[str, Entry] = {}
        self._family = 0
        self._alone: frozenset[str] = frozenset()
        self._failed: set[str] = set()
        self._lines: list[Line] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Count the comparisons to be made, before any test has run."""
        from llm_do_eval.comparison.compare import family_size
        from llm_do_eval.comparison.sessions import key_of

        keys = [key_of(item.nodeid) for item in session.items if item.nodeid in self._known]
        groups = [key.group for key in keys]
        self._family = family_size(keys)
        self._alone = frozenset(str(key) for key in keys if groups.count(key.group) == 1)

    def settle(self, report: pytest.TestReport, entry: Entry) -> None:
        """Fail the test of a report whose samples show a regression, whatever its own verdict."""
        if self._options.baseline != "compare" or entry["test"] not in self._known:
            return
        margin = self._options.margin if entry["test"] in self._alone else None
        found = _compared(self._known, {entry["test"]: entry}, self._wishes(margin, self._family))
        if not found.refused:
            return
        told = "\n".join(row.sentence for row in found.refused)
        own = "" if report.passed else f"\n\n{report.longreprtext or getattr(report, 'wasxfail', '')}"
        report.outcome, report.longrepr = "failed", f"{told}{own}"
        if hasattr(report, "wasxfail"):
            del report.wasxfail

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the entry of a sampled test, in whichever process it ran."""
        entry = getattr(report, ATTRIBUTE, None)
        if entry is not None:
            self._entries[entry["test"]] = entry
        if report.failed:
            self._failed.add(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Save the entries, or judge all of them together."""
        if not self._gathers or session.config.option.collectonly:
            return
        if self._options.baseline == "save":
            self._save(session)
        elif self._entries:
            self._judge(session)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was saved, or how each test compares."""
        if not self._lines:
            return
        terminalreporter.ensure_newline()
        terminalreporter.section("llm baseline")
        for line in self._lines:
            terminalreporter.write_line(line.text, **_markup(line))

    def _judge(self, session: pytest.Session) -> None:
        from llm_do_eval.comparison.document import Line, row_lines

        found = _compared(self._known, self._entries, self._wishes(self._options.margin))
        self._lines += [line for row in found.rows for line in row_lines(row)]
        self._lines += [Line(f"{name}: no baseline") for name in found.only_candidate]
        passed = [row for row in found.refused if row.test not in self._failed]
        if passed:
            names = ", ".join(row.test for row in passed)
            self._lines.append(Line(f"the session fails, seen together: {names}", passed[0]))
        if found.refused and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _save(self, session: pytest.Session) -> None:
        from llm_do.errors import UsageError
        from llm_do_eval.comparison.document import Line
        from llm_do_eval.comparison.sessions import flaw_of
        from llm_do_eval.delivery import deliver

        path = self._options.baseline_file
        judged = {name: each for name, each in self._entries.items() if not flaw_of(each)}
        self._lines += [
            Line(f"{name}: not saved: {flaw_of(each)}")
            for name, each in sorted(self._entries.items())
            if name not in judged
        ]
        if not judged:
            return
        try:
            deliver(str(path), _text(self._known | judged))
            self._lines.append(Line(f"saved {len(judged)} of {len(self._known | judged)} tests in {path}"))
        except UsageError as error:
            self._lines.append(Line(f"ERROR: {error}"))
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def _wishes(self, margin: float | None, family: int = 0) -> Wishes:
        from llm_do_eval.comparison.compare import Wishes

        return Wishes(confidence=self._options.confidence, margin=margin, family=family)


def _compared(base: Mapping[str, Entry], entries: Mapping[str, Entry], wishes: Wishes) -> Comparison:
    """Compare the tests that ran with what the baseline says of these."""
    from llm_do_eval.comparison.compare import compare
    from llm_do_eval.comparison.sessions import session_side

    ran = [base[name] for name in entries if name in base]
    return compare(session_side("baseline", ran), session_side("session", entries.values()), wishes)


def _read(path: Path, *, must_exist: bool) -> dict[str, Entry]:
    from llm_do.errors import FormatError
    from llm_do_eval.comparison.source import read_entries

    if not path.exists():
        if must_exist:
            raise pytest.UsageError(f"{path}: there is no baseline; save one with --llm-baseline=save")
        return {}
    try:
        entries = read_entries(path)
    except FormatError as error:
        raise pytest.UsageError(str(error)) from error
    try:
        return {each["test"]: each for each in ([{}] if entries is None else entries)}
    except (KeyError, TypeError) as error:
        raise pytest.UsageError(f"{path}: is torn or no baseline; save one anew elsewhere") from error


def _text(entries: Mapping[str, Entry]) -> Iterator[str]:
    """Write a session with one line a test, so that a difference of two versions can be read."""
    from llm_do_eval.session import SCHEMA

    yield f'{{"schema": "{SCHEMA}", "tests": [\n'
    rows = [json.dumps(entries[name], ensure_ascii=False) for name in sorted(entries)]
    yield ",\n".join(rows)
    yield "\n]}\n"


def _markup(line: Line) -> dict[str, bool]:
    if line.row is None:
        return {}
    from llm_do_eval.comparison.compare import is_refused

    return (
        {"red": True} if is_refused(line.row) else {"green": True} if line.row.word == "improvement" else {}
    )
