"""A session that replays in, what is wrong with its cassettes out: `--llm-check-cassettes`.

Processes of pytest-xdist send what they collected to the one that the user started, which looks at the files.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from llm_do_eval.cassettes.check import Limits, check_cassette, left_over, record_anew
from llm_do_eval.cassettes.files import sorted_out
from llm_do_eval.cassettes.finding import Finding
from llm_do_eval.plugin.cassettes import cassette_path
from llm_do_eval.plugin.gathering import UNPLAYED
from llm_do_eval.plural import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_do_eval.plugin.options import Options

_COLLECTED: Final = "llm_do_eval_collected"
_REPLAYING: Final = ("none", "once")


class Checking:
    """Checks the cassettes of a session at its end, and fails it where something is wrong with them."""

    def __init__(self, config: pytest.Config, options: Options) -> None:
        self._config = config
        self._options = options
        self._named: dict[str, set[str]] = {}
        self._used: set[str] = set()
        self._unplayed: list[tuple[str, str]] = []
        self._findings: list[Finding] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Note the cassettes that the tests of whole modules would have, before any test is deselected."""
        partly = {_module(each) for each in self._config.args if "::" in each}
        if self._config.getoption("lf", default=False):
            return
        for item in items:
            if str(item.path) not in partly:
                path = cassette_path(item, self._options.record)
                self._named.setdefault(str(path.parent), set()).add(path.stem)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note the cassettes of the tests that will run."""
        self._used |= {str(cassette_path(item, self._options.record)) for item in session.items}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what a test did not play."""
        told = getattr(report, UNPLAYED, None)
        if told is not None:
            self._unplayed.append((told["path"], told["what"]))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a process of pytest-xdist collected."""
        told = getattr(node, "workeroutput", {}).get(_COLLECTED)
        if told is not None:
            self._used |= set(told["used"])
            for folder, names in told["named"].items():
                self._named.setdefault(folder, set()).update(names)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Check, or send what is needed for it to the process that does."""
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            named = {folder: sorted(names) for folder, names in self._named.items()}
            output[_COLLECTED] = {"used": sorted(self._used), "named": named}
        elif self._options.record in _REPLAYING and not session.config.option.collectonly:
            self._findings = sorted({*self._check()})
            if self._findings and session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List the findings."""
        terminalreporter.ensure_newline()
        terminalreporter.section("llm cassettes")
        if self._options.record not in _REPLAYING:
            terminalreporter.write_line(f"not checked: --llm-record={self._options.record} replays nothing")
            return
        for each in self._findings:
            terminalreporter.write_line(str(each), red=True)
        checked = sum(Path(path).exists() for path in self._used)
        found = counted(len(self._findings), "finding")
        terminalreporter.write_line(f"{counted(checked, 'cassette')}, {found}")

    def _check(self) -> Iterator[Finding]:
        limits = Limits(
            now=datetime.now(UTC),
            max_bytes=self._options.cassette_max_bytes,
            max_age_days=self._options.cassette_max_age,
            environ=os.environ,
        )
        for path in sorted(self._used):
            if (used := self._shown(path)).exists():
                yield from check_cassette(used, limits)
        for path, what in self._unplayed:
            shown = self._shown(path)
            yield Finding(str(shown), "unplayed", what, record_anew(shown))
        for folder, names in self._named.items():
            yield from self._left_in(self._shown(folder), names)

    def _left_in(self, folder: Path, names: set[str]) -> Iterator[Finding]:
        if not folder.is_dir():
            return
        files = sorted_out(folder.iterdir())
        for path in files.left_over:
            yield from left_over(path)
        for path in files.cassettes:
            if path.stem not in names:
                what = f"{folder.name}.py has no test {path.stem!r}"
                yield Finding(str(path), "orphan", what, "delete the file, or rename it to its test")

    def _shown(self, path: str) -> Path:
        return Path(os.path.relpath(path, self._config.invocation_params.dir))


def _module(argument: str) -> str:
    return str(Path(argument.partition("::")[0]).absolute())
