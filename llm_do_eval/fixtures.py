"""The running sample in, what the fixtures `stub`, `invariant` and `sample` hand to a test's code out."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from llm_do.errors import UsageError
from llm_do_eval.harness import owners
from llm_do_eval.number import number
from llm_do_eval.sample import Sample, running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from llm_do_eval.number import Number
    from llm_do_eval.owner import Owner
    from llm_do_eval.project import ProjectUnderTest


class StubFixture:
    """Lets names mean something else: in a body for its sample, in a fixture for the whole test."""

    def __init__(self, owner: Owner, project: ProjectUnderTest | None) -> None:
        self._owner = owner
        self._project = project

    def __call__(self, name: str, answer: Any, *, late: bool = False) -> None:
        """Stub a worker or tool, at any depth; the stub must be used.

        Args:
            name: the worker or tool.
            answer: a value, which is the call's output as it stands; a callable, sync or async, which gets
                the input's fields as keywords where its signature takes them, else the input; an exception;
                or a list of these, one for each call.
            late: the name comes to exist only while the test runs.

        Raises:
            UsageError: the project has no such name; offers the nearest.
        """
        if self._project is not None and not late:
            self._project.check_callable(name)
        owners(self._owner)[0].stubs.put(name, answer)


class InvariantFixture:
    """Checks named conditions of a sample; a false one fails the sample and lets its body go on.

    `at_most` and `at_least` check numbers, whose values the reports show.
    """

    def __call__(self, name: str, condition: Any, *, must: bool = False, failure: str | None = None) -> bool:
        """Check a condition and return whether it holds.

        Args:
            name: what the condition is called in verdicts; each name has its own rate over all samples.
            condition: whatever is true or false; NaN is false.
            must: no sample may break it, whatever rate the test asks for.
            failure: the label of failures of this kind, such as "hallucination".

        Raises:
            TypeError: the condition has to be awaited first.
            UsageError: no sample runs here.
        """
        return _here("invariant").checks.check(name, condition, must=must, label=failure)

    def at_most(
        self,
        name: str,
        value: float | None,
        limit: float,
        *,
        quantile: float | None = None,
        must: bool = False,
        failure: str | None = None,
    ) -> bool:
        """Check that a number does not exceed a limit, and return whether it does not.

        Args:
            name: what the number is called in verdicts.
            value: such as `run.latency_s`, `run.cost_usd` or `run.tools.count("search")`; None, NaN and
                infinity are beyond every limit.
            limit: the largest value allowed.
            quantile: makes it a claim about all samples, 0.95 that their 95th percentile is at most the
                limit; then a sample beyond it is no failure by itself.
            must: no sample may exceed it, whatever rate the test asks for; not with `quantile`.
            failure: the label of failures of this kind; not with `quantile`, which fails no sample.

        Raises:
            TypeError: the value is no number, or has to be awaited first.
            ValueError: the limit is not finite, or what was said does not go together.
            UsageError: no sample runs here.
        """
        return self._number(
            number(name, value, limit, quantile=quantile), "invariant.at_most", must=must, failure=failure
        )

    def at_least(
        self,
        name: str,
        value: float | None,
        limit: float,
        *,
        quantile: float | None = None,
        must: bool = False,
        failure: str | None = None,
    ) -> bool:
        """Check that a number reaches a limit, and return whether it does; see `at_most`.

        Args:
            name: what the number is called in verdicts.
            value: the number.
            limit: the least value allowed.
            quantile: makes it a claim about all samples, 0.05 that their 5th percentile is at least the
                limit, so that 95 % of all values reach it.
            must: no sample may fall short of it; not with `quantile`.
            failure: the label of failures of this kind; not with `quantile`.

        Raises:
            TypeError: the value is no number, or has to be awaited first.
            ValueError: the limit is not finite, or what was said does not go together.
            UsageError: no sample runs here.
        """
        measured = number(name, value, limit, side="at least", quantile=quantile)
        return self._number(measured, "invariant.at_least", must=must, failure=failure)

    def _number(self, measured: Number, what: str, *, must: bool, failure: str | None) -> bool:
        return _here(what).checks.measure(measured, must=must, label=failure)


class SampleFixture:
    """What belongs to one sample alone; the fixtures of the test are shared by all of them."""

    def __init__(self, test: str, make_folder: Callable[[int], Path]) -> None:
        self._test = test
        self._make_folder = make_folder
        self._folders: dict[int, Path] = {}
        self._rngs: dict[int, random.Random] = {}

    @property
    def index(self) -> int:
        """The number of the sample, from 0."""
        return _here("sample.index").index

    @property
    def tmp_path(self) -> Path:
        """An empty folder of its own."""
        index = _here("sample.tmp_path").index
        if index not in self._folders:
            self._folders[index] = self._make_folder(index)
        return self._folders[index]

    @property
    def rng(self) -> random.Random:
        """Random numbers of its own, the same in every run: seeded with the test's id and the index."""
        index = _here("sample.rng").index
        return self._rngs.setdefault(index, random.Random(f"{self._test}:{index}"))  # noqa: S311  no secret


def _here(what: str) -> Sample:
    sample = running()
    if sample is None:
        raise UsageError(f"{what} is of one sample: use it in the body of the test, not in a fixture")
    return sample
