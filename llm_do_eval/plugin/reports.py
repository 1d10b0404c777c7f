"""A report of pytest and the test behind it in, the same report out with what is known of the samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm_do_eval.cassette import find_stop
from llm_do_eval.plugin.baseline import NAME as BASELINE
from llm_do_eval.plugin.gathering import ATTRIBUTE, SAMPLES, UNPLAYED, VERDICT
from llm_do_eval.plugin.junit import properties_of

if TYPE_CHECKING:
    import pytest

    from llm_do_eval.plugin.conduct import Conduct
    from llm_do_eval.plugin.subtests import Failed
    from llm_do_eval.sample import Sample


def complete(report: pytest.TestReport, conduct: Conduct, call: pytest.CallInfo[None]) -> None:
    """Add the verdict, the samples that did not pass and the properties; say a stop by its message."""
    stop = call.excinfo and find_stop(call.excinfo.value)
    if stop:
        report.longrepr = str(stop)
    test = conduct.to_json()
    if report.when == "call" and conduct.judged is not None:
        setattr(report, VERDICT, conduct.judged.verdict.word)
        baseline = conduct.item.config.pluginmanager.get_plugin(BASELINE)
        if baseline is not None:
            baseline.settle(report, test)
        failed: list[Failed] = [
            {"index": each.index, "reason": _reason(each), "trace": conduct.trace(each)}
            for each in conduct.failed()
        ]
        setattr(report, SAMPLES, failed)
    if report.when == "teardown":
        setattr(report, ATTRIBUTE, test)
        setattr(report, UNPLAYED, conduct.unplayed())
    if test is not None:
        # a call that fails and a tear-down that fails too are two cases of JUnit: both are to say this
        samples = {str(each.index): _reason(each) for each in conduct.failed()}
        report.user_properties += properties_of({**test, "samples": samples}).items()


def _reason(sample: Sample) -> str:
    return f"{sample.outcome}: {'; '.join(sample.reasons)}"
