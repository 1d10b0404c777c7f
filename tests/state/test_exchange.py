"""What requests took reaches the call that asked, and a replayed call takes as long as it took."""

from __future__ import annotations

import asyncio
import threading

import pytest

from llm_do.state.exchange import Exchange, Exchanges, listening, tell


def recorded(began_s: float | None, took_s: float | None, first_byte_s: float | None = None) -> Exchange:
    return Exchange(began_s, took_s, first_byte_s, replayed=True)


@pytest.mark.parametrize(
    ("own", "replayed_s"),
    [
        ([], None),
        ([recorded(100, 2)], 2),
        ([recorded(100, 2), recorded(105, 1)], 6),
        ([recorded(105, 1), recorded(100, 2)], 6),
        ([recorded(100, 9), recorded(101, 1)], 9),
        ([recorded(100, 3), recorded(102, 3)], 5),
        ([recorded(100, 2), recorded(100 + 86_400, 3), recorded(100 + 86_405, 1)], 8),
        ([recorded(100, 2), Exchange(200, 1)], None),
        ([recorded(100, None)], None),
        ([recorded(None, 2)], None),
    ],
    ids=[
        "none",
        "one",
        "gap",
        "any order",
        "within",
        "overlap",
        "two sessions",
        "live",
        "no end",
        "no start",
    ],
)
def test_a_replayed_call_takes_from_its_first_request_to_its_last_answer(
    own: list[Exchange], replayed_s: float | None
) -> None:
    assert Exchanges(own=own).replayed_s == replayed_s
    assert Exchanges(below=own).replayed_s == replayed_s


def test_calls_below_count_for_the_length_and_not_for_the_first_byte() -> None:
    caller, child = Exchanges(own=[recorded(100, 2, 0.5)]), Exchanges(own=[recorded(110, 5, 0.1)])
    child.join(Exchanges(own=[recorded(130, 1, 0.2)]))
    caller.join(child)
    assert (caller.replayed_s, caller.first_byte_s) == (31, 0.5)
    assert (child.replayed_s, child.first_byte_s) == (21, 0.1)
    assert Exchanges(below=caller.own).first_byte_s is None


@pytest.mark.asyncio
async def test_the_innermost_call_hears_of_its_tasks_and_threads() -> None:
    outer, inner, lost = Exchanges(), Exchanges(), recorded(4, 1)
    with listening(outer):
        tell(recorded(1, 1))
        with listening(inner):
            await asyncio.create_task(asyncio.to_thread(tell, recorded(2, 1)))
            thread = threading.Thread(target=tell, args=[lost])
            thread.start()
            thread.join()
        tell(recorded(3, 1))
    tell(lost)
    assert [each.began_s for each in outer.own] == [1, 3]
    assert [each.began_s for each in inner.own] == [2]
