"""The file format: what is written is read back, and what is torn, foreign or cut by hand is refused."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_do.errors import FormatError
from llm_do_eval.cassette.file.recording import Recording, read_recording, spans, write_recording
from llm_do_eval.cassette.interaction import Body, Interaction, Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable


def interaction(sample: int = 0, seq: int = 0, body: Any = None, text: str = "ok") -> Interaction:
    return Interaction(
        sample,
        seq,
        "f",
        Request(
            "POST", "http://h/v1/chat/completions", {"accept": "*/*"}, Body("json", body or {"model": "m"})
        ),
        Response(200, {"content-type": "text/plain"}, Body("text", text)),
        latency_s=0.25,
        at=f"2026-11-0{9 - sample}T00:00:00+00:00",
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "x.jsonl"
    answers = [interaction(sample, seq, text=f"é\u2028{sample}") for sample in (2, 0, 1) for seq in (1, 0)]
    write_recording(path, Recording.of(answers, {"task": "t"}))
    return path


def test_a_recording_is_read_as_it_was_written(saved: Path) -> None:
    recording = read_recording(saved)
    assert [(each.sample, each.seq) for each in recording.interactions] == [
        (0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1),
    ]  # fmt: skip
    assert recording.interactions[0] == interaction(text="é\u2028" + "0")
    assert recording.meta["recorded_at"] == "2026-11-07T00:00:00+00:00"
    assert recording.meta["model"] == "openai-chat:m"
    assert recording.meta["task"] == "t"
    write_recording(saved.with_suffix(".again"), recording)
    assert saved.with_suffix(".again").read_bytes() == saved.read_bytes()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.binary(), st.text(st.characters(codec=None)))
def test_any_body_survives_its_line(sent: Any, answered: bytes, odd: str) -> None:
    raw = json.dumps({"sent": sent, "odd": odd}).encode()
    before = Interaction(
        0,
        0,
        "",
        Request("POST", "/", {}, Body.of_request(raw)),
        Response(200, {}, Body.of_response(answered)),
    )
    line = before.to_line()
    after = Interaction.from_line(line)
    assert line.count(b"\n") == 1
    assert after.response.body.raw == answered
    assert json.loads(after.request.body.raw) == json.loads(raw)
    assert after == before


@pytest.mark.parametrize("raw", [b'{"a": NaN}', b'{"a": 1e999}', b"{", b"[" * 100_000, b'"\xff"'])
def test_a_request_that_is_no_json_is_kept_as_it_is(raw: bytes) -> None:
    body = Body.of_request(raw)
    assert body.form in ("text", "base64")
    assert body.raw == raw


def test_every_truncation_is_refused(saved: Path) -> None:
    whole = saved.read_bytes()
    boundaries = [index + 1 for index, byte in enumerate(whole) if byte == ord("\n")][:-1]
    rng = random.Random(11)
    for cut in [0, 1, *boundaries, len(whole) - 1, *(rng.randrange(len(whole)) for _ in range(200))]:
        saved.write_bytes(whole[:cut])
        with pytest.raises(FormatError, match=r"x\.jsonl"):
            read_recording(saved)


def test_missing_and_doubled_lines_are_refused(saved: Path) -> None:
    first, *rest = saved.read_bytes().splitlines(keepends=True)
    for kept in (rest[1:], rest[:-1], [*rest, rest[0]], []):
        saved.write_bytes(first + b"".join(kept))
        with pytest.raises(FormatError, match=rf"x\.jsonl:1: count is 6 and {len(kept)} lines follow"):
            read_recording(saved)


def test_whoever_reads_meanwhile_reads_the_old_cassette(saved: Path) -> None:
    before = saved.read_bytes()
    with saved.open("rb") as reader:
        write_recording(saved, Recording.of([interaction()], {}))
        assert reader.read() == before
    assert len(read_recording(saved).interactions) == 1


def test_the_order_of_lines_does_not_count(saved: Path) -> None:
    recording = read_recording(saved)
    first, *rest = saved.read_bytes().splitlines(keepends=True)
    saved.write_bytes(first + b"".join(reversed(rest)))
    assert read_recording(saved) == recording


def test_a_cassette_may_be_edited_by_hand(saved: Path) -> None:
    first, *rest = saved.read_bytes().splitlines(keepends=True)
    saved.write_bytes(first.replace(b'"count":6', b'"count": 5') + b"".join(rest[1:]).replace(b'"f"', b'"x"'))
    assert len(read_recording(saved).interactions) == 5


def edited(change: Callable[[dict[str, Any]], object]) -> Callable[[list[dict[str, Any]]], object]:
    return lambda lines: change(lines[2])


BROKEN: dict[str, Callable[[list[dict[str, Any]]], object]] = {
    "is of version 'llm-do-eval/cassette/v2'": lambda lines: lines[0].update(
        schema="llm-do-eval/cassette/v2"
    ),
    "so this is no cassette": lambda lines: lines[0].update(schema="other/v1"),
    "schema is 'None'": lambda lines: lines[0].pop("schema"),
    "count is None": lambda lines: lines[0].pop("count"),
    ":3: 'sample' has to be an integer, not '0'": edited(lambda line: line.update(sample="0")),
    ":3: 'seq' has to be an integer, not True": edited(lambda line: line.update(seq=True)),
    ":3: 'response' has to be an object, and is missing": edited(lambda line: line.pop("response")),
    ":3: 'uri' has to be a text, not None": edited(lambda line: line["request"].update(uri=None)),
    ":3: 'status' has to be an integer, not '200'": edited(
        lambda line: line["response"].update(status="200")
    ),
    ":3: 'accept' has to be a text, not 1": edited(
        lambda line: line["request"].update(headers={"accept": 1})
    ),
    ":3: 'headers' has to be an object, not []": edited(lambda line: line["request"].update(headers=[])),
    ":3: 'text' has to be a text, not {}": edited(lambda line: line["response"].update(text={})),
    ":3: has several bodies: json, text": edited(lambda line: line["request"].update(text="")),
    ":3: has a body that is no base64": edited(
        lambda line: line.update(response={"status": 200, "base64": "a"})
    ),
    ":3: 'latency_s' has to be a number, not '1'": edited(lambda line: line.update(latency_s="1")),
}


@pytest.mark.parametrize("says", BROKEN)
def test_a_line_that_is_wrong_is_named(saved: Path, says: str) -> None:
    lines = [json.loads(line) for line in saved.read_bytes().splitlines()]
    BROKEN[says](lines)
    saved.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(FormatError) as refused:
        read_recording(saved)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"[]\n", b"interactions:\n- request\n", b"\xff\xfe\n", b"{}\n"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"x\.jsonl:1: "):
        read_recording(path)


def test_an_empty_file_is_called_so(saved: Path) -> None:
    saved.write_bytes(b"")
    with pytest.raises(FormatError, match=f"^{re.escape(str(saved))}: is empty, .*record it anew$"):
        read_recording(saved)


def test_a_journal_is_called_so(saved: Path) -> None:
    saved.write_bytes(b'{"schema": "llm-do-eval/cassette-journal/v1", "mode": "once"}\n')
    with pytest.raises(FormatError, match="is the journal of an interrupted recording"):
        read_recording(saved)


def test_what_has_no_end_is_not_read() -> None:
    with pytest.raises(FormatError, match=r"^/dev/zero: is no regular file; name another$"):
        read_recording(Path("/dev/zero"))


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot be read: Is a directory"):
        read_recording(tmp_path)


def test_fields_of_later_writers_are_ignored(saved: Path) -> None:
    lines = [json.loads(line) for line in saved.read_bytes().splitlines()]
    for line in lines:
        line["later"] = 1
    saved.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert len(read_recording(saved).interactions) == 6


@pytest.mark.parametrize(
    ("samples", "text"),
    [([], "none"), ([0], "0"), ([0, 1], "0..1"), ([5, 3, 4, 4, 0, 9], "0, 3..5, 9"), (range(20), "0..19")],
)
def test_samples_are_written_as_spans(samples: list[int], text: str) -> None:
    assert spans(samples) == text


@pytest.mark.parametrize(
    ("path", "body", "model"),
    [
        ("/v1/chat/completions", {"model": "gpt"}, "openai-chat:gpt"),
        ("/v1/responses", {"model": "gpt"}, "openai:gpt"),
        ("/v1/messages?beta=true", {"model": "claude"}, "anthropic:claude"),
        ("/v1/messages", {"model": 1}, None),
        ("/v1/messages", ["model"], None),
        ("/search", {"model": "x"}, None),
    ],
)
def test_the_model_is_read_from_the_requests(path: str, body: Any, model: str | None) -> None:
    request = Request("POST", f"http://h{path}", {}, Body("json", body))
    only = Interaction(0, 0, "", request, Response(200, {}, Body()))
    assert Recording.of([only], {}).meta["model"] == model
    assert Recording.of([only], {"model": "openai:given"}).meta["model"] == "openai:given"
