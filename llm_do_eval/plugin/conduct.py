"""One test item of ours in, its samples run, judged and reported out: from set-up to tear-down.

The item's function is replaced for the time of the call by one that runs all samples, so whoever runs the
item, pytest itself or pytest-asyncio in its loop, runs them.
"""

from __future__ import annotations

import functools
import inspect
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from llm_do.errors import LlmDoError, SpecError, UsageError
from llm_do_eval.asserts import asserts_nothing
from llm_do_eval.cassette import CassetteStop, find_stop
from llm_do_eval.harness import LlmDo, Recordings
from llm_do_eval.owner import Owner
from llm_do_eval.plugin.coexistence import refuse_blocked, refuse_second_cassette, refuse_trio
from llm_do_eval.plugin.marks import project_of, sampling_of
from llm_do_eval.plugin.sampled import Sampled, once, sampled
from llm_do_eval.plugin.traffic import Traffic
from llm_do_eval.plugin.watching import watched
from llm_do_eval.project import ProjectUnderTest
from llm_do_eval.sample import Outcome, Sample, StopSampling, outcome_of, running
from llm_do_eval.sampling.loop import at_once, backoff_s, run_concurrently, run_in_turn
from llm_do_eval.session import Json, SampledTest, judge_samples
from llm_do_eval.unawaited import unawaited

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextlib import AbstractContextManager

    from llm_do_eval.plugin.marks import Sampling
    from llm_do_eval.plugin.options import Options
    from llm_do_eval.sampling.budget import Budget

# these end the test as a whole, whichever sample raises them
_ENDING = (pytest.skip.Exception, pytest.xfail.Exception, pytest.exit.Exception, CassetteStop)


