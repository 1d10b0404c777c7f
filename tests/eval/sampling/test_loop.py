"""Running a body many times: order, concurrency, outcomes, attempts, and what ends all of it."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import TYPE_CHECKING, NoReturn

import pytest

from llm_do.errors import RunFailed
from llm_do_eval.cassette import OutsideSample, StaleCassette
from llm_do_eval.sample import Sample, StopSampling, outcome_of, running
from llm_do_eval.sampling.launch import Launch
from llm_do_eval.sampling.loop import backoff_s, run_concurrently, run_in_turn
from llm_do_eval.sampling.stopping import Fixed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from llm_do_eval.sample import Outcome


def sort(error: BaseException) -> Outcome:
    if isinstance(error, StaleCassette):
        raise StopSampling(error)
    return outcome_of(error)


def here() -> Sample:
    sample = running()
    assert sample
    return sample


def launch(count: int) -> Launch:
    return Launch([Sample(index) for index in range(count)], Fixed(count))


async def run(count: int, body: Callable[[], Awaitable[object]], concurrency: int = 8) -> list[Sample]:
    launched = launch(count)
    await run_concurrently(launched, body, concurrency=concurrency, sort=sort)
    return launched.samples


@pytest.mark.asyncio
async def test_samples_start_in_order_and_never_more_than_allowed_at_a_time() -> None:
    started: list[int] = []
    alive: set[int] = set()
    most = 0

    async def body() -> None:
        nonlocal most
        started.append(here().index)
        alive.add(here().index)
        most = max(most, len(alive))
        for _ in range(3 + here().index % 3):
            await asyncio.sleep(0)
        alive.discard(here().index)

    samples = await run(20, body, concurrency=4)
    assert started == list(range(20))
    assert most == 4
    assert {sample.outcome for sample in samples} == {"pass"}
    assert running() is None


@pytest.mark.asyncio
async def test_tasks_and_threads_of_a_body_belong_to_its_sample() -> None:
    async def body() -> None:
        own = here()
        assert await asyncio.to_thread(here) is own
        assert await asyncio.create_task(asyncio.to_thread(here)) is own

    assert {sample.outcome for sample in await run(5, body)} == {"pass"}


@pytest.mark.asyncio
async def test_how_each_sample_ended_is_noted_and_the_others_go_on() -> None:
    async def body() -> None:
        index = here().index
        here().checks.check("not 1", index != 1, must=False, label="one")
        if index == 2:
            raise AssertionError("two\nmore lines")
        if index == 3:
            raise RunFailed("busy", error_class="infra")
        if index == 4:
            here().owner.stubs.put("never", 1)

    samples = await run(6, body)
    assert [sample.outcome for sample in samples] == ["pass", "fail", "fail", "infra", "fail", "pass"]
    assert [sample.reasons for sample in samples] == [
        [],
        ["invariant 'not 1' is false"],
        ["AssertionError: two"],
        ["RunFailed: busy"],
        ["stub 'never' was never used: nothing called 'never'; remove the stub"],
        [],
    ]
    assert [sample.labels for sample in samples] == [[], ["one"], [], [], [], []]


@pytest.mark.asyncio
async def test_what_stops_the_sampling_cancels_the_others_and_is_raised_once() -> None:
    async def body() -> None:
        if here().index == 2:
            raise StaleCassette("changed")
        await asyncio.Event().wait()

    launched = launch(10)
    with pytest.raises(StaleCassette, match="changed"):
        await run_concurrently(launched, body, concurrency=4, sort=sort)
    assert {sample.outcome for sample in launched.samples} == {None}


@pytest.mark.asyncio
async def test_a_body_that_is_cancelled_from_within_has_made_an_error() -> None:
    async def body() -> None:
        if here().index == 0:
            raise asyncio.CancelledError
        await asyncio.sleep(0)

    assert [sample.outcome for sample in await run(3, body)] == ["error", "pass", "pass"]


@pytest.mark.asyncio
async def test_cancelling_all_cancels_each() -> None:
    async def body() -> None:
        await asyncio.Event().wait()

    launched = launch(3)
    task = asyncio.create_task(run_concurrently(launched, body, concurrency=2, sort=sort))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert {sample.outcome for sample in launched.samples} == {None}


@pytest.mark.asyncio
async def test_cycles_are_looked_for_less_often_only_while_samples_run() -> None:
    before, during = gc.get_threshold(), list[tuple[int, int, int]]()

    async def body() -> None:
        during.append(gc.get_threshold())
        raise RunFailed("the model does not answer")

    await run(2, body)
    assert gc.get_threshold() == before
    assert [each[0] > before[0] for each in during] == [True, True]
    gc.set_threshold(0, *before[1:])  # whoever has turned it off does not want it
    try:
        await run(1, body)
        assert (during[-1], gc.get_threshold()[0]) == ((0, *before[1:]), 0)
    finally:
        gc.set_threshold(*before)


def test_bodies_that_are_not_async_run_in_turn() -> None:
    seen: list[int] = []

    def body() -> None:
        seen.append(here().index)
        assert here().index != 1

    launched = launch(3)
    run_in_turn(launched, body, sort=sort)
    assert seen == [0, 1, 2]
    assert [sample.outcome for sample in launched.samples] == ["pass", "fail", "pass"]


def test_a_stop_ends_them_too() -> None:
    def body() -> NoReturn:
        raise StaleCassette("changed")

    launched = launch(3)
    with pytest.raises(StaleCassette):
        run_in_turn(launched, body, sort=sort)
    assert {sample.outcome for sample in launched.samples} == {None}


@pytest.mark.parametrize(("count", "outcome"), [(1, None), (2, "OutsideSample")])
def test_a_thread_without_context_is_found_out_unless_the_sample_is_alone(
    count: int, outcome: str | None
) -> None:
    from llm_do_eval.cassette.sampling import current_sample

    found: list[str | None] = []

    def ask() -> None:
        try:
            current_sample()
            found.append(None)
        except OutsideSample as error:
            found.append(type(error).__name__)

    def body() -> None:
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()

    run_in_turn(launch(count), body, sort=sort)
    assert found == [outcome] * count


@pytest.mark.asyncio
async def test_an_attempt_after_infra_waits_and_has_a_state_of_its_own() -> None:
    waited: list[int] = []

    async def body() -> None:
        sample = here()
        assert sample.checks.check("once", sample.index >= 0, must=False, label=None)
        if sample.index == 3 and sample.attempt == 1:
            sample.checks.check("lost", condition=False, must=False, label=None)
            raise RunFailed("busy", error_class="infra")

    def wait_s(attempt: int) -> float:
        waited.append(attempt)
        return 0.0

    launched = Launch([Sample(index) for index in range(20)], Fixed(20), max_infra=0.05)
    await run_concurrently(launched, body, concurrency=4, sort=sort, wait_s=wait_s)
    assert {sample.outcome for sample in launched.samples} == {"pass"}
    assert sorted(waited) == [1] * 20 + [2]
    assert [sample.reasons for sample in launched.retried] == [
        ["RunFailed: busy", "invariant 'lost' is false"]
    ]


def test_waits_before_attempts_double() -> None:
    assert [backoff_s(attempt) for attempt in (1, 2, 3, 4)] == [0, 1, 2, 4]
