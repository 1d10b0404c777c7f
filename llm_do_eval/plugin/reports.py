"""A report of pytest and the test behind it in, the same report out with what is known of the samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from llm_do_eval.cassette import find_stop
from llm_do_eval.plugin.baseline import NAME as BASELINE
from llm_do_eval.plugin.gathering import ATTRIBUTE, UNPLAYED, VERDICT

if TYPE_CHECKING:
    from llm_do_eval.plugin.conduct import Conduct
    from llm_do_eval.sample import Sample


def complete(report: pytest.TestReport, conduct: Conduct, call: pytest.CallInfo[None]) -> None:
    """Report samples that did not pass before their test, the verdict with its end, a stop by its message."""
    stop = call.excinfo and find_stop(call.excinfo.value)
    if stop:
        report.longrepr = str(stop)
    if report.when == "call" and conduct.judged is not None:
        setattr(report, VERDICT, conduct.judged.verdict.word)
        baseline = conduct.item.config.pluginmanager.get_plugin(BASELINE)
        if baseline is not None:
            baseline.settle(report, conduct.to_json())
        for each in conduct.failed():
            conduct.item.ihook.pytest_runtest_logreport(report=_subtest(conduct, each))
    if report.when == "teardown":
        setattr(report, ATTRIBUTE, conduct.to_json())
        setattr(report, UNPLAYED, conduct.unplayed())


def _subtest(conduct: Conduct, sample: Sample) -> pytest.SubtestReport:
    """Report one sample as an xfailed subtest: only the verdict over all of them can fail the test."""
    from _pytest.subtests import SubtestContext

    item = conduct.item
    reason = "; ".join(sample.reasons)
    report = pytest.SubtestReport(
        nodeid=item.nodeid,
        location=item.location,
        keywords=dict.fromkeys(item.keywords, 1),
        outcome="skipped",
        longrepr=conduct.trace(sample) or reason,
        when="call",
    )
    report.context = SubtestContext(msg=f"sample {sample.index}", kwargs={})
    report.wasxfail = f"{sample.outcome}: {reason}"
    return report