@dataclass(eq=False, slots=True)
class Conduct:
    """A test under way; `close` must follow `open`."""

    item: pytest.Function
    options: Options
    budget: Budget | None = None
    owner: Owner = field(default_factory=Owner)
    complaints: list[str] = field(default_factory=list[str])
    judged: SampledTest | None = None
    ended: BaseException | None = None
    _sampling: Sampling | None = None
    _sampled: Sampled = field(default_factory=once)
    _traffic: Traffic = field(init=False)
    _project: ProjectUnderTest | None = None

    @property
    def samples(self) -> list[Sample]:
        """All samples, by their index; those that were never run have no outcome."""
        return self._sampled.launch.samples

    @property
    def sampled(self) -> bool:
        """Whether the test is marked to be sampled."""
        return self._sampling is not None

    def open(self) -> None:
        """Open the cassette and read the marks, before any fixture is set up.

        Raises:
            LlmDoError: a mark is wrong, or the cassette cannot be read or recorded.
        """
        refuse_second_cassette(self.item)
        self._sampling = sampling_of(self.item, self.options)
        self._traffic = Traffic(self.item, self.options)
        self._traffic.open()
        if self._sampling is None:
            return
        with ExitStack() as opened:
            opened.callback(self._traffic.close)
            self._sampled = sampled(self.item, self._sampling, self._traffic, self.options, self.budget)
            opened.pop_all()

    def close(self) -> None:
        """Close the cassette, after the last fixture is torn down.

        Raises:
            LlmDoError: what was recorded cannot be saved.
        """
        self._traffic.close()

    def project(self) -> ProjectUnderTest | None:
        """Read the project under test, once; None where none is named.

        Raises:
            LlmDoError: the project is wrong.
        """
        paths = project_of(self.item, self.options)
        if self._project is None and paths:
            self._project = ProjectUnderTest(paths)
        return self._project

    def harness(self) -> LlmDo:
        """Make what the fixture `llm_do` gives."""
        runs = self.item.config.rootpath / ".llm-do" / "runs"
        recordings = Recordings(
            test=self.item.nodeid,
            journal=runs if self.sampled else None,
            model=self._traffic.model,
            about=self._traffic.about,
            note=self._traffic.note,
        )
        return LlmDo(self.project(), self.owner, recordings)

    def refuse(self) -> None:
        """Fail a test whose samples could show nothing, before they cost anything."""
        with one_line():
            refuse_trio(self.item)
            if not self._traffic.replays:
                refuse_blocked(self.item, self.options.record)
        folders = [
            folder for folder in self.item.path.parents if folder.is_relative_to(self.item.config.rootpath)
        ]
        conftests = [folder / "conftest.py" for folder in folders]
        if self.sampled and asserts_nothing(self.item.obj, conftests):
            pytest.fail(
                f"{self.item.name} asserts nothing: neither it nor a function of its module or conftest that "
                f"it calls has an assert, an invariant, pytest.raises or pytest.fail",
                pytrace=False,
            )

    @contextmanager
    def sampling(self) -> Generator[None]:
        """Let whoever runs the item run all its samples."""
        body = self.item.obj
        self.item.obj = self._all_samples(body)
        try:
            with unawaited(self._note_unawaited):
                yield
        except BaseException:
            self._traffic.keep(clean=False)
            raise
        finally:
            self.item.obj = body

    def raise_what_has_not_begun(self) -> None:
        """Fail the test in one line where a run could not even begin."""
        if isinstance(self.ended, SpecError | UsageError):
            self._traffic.keep(clean=False)
            pytest.fail(str(self.ended), pytrace=False)

    def conclude(self) -> None:
        """Judge the samples that have run.

        Raises:
            pytest.fail.Exception: the test fails, with the reasons.
            BaseException: what ended the test as a whole, or the only run of a test that is not sampled.
        """
        launch = self._sampled.launch
        if self.ended is None:
            self.ended = self._traffic.miss
        outcomes = {sample.outcome for sample in self.samples}
        # where nothing passed, a stub was not reached for a reason that is told anyway
        unused = self.owner.stubs.complaints() if "pass" in outcomes else []
        complaints = [*self.complaints, *unused]
        clean = self.ended is None and outcomes.isdisjoint({"error", "infra"})
        self._traffic.keep(clean=clean, whole=self.ended is None and not launch.out_of_budget)
        if self.ended is not None and not isinstance(self.ended, CassetteStop):
            raise self.ended
        if self._sampling is None:
            self._conclude_single(complaints)
            return
        complete = self.ended is None and not launch.out_of_budget
        if complete and self._sampled.ledger is not None:
            self._sampled.ledger.remove()
        self.judged = judge_samples(
            self.item.nodeid,
            self._sampling.claim,
            self.samples,
            retried=launch.retried,
            plan=self._sampled.plan,
            looks=self._sampled.looks,
            complaints=complaints,
            complete=complete,
            metrics=self.options.metrics,
        )
        self._conclude_sampled(self.judged)

    def to_json(self) -> Json | None:
        """Write what the session's JSON says about the test; None for a test without verdict."""
        if self.judged is None:
            return None
        function = f"{cast('Any', self.item.parent).nodeid}::{self.item.originalname}"
        evidence, recordings = self._traffic.evidence(self.samples), self._traffic.recordings()
        return self.judged.to_json(evidence, recordings, function)

    def unplayed(self) -> Json | None:
        """Say what of its cassette a test that replays did not ask for; None where it asked for all."""
        ended = sum(each.outcome is not None for each in self.samples)
        return self._traffic.left(ended) if self.ended is None else None

    def failed(self) -> list[Sample]:
        """Return the samples of a sampled test that ended in anything but a pass."""
        return [each for each in self.samples if each.outcome not in (None, "pass")] if self.sampled else []

    def trace(self, sample: Sample) -> str:
        """Show the exception that ended a sample as pytest shows it; empty if none of ours did."""
        if sample.error is None or sample.outcome == "infra":
            return ""
        raised = cast("Any", pytest.ExceptionInfo).from_exception(sample.error)
        return str(self.item.repr_failure(raised))

    def _all_samples(self, body: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(body):

            @functools.wraps(body)
            async def _run_all(**fixtures: Any) -> None:
                with self._ending(), self._watched():
                    await run_concurrently(
                        self._sampled.launch,
                        lambda: body(**fixtures),
                        concurrency=self.options.concurrency,
                        sort=_sort,
                        wait_s=self._wait_s,
                    )

            return _run_all

        @functools.wraps(body)
        def _run_each(**fixtures: Any) -> None:
            with self._ending(), self._watched():
                run_in_turn(self._sampled.launch, lambda: body(**fixtures), sort=_sort, wait_s=self._wait_s)

        return _run_each

    def _watched(self) -> AbstractContextManager[None]:
        return watched(self.item, self._sampled, self._sampling.claim if self._sampling else None)

    def _wait_s(self, attempt: int) -> float:
        return at_once(attempt) if self._traffic.replays else backoff_s(attempt)

    @contextmanager
    def _ending(self) -> Generator[None]:
        try:
            yield
        except (*_ENDING, SpecError, UsageError) as end:
            self.ended = end

    def _note_unawaited(self, sentence: str) -> None:
        sample = running()
        (self.complaints if sample is None else sample.complaints).append(sentence)

    def _conclude_single(self, complaints: list[str]) -> None:
        if self.ended is not None:
            pytest.fail(str(self.ended), pytrace=False)
        sample = self.samples[0]
        if sample.error is not None:
            raise sample.error
        complaints += [
            f"invariant {name!r} claims a quantile, which takes samples: mark the test llm_samples"
            for name, each in sample.checks.numbers.items()
            if each.quantile is not None
        ]
        if reasons := [*sample.reasons, *complaints]:
            pytest.fail("\n".join(reasons), pytrace=False)

    def _conclude_sampled(self, judged: SampledTest) -> None:
        match judged.verdict.word:
            case "PASS":
                return
            case "INCOMPLETE":
                reason = str(self.ended or (self.budget and f"{self.budget.reason}; go on with --llm-resume"))
                pytest.fail(f"INCOMPLETE: {reason}\n{judged.verdict.sentence}", pytrace=False)
            case "INCONCLUSIVE" if self.options.inconclusive == "xfail":
                raise pytest.xfail.Exception(f"INCONCLUSIVE: {judged.verdict.sentence}")
            case "INCONCLUSIVE" if self.options.inconclusive == "pass":
                return
            case _:
                pytest.fail(self._story(judged), pytrace=False)

    def _story(self, judged: SampledTest) -> str:
        lines = [f"{judged.verdict.word}: {judged.verdict.sentence}"]
        lines += [
            f"  {verdict.word} invariant {name!r}: {verdict.sentence}"
            for name, verdict in judged.invariants.items()
            if verdict.word != "PASS"
        ]
        failed = self.failed()
        lines += [f"  {summary(each)}" for each in failed[:_SHOWN]]
        lines += [f"  and {len(failed) - _SHOWN} more samples"] * (len(failed) > _SHOWN)
        raised = next((each for each in failed if self.trace(each)), None)
        lines += [f"\nsample {raised.index}:", self.trace(raised)] if raised else []
        return "\n".join(lines)


@contextmanager
def one_line() -> Generator[None]:
    """Let pytest show errors of ours as the line that they are, without a trace back."""
    try:
        yield
    except LlmDoError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


def summary(sample: Sample) -> str:
    """Say in one line how a sample ended and why."""
    return f"sample {sample.index} ({sample.outcome}): {'; '.join(sample.reasons)}"


_SHOWN = 10


def _has_not_begun(error: BaseException) -> bool:
    """Tell a mistake in the project or its set-up from a finding: a rate over such samples says nothing."""
    sample = running()
    return sample is not None and sample.not_begun is error


def _sort(error: BaseException) -> Outcome:
    """Tell what an exception means for its sample; some mean the end of the whole test."""
    if isinstance(error, KeyboardInterrupt | SystemExit):
        raise error
    stop = find_stop(error)
    if stop is not None or isinstance(error, _ENDING) or _has_not_begun(error):
        raise StopSampling(stop or error)
    return "fail" if isinstance(error, pytest.fail.Exception) else outcome_of(error)
