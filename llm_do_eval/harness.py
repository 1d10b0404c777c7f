"""The `llm_do` fixture: a project under test in, its runs as values out, each with what it did on the way."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from llm_do.errors import SpecError, UsageError
from llm_do_eval.owner import Answer, Answered, Owner, asker
from llm_do_eval.sample import running
from llm_do_eval.stub import substitutes
from llm_do_eval.trajectory import Run, Usage, approvals, call_tree, models, responses, tools_misused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from pydantic_ai.messages import ModelMessage
    from pydantic_ai.models import Model

    from llm_do.journal import Event
    from llm_do.links import Worker
    from llm_do.runtime import Runtime
    from llm_do_eval.project import ProjectUnderTest
    from llm_do_eval.sample import Sample

    History = list[ModelMessage] | None

_NOTHING: Final = object()
"""Told apart from an input of None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recordings:
    """Where runs of a test are written and what is written about them.

    `journal` is the folder of journals, None to write none; `model` the recorded model, used where none is
    set; `about` gives the `meta` of the runs of a sample by its index; `note` is told which workers ran.
    """

    test: str
    journal: Path | None = None
    model: str | None = None
    about: Callable[[int], Mapping[str, Any]] = field(default=lambda _: {})
    note: Callable[[Iterable[Worker]], None] = field(default=lambda _: None)


class LlmDo:
    """Runs the project under test; what the body of a sampled test sets up here belongs to that sample."""

    def __init__(self, project: ProjectUnderTest | None, owner: Owner, recordings: Recordings) -> None:
        self._project = project
        self._owner = owner
        self._recordings = recordings

    @property
    def model(self) -> str | None:
        """The recorded model where the test is replayed, else None: for a `Runtime` of the test's own."""
        return self._recordings.model

    @property
    def project(self) -> ProjectUnderTest:
        """The project under test. Raises UsageError where none is named."""
        if self._project is None:
            raise UsageError(
                "no project to run: mark the test @pytest.mark.llm_project(FOLDER), or set llm_project "
                "in the ini file"
            )
        return self._project

    async def run(
        self, first: Any = _NOTHING, second: Any = _NOTHING, /, *, message_history: History = None
    ) -> Run:
        """Run a worker, tool or Python entry by its name with an input, or the entry with one argument.

        Without an argument the entry gets the input that the manifest names.

        Raises:
            UsageError: the test names no project, or what was given does not fit it.
            RunFailed: the run failed; its `error_class` says what did.
            Refused: a refused approval stopped the run.
        """
        name = None if second is _NOTHING else first
        value = first if second is _NOTHING else second
        value = self.project.default_input() if value is _NOTHING else value
        events: list[Event] = []
        known: Mapping[str, Worker] = {}
        runtime = self._runtime(events)
        try:
            entry = self.project.entry(name)
            known = entry.registry.workers
            result = await runtime.run_entry(entry, value, message_history=message_history)
        except (SpecError, UsageError) as error:
            if not events and (sample := running()) is not None:
                sample.not_begun = error
            raise
        finally:
            _account(runtime, events)
            ran = {event["name"] for event in events if event["kind"] == "call"}
            self._recordings.note(worker for name, worker in known.items() if name in ran)
        tree = call_tree(events)
        return Run(
            output=result.output,
            calls=tree,
            approvals=approvals(events),
            messages=list(runtime.messages),
            usage=_usage(runtime),
            cost_usd=_cost_usd(runtime),
            latency_s=tree.call.latency_s or 0.0,
            first_token_s=tree.call.first_byte_s,
            replayed=tree.call.replayed,
        )

    def run_sync(self, *words: Any, message_history: History = None) -> Run:
        """Run like `run`, from a test that is not async.

        Raises:
            UsageError: an event loop runs here already; await `run` instead.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            # a loop factory of its own: the loop that fixtures run in stays the current one
            with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
                return runner.run(self.run(*words, message_history=message_history))
        raise UsageError("llm_do.run_sync is for tests that are not async: write await llm_do.run(...)")

    def approve(self, tools: str, answer: Answer) -> None:
        """Answer what the project asks a human about calls of the tools that a glob names.

        Args:
            tools: a glob over tool names; the last fitting answer counts.
            answer: "approve", "reject", or a dict of arguments to run the call with instead.

        Raises:
            UsageError: another answer.
        """
        if not (isinstance(answer, dict) or answer in ("approve", "reject")):  # pyright: ignore[reportUnnecessaryContains]
            raise UsageError(f"approve {tools!r}: {answer!r} is no answer; give approve, reject or a dict")
        self._nearest_owner().answers.append(Answered(tools, answer))

    def use_model(self, model: Model, worker: str | None = None) -> None:
        """Put a pydantic-ai model, a `FunctionModel` for one, under one worker, or under all.

        Raises:
            UsageError: the project has no such worker.
        """
        if worker is not None:
            self.project.check_worker(worker)
        self._nearest_owner().models[worker] = model

    def _nearest_owner(self) -> Owner:
        return owners(self._owner)[0]

    def _runtime(self, events: list[Event]) -> Runtime:
        recordings, sample = self._recordings, running()
        nearest_first = owners(self._owner)
        chosen = {name: model for each in reversed(nearest_first) for name, model in each.models.items()}
        return self.project.runtime(
            ask=asker(nearest_first),
            substitutes=substitutes([each.stubs for each in nearest_first]),
            models=chosen,
            recorded_model=recordings.model,
            on_event=events.append,
            journal=recordings.journal if sample else None,
            sample={"test": recordings.test, "index": sample.index} if sample else None,
            meta=self._about(sample) if sample else {},
        )

    def _about(self, sample: Sample) -> Mapping[str, Any]:
        nth, sample.runs = sample.runs, sample.runs + 1
        return {**self._recordings.about(sample.index), "nth": nth}


def owners(test: Owner) -> list[Owner]:
    """Name who may have set something up for the code that runs here, the nearest first."""
    sample = running()
    return [test] if sample is None else [sample.owner, test]


def _account(runtime: Runtime, events: list[Event]) -> None:
    sample, cost_usd = running(), _cost_usd(runtime)
    if sample is None:
        return
    sample.usage += _usage(runtime)
    sample.cost_usd = _added(sample.cost_usd, cost_usd)
    sample.spent_usd = _added(sample.spent_usd, _spent_usd(events, cost_usd))
    sample.latency_s = _added(sample.latency_s, (_root(events) or {}).get("latency_s"))
    sample.models |= models(events)
    sample.responses += responses(events)
    sample.tools_misused |= tools_misused(events)
    sample.workers |= {event["name"]: event["spec"] for event in events if event.get("spec")}


def _added(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _spent_usd(events: Sequence[Event], cost_usd: float | None) -> float | None:
    """Give what a run costs now; nothing where every answer was recorded before."""
    root = _root(events)
    return 0.0 if root and root.get("replayed") else cost_usd


def _root(events: Sequence[Event]) -> Event | None:
    return next((each for each in events if each["kind"] == "call" and each["parent"] is None), None)


def _usage(runtime: Runtime) -> Usage:
    spent = runtime.usage
    return Usage(spent.requests, spent.calls, spent.input_tokens, spent.output_tokens)


def _cost_usd(runtime: Runtime) -> float | None:
    cost_usd = runtime.usage.cost_usd
    return None if cost_usd is None else float(cost_usd)
