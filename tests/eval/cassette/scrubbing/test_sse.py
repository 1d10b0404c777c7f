"""Secrets that a stream cuts into pieces: found whole, replaced in the first, and nothing else touched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_do.secrets import Secrets
from llm_do_eval.cassette.scrubbing import sse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PASSWORD = 'ca"nary\\ pässword/1'
SECRETS = Secrets([PASSWORD, "tokentoken"])
KEY = "sk-" + "abcdefghij" * 3


def event(payload: Any, name: str | None = None, end: str = "\n") -> str:
    head = "" if name is None else f"event: {name}{end}"
    return f"{head}data: {json.dumps(payload)}{end}{end}"


def pieces(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def openai_chat(piece: str) -> Any:
    return {"id": "c", "choices": [{"delta": {"content": piece}, "index": 0}]}


def openai_arguments(piece: str) -> Any:
    call = {"index": 1, "function": {"arguments": piece}}
    return {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}


def responses(piece: str) -> Any:
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    return {"type": "response.output_text.delta", **place, "delta": piece}


def anthropic_text(piece: str) -> Any:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}


def anthropic_arguments(piece: str) -> Any:
    delta = {"type": "input_json_delta", "partial_json": piece}
    return {"type": "content_block_delta", "index": 1, "delta": delta}


def google(piece: str) -> Any:
    return {"candidates": [{"content": {"role": "model", "parts": [{"text": piece}]}, "index": 0}]}


def bedrock(piece: str) -> Any:
    return {"contentBlockIndex": 0, "delta": {"text": piece}, "p": "abc"}


SPOKEN = {"arguments", "content", "delta", "partial_json", "text"}
WIRES = [openai_chat, openai_arguments, responses, anthropic_text, anthropic_arguments, google, bedrock]


def said(stream: str) -> str:
    """Join what a stream says, in text or arguments."""
    groups = sse.grouped(sse.documents(stream))
    [group] = [group for (path, _), group in groups.items() if path[-1] in SPOKEN]
    return "".join(each.leaf.value for each in group)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("size", [1, 3, 7, 1000])
@pytest.mark.parametrize("secret", [KEY, PASSWORD, "tokentoken"])
def test_a_secret_in_pieces_is_replaced(wire: Callable[[str], Any], size: int, secret: str) -> None:
    text = f"The long story of the secret: it is {secret} and nothing else, so keep it to yourself, please."
    stream = "".join(event(wire(piece)) for piece in pieces(text, size)) + "data: [DONE]\n\n"
    clean = sse.scrubbed(stream, SECRETS)
    assert said(stream) == text
    assert said(clean) == SECRETS.text(text)
    assert said(clean) != text
    assert clean.count("\n") == stream.count("\n")
    assert sse.scrubbed(clean, SECRETS) == clean


@pytest.mark.parametrize("size", [1, 2, 5, 400])
def test_a_secret_escaped_in_arguments_in_pieces_is_replaced(size: int) -> None:
    arguments = json.dumps({"password": PASSWORD, "note": "x" * 40, "key": KEY})
    stream = "".join(event(anthropic_arguments(piece)) for piece in pieces(arguments, size))
    clean = said(sse.scrubbed(stream, SECRETS))
    assert json.loads(clean) == {"password": "<env-secret>", "note": "x" * 40, "key": "<secret>"}


def test_streams_that_are_interleaved_stay_apart() -> None:
    def call(index: int, piece: str) -> str:
        delta = {"tool_calls": [{"function": {"arguments": piece}, "index": index}]}
        return event({"choices": [{"index": 0, "delta": delta}]})

    stream = "".join(
        call(0, ours) + call(1, theirs)
        for ours, theirs in zip(pieces(f"one {KEY}", 5), pieces("abcdefghi" * 5, 5), strict=False)
    )
    groups = sse.grouped(sse.documents(sse.scrubbed(stream, SECRETS)))
    texts = ["".join(each.leaf.value for each in group) for group in groups.values()]
    assert texts[0] == "one <secret>"
    assert texts[1] == ("abcdefghi" * 5)[: len(texts[1])]
    # pieces of one index must not hide, nor make, a secret with pieces of another one
    apart = event(openai_chat("token")) + call(1, "token")
    assert sse.scrubbed(apart, SECRETS) == apart


def test_what_is_not_replaced_stays_byte_for_byte() -> None:
    head = (
        ': comment\r\nevent: x\r\ndata:{"a" :  1.50e1, "t":"\\u00e4\\/ sk-abcde"}\r\n\r\nid: 7\rretry: 5\r\r'
    )
    tail = 'data: {"t": "fghijklmnopqrstu \\u263a \\"q\\""}\n\ndata: [DONE]'
    clean = sse.scrubbed(head + tail, SECRETS)
    assert clean == (head + tail).replace("sk-abcde", "<secret>").replace("fghijklmnopqrstu", "")


def test_an_event_of_several_lines_keeps_them() -> None:
    stream = 'data: {"t":\ndata:  "x sk-abcdefghi"}\n\ndata: {"t": "jklmnopqrst y"}\n\n'
    clean = sse.scrubbed(stream, SECRETS)
    assert clean == 'data: {"t":\ndata:  "x <secret>"}\n\ndata: {"t": " y"}\n\n'


@pytest.mark.parametrize("form", ["lines", "array"])
def test_streams_without_events_are_joined_too(form: str) -> None:
    documents = [json.dumps(google(piece)) for piece in pieces(f"the key is {KEY}, no more of it", 9)]
    text = "\n".join(documents) if form == "lines" else f"[{', '.join(documents)}]"
    clean = sse.scrubbed(text, SECRETS)
    values = json.loads(clean) if form == "array" else [json.loads(line) for line in clean.split("\n")]
    parts = [value["candidates"][0]["content"]["parts"][0]["text"] for value in values]
    assert "".join(parts) == "the key is <secret>, no more of it"


@pytest.mark.parametrize(
    "text",
    ["", "plain", "data: no json {", 'data: {"a": "b\n\n', "[" * 100_000, "data:\n\n", "\ufeffdata: 1\n\n"],
)
def test_other_texts_are_left_alone(text: str) -> None:
    assert sse.scrubbed(text, SECRETS) == text


def test_keys_and_text_outside_of_json_are_replaced_too() -> None:
    text = f'event: {KEY}\ndata: {{"{KEY}": 1}}\n\ndata: no json {KEY}\n\n'
    assert sse.scrubbed(text, SECRETS) == text.replace(KEY, "<secret>")


ALPHABET = st.sampled_from(
    [
        *'"\\ \n-_.ä😀',
        *("\ud83d", "<secret>", "<env-", "secret>", "tokentoken", "data: ", "%2F", "\\u00e4"),
        "sk-",
        "AKIA",
        "eyJ",
        "abcdefgh",
        "ABCDEFGHIJKLMNOP",
        "token",
        KEY,
        PASSWORD,
    ]
)
TEXTS = st.lists(ALPHABET, max_size=12).map("".join)


@given(TEXTS)
def test_replacing_twice_in_a_text_changes_nothing(text: str) -> None:
    once = SECRETS.text(text)
    assert SECRETS.text(once) == once


@given(st.lists(TEXTS, max_size=5), st.sampled_from(WIRES))
def test_replacing_twice_in_a_stream_changes_nothing(texts: list[str], wire: Callable[[str], Any]) -> None:
    once = sse.scrubbed("".join(event(wire(text)) for text in texts), SECRETS)
    assert sse.scrubbed(once, SECRETS) == once


@given(st.lists(st.text(), max_size=5), st.sampled_from(WIRES), st.sampled_from(["\n", "\r\n", "\r"]))
def test_a_stream_without_a_secret_is_not_changed(
    texts: Sequence[str], wire: Callable[[str], Any], end: str
) -> None:
    stream = "".join(event(wire(text), "x", end) for text in texts)
    assert sse.scrubbed(stream, SECRETS) == stream


@given(TEXTS)
def test_a_text_without_a_secret_is_not_changed(text: str) -> None:
    if not list(SECRETS.spans(text)):
        assert SECRETS.text(text) == text


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_strings_are_found_where_they_are_written(value: Any) -> None:
    for ascii_only in (True, False):
        document = json.dumps(value, ensure_ascii=ascii_only)
        for leaf in sse.leaves(document):
            assert json.loads(f'"{document[leaf.start : leaf.end]}"') == leaf.value
