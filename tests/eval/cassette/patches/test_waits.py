"""Waits of retries: spared after an answer that was played, once, and not after one of a provider."""

from __future__ import annotations

import asyncio
import inspect
from types import ModuleType
from typing import Any

import botocore.endpoint  # pyright: ignore[reportMissingTypeStubs]
import botocore.retries.bucket  # pyright: ignore[reportMissingTypeStubs]
import pytest
import tenacity
from audited import sleeping

from llm_do_eval.cassette.patches.waits import Waits, answered, unwaited

RETRYING: Any = {"stop": tenacity.stop_after_attempt(2), "wait": tenacity.wait_fixed(0.001), "reraise": True}
ENDPOINT: Any = botocore.endpoint


@pytest.mark.parametrize(("status", "waited"), [(429, 0), (500, 0), (400, 0), (200, 1), (None, 1)])
def test_only_a_played_error_spares_a_wait(status: int | None, waited: int) -> None:
    with unwaited(replaying=False), sleeping() as sleeps:
        answered(status)
        ENDPOINT.time.sleep(0.001)
    assert len(sleeps) == waited


def test_an_error_spares_one_wait() -> None:
    with unwaited(replaying=True), sleeping() as sleeps:
        answered(429)
        for _ in range(3):
            ENDPOINT.time.sleep(0.001)
    assert len(sleeps) == 2


@pytest.mark.parametrize(("status", "slept"), [(503, 0), (None, 0.001)])
def test_tenacity_is_spared_too(status: int | None, slept: float) -> None:
    naps: list[float] = []
    attempts: list[int] = []

    def attempt() -> None:
        attempts.append(1)
        answered(status)
        if len(attempts) == 1:
            raise OSError

    with unwaited(replaying=False):
        tenacity.Retrying(**RETRYING, sleep=naps.append)(attempt)
    assert naps == [slept]


def test_tasks_do_not_spare_each_other() -> None:
    async def one(status: int) -> bool:
        answered(status)
        await asyncio.sleep(0)
        with sleeping() as sleeps:
            ENDPOINT.time.sleep(0.0001)
        return bool(sleeps)

    async def both() -> list[bool]:
        return [*await asyncio.gather(one(429), one(200))]

    with unwaited(replaying=True):
        assert asyncio.run(both()) == [False, True]


def test_a_bucket_paces_recording_only() -> None:
    bucket: Any = botocore.retries.bucket
    known = inspect.signature(bucket.TokenBucket.acquire)
    real = bucket.TokenBucket.acquire
    with unwaited(replaying=False):
        assert bucket.TokenBucket.acquire is real
    with unwaited(replaying=True):
        assert [*inspect.signature(bucket.TokenBucket.acquire).parameters][1:] == [*known.parameters][1:]
        empty = bucket.TokenBucket(0.5, bucket.Clock())
        assert all(empty.acquire(1000) for _ in range(3))
    assert bucket.TokenBucket.acquire is real


def test_clients_that_are_loaded_later_are_found_by_a_look() -> None:
    modules: dict[str, ModuleType] = {}
    waits = Waits(replaying=True, modules=modules)
    waits.look()
    late = modules["tenacity"] = ModuleType("tenacity")
    vars(late)["DoSleep"] = float
    waits.look()
    answered(500)
    assert (vars(late)["DoSleep"](5), vars(late)["DoSleep"](5)) == (0, 5)
    waits.restore()
    assert vars(late)["DoSleep"] is float
