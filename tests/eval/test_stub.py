"""What a stubbed name answers, and what is said about stubs that were not used as they were meant."""

from __future__ import annotations

from typing import Any, cast

import pytest

from llm_do.runtime import WorkerArgs
from llm_do_eval.stub import StubError, Stubs, substitutes


class Ticket(WorkerArgs):
    """A typed input."""

    text: str
    urgent: bool = False


async def call(owners: list[Stubs], name: str, value: Any) -> Any:
    substitute = substitutes(owners)(name)
    assert substitute
    assert substitute.impl == "stub"
    return await substitute.call(cast("Any", None), value)


def only_urgent(*, urgent: bool) -> str:
    return f"urgent: {urgent}"


def positional(value: Any, /) -> Any:
    return value


def of_text(text: Any) -> str:
    return f"text {text}"


def of_anything(anything: Any) -> Any:
    return anything


def of_both(text: Any, more: Any) -> list[Any]:
    return [text, more]


def of_all(**fields: Any) -> Any:
    return fields


def of_any_number(*given: Any) -> Any:
    return list(given)


def of_nothing() -> str:
    return "nothing"


@pytest.mark.parametrize(
    ("answer", "value", "expected"),
    [
        ("as it stands", "x", "as it stands"),
        (None, "x", None),
        ((1, 2), "x", (1, 2)),
        (of_text, {"text": "a"}, "text a"),
        (of_text, {"text": "a", "more": "b"}, "text a"),
        (of_text, "plain", "text plain"),
        (of_text, Ticket(text="a"), "text a"),
        (only_urgent, Ticket(text="a", urgent=True), "urgent: True"),
        (of_anything, {"text": "a"}, {"text": "a"}),
        (of_anything, "plain", "plain"),
        (of_both, {"text": "a", "more": 1}, ["a", 1]),
        (of_all, {"text": "a"}, {"text": "a"}),
        (of_all, "plain", {"input": "plain"}),
        (of_any_number, {"text": "a"}, [{"text": "a"}]),
        (of_nothing, {"text": "a"}, "nothing"),
        (positional, {"value": "a"}, {"value": "a"}),
        (len, [1, 2, 3], 3),
        (str, {"object": 1}, "{'object': 1}"),
    ],
)
@pytest.mark.asyncio
async def test_an_answer(answer: Any, value: Any, expected: Any) -> None:
    stubs = Stubs()
    stubs.put("name", answer)
    assert await call([stubs], "name", value) == expected
    assert stubs.complaints() == []


@pytest.mark.asyncio
async def test_answers_in_turn_may_be_of_every_kind() -> None:
    async def later(text: str) -> str:
        return text.upper()

    stubs = Stubs()
    stubs.put("name", ["value", ["a", "list"], of_text, later, ValueError("boom"), KeyError])
    found = [await call([stubs], "name", {"text": "a"}) for _ in range(4)]
    assert found == ["value", ["a", "list"], "text a", "A"]
    with pytest.raises(ValueError, match="boom"):
        await call([stubs], "name", {})
    with pytest.raises(KeyError):
        await call([stubs], "name", {})
    assert stubs.complaints() == []
    with pytest.raises(StubError, match="'name' has 6 answers and was called 7 times"):
        await call([stubs], "name", {})
    assert stubs.complaints() == ["stub 'name' has 6 answers and was called 7 times; give it more"]


@pytest.mark.asyncio
async def test_a_value_is_handed_out_as_it_was_written() -> None:
    stubs = Stubs()
    stubs.put("name", {"deep": {"list": []}})
    (await call([stubs], "name", {}))["deep"]["list"].append("spoilt")
    assert await call([stubs], "name", {}) == {"deep": {"list": []}}


@pytest.mark.asyncio
async def test_the_nearest_owner_answers_and_what_it_hides_counts_as_used() -> None:
    sample, test = Stubs(), Stubs()
    test.put("both", "of the test")
    test.put("alone", "of the test")
    assert await call([sample, test], "both", {}) == "of the test"
    sample.put("both", "of the sample")
    assert await call([sample, test], "both", {}) == "of the sample"
    assert test.complaints() == ["stub 'alone' was never used: nothing called 'alone'; remove the stub"]
    assert substitutes([sample, test])("neither") is None


@pytest.mark.asyncio
async def test_a_stub_replaced_before_its_first_call_was_never_used() -> None:
    stubs = Stubs()
    stubs.put("name", 1)
    stubs.put("name", 2)
    assert await call([stubs], "name", {}) == 2
    assert len(stubs.complaints()) == 1
