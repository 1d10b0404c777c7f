"""Collected tests in, what running them live would show and take out: `--llm-plan`; no test is run."""

from __future__ import annotations

import inspect
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from llm_do.errors import FormatError, UsageError
from llm_do_eval.delivery import deliver
from llm_do_eval.planning.consumption import consumption
from llm_do_eval.planning.forecast import Forecast
from llm_do_eval.planning.outlook import outlook
from llm_do_eval.planning.sheet import document, lines
from llm_do_eval.plugin.cassettes import cassette_path
from llm_do_eval.plugin.marks import claimed

if TYPE_CHECKING:
    from llm_do_eval.planning.outlook import Outlook
    from llm_do_eval.plugin.marks import Sampling
    from llm_do_eval.plugin.options import Options


class Planning:
    """Stands where the tests would run; processes of pytest-xdist are not started for it."""

    def __init__(self, config: pytest.Config, options: Options) -> None:
        self._config = config
        self._options = options
        self._lines: list[str] = []
        self._seen: dict[Sampling, Outlook] = {}
        if config.pluginmanager.has_plugin("xdist"):
            config.option.dist, config.option.tx = "no", []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Look at the tests that are left instead of running them, unless their collection failed.

        Raises:
            UsageError: the JSON cannot be written.
        """
        config = session.config.option
        if config.collectonly or (session.testsfailed and not config.continue_on_collection_errors):
            return None
        forecasts = [
            self._forecast(item, sampling)
            for item in sorted(session.items, key=lambda each: each.nodeid)
            if (sampling := claimed(item, self._options)) is not None and not item.get_closest_marker("skip")
        ]
        self._lines = (
            [*lines(forecasts, self._options.budget)] if forecasts else ["no test is marked llm_samples"]
        )
        if self._options.json is not None:
            self._write(document(forecasts, self._options.budget))
        return True

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the plan."""
        if self._lines:
            terminalreporter.ensure_newline()
            terminalreporter.section("llm plan")
            for line in self._lines:
                terminalreporter.write_line(line)

    def _forecast(self, item: pytest.Item, sampling: Sampling) -> Forecast:
        options, path = self._options, cassette_path(item, "none")
        taken, note = None, None
        try:
            taken = consumption(path)
        except FormatError as error:
            note = str(error)
        return Forecast(
            test=item.nodeid,
            outlook=self._outlook(sampling),
            concurrency=options.concurrency if _is_async(item) else 1,
            consumption=taken,
            cassette=os.path.relpath(path, self._config.rootpath) if taken else None,
            refused=options.samples is None and not sampling.claim.provable(sampling.samples),
            note=note,
        )

    def _outlook(self, sampling: Sampling) -> Outlook:
        """Look at a sampling once: to find its plan may take long, and many tests have the same."""
        if sampling not in self._seen:
            self._seen[sampling] = outlook(
                sampling.claim,
                sampling.stop,
                sampling.samples,
                # where a test stops would bias a comparison, so none stops early then
                live=self._options.baseline is None,
                cache=self._config.rootpath / ".llm-do" / "plans",
            )
        return self._seen[sampling]

    def _write(self, plan: dict[str, Any]) -> None:
        try:
            deliver(str(self._options.json), [json.dumps(plan, indent=2, ensure_ascii=False) + "\n"])
        except UsageError as error:
            raise pytest.UsageError(str(error)) from error
        self._lines.append(f"wrote {self._options.json}")


def _is_async(item: pytest.Item) -> bool:
    """Tell whether samples of a test run side by side; those of a function that is not async take turns."""
    return inspect.iscoroutinefunction(getattr(item, "obj", None))
