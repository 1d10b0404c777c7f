"""Samples of a test that did not pass in, their reports as xfailed subtests out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, TypedDict

import pytest
from _pytest.subtests import SubtestContext

if TYPE_CHECKING:
    from collections.abc import Iterable

_BY_XDIST = ("node", "worker_id", "testrun_uid")


class Failed(TypedDict):
    """How a sample ended that did not pass, in values that xdist sends along."""

    index: int
    reason: str
    trace: NotRequired[str]


def tell(config: pytest.Config, report: pytest.TestReport, samples: Iterable[Failed]) -> None:
    """Report samples of a test, in the process that the user started, to all plugins but one: JUnit's.

    That one knows no subtests: it would put a `<skipped>` into the test case, also of a test that passes.
    """
    from llm_do_eval.plugin.junit import writer_of

    everybody = config.pluginmanager.subset_hook_caller("pytest_runtest_logreport", [writer_of(config)])
    for each in samples:
        everybody(report=_subtest(report, each))


def _subtest(report: pytest.TestReport, sample: Failed) -> pytest.SubtestReport:
    """Expect the failure: only the verdict over all samples can fail the test."""
    told = pytest.SubtestReport(
        nodeid=report.nodeid,
        location=report.location,
        keywords=report.keywords,
        outcome="skipped",
        longrepr=sample.get("trace") or sample["reason"],
        when="call",
    )
    told.context = SubtestContext(msg=f"sample {sample['index']}", kwargs={})
    told.wasxfail = sample["reason"]
    for name in _BY_XDIST:
        if hasattr(report, name):
            setattr(told, name, getattr(report, name))
    return told
