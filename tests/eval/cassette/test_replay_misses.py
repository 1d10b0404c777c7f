"""A request that is not recorded: one miss, told once, that reaches the caller through every client."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from audited import sleeping
from clients import APIS
from talks import DEAD, WatchedLoop, agent, converse, run

from llm_do_eval.cassette import MissingSample, StaleCassette, find_stop, use
from llm_do_eval.cassette.file.place import shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from clients import Api


def test_a_sample_that_was_not_recorded_says_how_to_record_it(
    recorded: Callable[..., dict[int, str]], tmp_path: Path
) -> None:
    recorded("chat", 20)
    with (
        pytest.raises(MissingSample) as missed,
        use(tmp_path / "x.jsonl", mode="none", command="pytest --llm-record={} t.py".format) as tape,
    ):
        run("chat", DEAD, [20])
    assert str(missed.value) == (
        "Samples recorded: 0..19; sample 20 is not: record it with pytest --llm-record=new_episodes t.py"
    )
    assert tape.miss is missed.value


def test_a_cassette_that_does_not_exist_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none.jsonl"
    with use(path, mode="none", command="--llm-record={}".format) as tape:
        pass
    assert tape.miss is None
    with pytest.raises(MissingSample) as missed, use(path, mode="none", command="--llm-record={}".format):
        run("chat", DEAD, [0])
    assert str(missed.value) == (
        f"Nothing is recorded, {shown(path)} is not there: record it with --llm-record=once"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("api", APIS)
def test_a_changed_prompt_is_one_miss_that_no_client_retries(
    recorded: Callable[..., dict[int, str]], tmp_path: Path, api: Api, *, stream: bool
) -> None:
    recorded(api, 2, stream=stream)
    loop = WatchedLoop()

    async def ask_changed() -> str:
        async with agent(api, DEAD, "Be long.", backoff_s=3600) as asked:
            return await converse(asked, 1, stream=stream)

    with (
        pytest.raises(StaleCassette) as missed,
        sleeping() as sleeps,
        use(tmp_path / "x.jsonl", mode="none") as tape,
        asyncio.Runner(loop_factory=lambda: loop) as runner,
    ):
        runner.run(ask_changed())
    assert tape.miss is missed.value
    assert "recorded 'Be brief.' -> now 'Be long.'" in str(missed.value)
    assert [wait for wait in loop.waits if wait > 0.1] == []
    assert sleeps == []


def test_the_first_miss_tells_all_and_the_others_point_to_it(
    recorded: Callable[..., dict[int, str]], tmp_path: Path
) -> None:
    recorded("chat", 3)

    async def gathered() -> list[str | BaseException]:
        async with agent("chat", DEAD, "Be long.") as asked:
            talks = (converse(asked, index) for index in range(3))
            return await asyncio.gather(*talks, return_exceptions=True)

    with use(tmp_path / "x.jsonl", mode="none") as tape:
        misses = asyncio.run(gathered())
    assert all(isinstance(miss, StaleCassette) for miss in misses)
    assert sum("differs in" in str(miss).partition("the first:")[0] for miss in misses) == 1
    assert tape.miss in misses


def test_a_miss_is_found_in_the_group_of_a_task_group(
    recorded: Callable[..., dict[int, str]], tmp_path: Path
) -> None:
    recorded("anthropic", 2)

    async def grouped() -> None:
        async with agent("anthropic", DEAD, "Be long.") as asked, asyncio.TaskGroup() as group:
            for index in range(2):
                group.create_task(converse(asked, index))

    with pytest.raises(BaseExceptionGroup) as raised, use(tmp_path / "x.jsonl", mode="none") as tape:
        asyncio.run(grouped())
    assert find_stop(raised.value) is tape.miss
    assert find_stop(ValueError("another")) is None
