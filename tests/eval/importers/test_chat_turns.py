from __future__ import annotations

from typing import Any

import pytest

from llm_do.errors import FormatError
from llm_do_eval.importers.chat_turns import Said, text_of, turns

Message = dict[str, Any]


def asks(*calls: tuple[str | None, str], text: str | None = None) -> Message:
    requests = [
        {"id": each, "type": "function", "function": {"name": name, "arguments": "{}"}}
        for each, name in calls
    ]
    return {"role": "assistant", "content": text, "tool_calls": requests}


def answer(content: Any, of: str | None = None) -> Message:
    return {"role": "tool", "content": content} | ({} if of is None else {"tool_call_id": of})


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def results(*messages: Message) -> list[list[tuple[str, str | None]]]:
    return [[(each.name, each.result) for each in turn.requests] for turn in turns(messages)]


def test_results_of_one_turn_pair_by_unique_ids() -> None:
    found = results(
        asks(("1", "a"), ("2", "b"), ("3", "c")), answer("C", "3"), answer("A", "1"), answer("B", "2")
    )
    assert found == [[("a", "A"), ("b", "B"), ("c", "C")]]


def test_results_pair_by_position_where_an_id_repeats() -> None:
    found = results(asks(("1", "a"), ("1", "b")), answer("A", "1"), answer("B", "1"))
    assert found == [[("a", "A"), ("b", "B")]]


def test_results_pair_by_position_where_ids_are_missing_or_strange() -> None:
    assert results(asks((None, "a"), ("2", "b")), answer("A"), answer("B", "2")) == [[("a", "A"), ("b", "B")]]
    assert results(asks(("1", "a"), ("2", "b")), answer("A"), answer("B")) == [[("a", "A"), ("b", "B")]]
    assert results(asks(("1", "a")), answer("A", "other")) == [[("a", "A")]]


def test_an_id_of_an_earlier_turn_does_not_pair_across_turns() -> None:
    found = results(asks(("1", "a")), answer("first", "1"), asks(("1", "a")), answer("second", "1"))
    assert found == [[("a", "first")], [("a", "second")]]


def test_a_result_that_comes_after_the_next_turn_is_nobodys() -> None:
    first, second = turns([asks(("1", "a")), asks(("2", "b")), answer("A", "1"), answer("B", "2")])
    assert first.requests[0].result is None
    assert second.requests[0].result == "B"
    assert second.followed_by == (Said("tool", "A"),)


def test_missing_and_extra_results() -> None:
    (turn,) = turns([asks(("1", "a"), ("2", "b")), answer("B", "2")])
    assert [each.result for each in turn.requests] == [None, "B"]
    (turn,) = turns([asks(("1", "a")), answer("A", "1"), answer("again", "1")])
    assert turn.requests[0].result == "A"
    assert turn.followed_by == (Said("tool", "again"),)


def test_turns_count_assistant_messages_and_keep_what_was_said() -> None:
    chat = [
        {"role": "system", "content": "Be brief."},
        user("hi"),
        {"role": "assistant", "content": "Yes?"},
        user("add"),
        asks(("1", "a"), text="Adding."),
        user("hurry"),
        answer("A", "1"),
    ]
    found = list(turns(chat))
    assert [turn.index for turn in found] == [-1, 0, 1]
    assert found[0].followed_by == (Said("system", "Be brief."), Said("user", "hi"))
    assert (found[1].text, found[1].requests, found[1].followed_by) == ("Yes?", (), (Said("user", "add"),))
    assert (found[2].text, found[2].followed_by) == ("Adding.", (Said("user", "hurry"),))
    assert found[2].requests[0].result == "A"


def test_older_and_custom_calls_are_read() -> None:
    legacy = {"role": "assistant", "content": None, "function_call": {"name": "a", "arguments": "{}"}}
    assert results(legacy, {"role": "function", "name": "a", "content": "A"}) == [[("a", "A")]]
    custom = {"role": "assistant", "tool_calls": [{"id": "1", "custom": {"name": "b", "input": "free"}}]}
    (turn,) = turns([custom])
    assert (turn.requests[0].name, turn.requests[0].arguments) == ("b", "free")


PARTS: list[Any] = [{"type": "text", "text": "a"}, {"type": "image_url"}, {"type": "text", "text": "b"}]


@pytest.mark.parametrize(
    ("content", "text"), [("plain", "plain"), (None, ""), (PARTS, "a\nb"), (["a", 7], "a"), (7, "")]
)
def test_text_of_contents(content: Any, text: str) -> None:
    assert text_of(content) == text


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("hi", "message 0 is no chat message"),
        ({"content": "hi"}, "message 0 is no chat message"),
        ({"role": "assistant", "tool_calls": 3}, "'tool_calls' must be a list"),
        ({"role": "assistant", "tool_calls": [{"id": "1"}]}, "without a function name"),
        ({"role": "assistant", "tool_calls": ["x"]}, "without a function name"),
    ],
)
def test_what_is_no_chat_is_refused(message: Any, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        list(turns([message]))


def test_a_result_without_content_is_empty() -> None:
    assert results(asks(("1", "a")), {"role": "tool", "tool_call_id": "1"}) == [[("a", "")]]
