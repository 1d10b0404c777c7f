"""The last look before anything is written: every form is undone, the place is named, the value never."""

from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_do.errors import RunFailed, UsageError
from llm_do_eval.cassette import DUMMY_KEY, RecordingStopped, journal_path, sample, use
from llm_do_eval.cassette.file.journal import Journal, is_refused
from llm_do_eval.cassette.file.recorder import read_with_left_over
from llm_do_eval.cassette.file.recording import Recording, read_recording
from llm_do_eval.cassette.interaction import Body, Interaction, Request, Response
from llm_do_eval.cassette.scrubbing.canary import Canary, places_of_secrets
from llm_do_eval.cassette.wires.eventstream import Frame, joined
from llm_do_eval.cassette.wires.unpack import library

if TYPE_CHECKING:
    from collections.abc import Callable

    from evals.standin import StandIn

PASSWORD = 'ca"nary\\ pässword/1'
ENVIRON = {"DB_PASSWORD": PASSWORD, "SHORT_KEY": "1234567", "HOME": "/home/someone"}
KEY = "sk-" + "abcdefghij" * 3
EVALS = Path(__file__).parents[4] / "evals" / "cassettes"


def in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def in_base64(raw: bytes | str, shift: int = 0, *, urlsafe: bool = False) -> str:
    whole = b"\xff" * shift + (raw.encode() if isinstance(raw, str) else raw)
    return (base64.urlsafe_b64encode if urlsafe else base64.b64encode)(whole).decode()


def deflated(raw: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(raw) + stream.flush()


def zstandard(raw: bytes) -> bytes:
    return library("compression.zstd", "backports.zstd").compress(raw)


def brotli(raw: bytes) -> bytes:
    return library("brotli").compress(raw)


FORMS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "JSON": in_json,
    "JSON, not ASCII": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON twice": lambda text: in_json(in_json(text)),
    "JSON with slashes escaped": lambda text: in_json(text).replace("/", "\\/"),
    "URL": lambda text: quote(text, safe=""),
    "URL, small digits": lambda text: quote(text, safe="").lower() if text.islower() else quote(text),
    "form": quote_plus,
    "base64": in_base64,
    "base64, shifted by 1": lambda text: in_base64(text, 1),
    "base64, shifted by 2": lambda text: in_base64(text, 2),
    "base64 for URLs": lambda text: in_base64(text + "?>", 1, urlsafe=True),
    "base64 of JSON": lambda text: in_base64(json.dumps({"x": text})),
    "base64 of base64": lambda text: in_base64(in_base64(text)),
    "base64 in lines": lambda text: base64.encodebytes(b"-" * 40 + text.encode() + b"-" * 90).decode(),
    "base64 behind a name": lambda text: f"file-{in_base64(text, 1)}",
    "gzip": lambda text: in_base64(gzip.compress(text.encode())),
    "gzip behind bytes": lambda text: in_base64(b"\x00bytes" + gzip.compress(text.encode()) + b"more"),
    "zlib": lambda text: in_base64(zlib.compress(text.encode())),
    "raw deflate": lambda text: in_base64(deflated(text.encode())),
    "zstd": lambda text: in_base64(zstandard(text.encode())),
    "br": lambda text: in_base64(brotli(text.encode())),
    "gzip of JSON, for URLs": lambda text: in_base64(gzip.compress(json.dumps(text).encode()), urlsafe=True),
    "zstd of base64 of gzip": lambda text: in_base64(
        zstandard(in_base64(gzip.compress(text.encode())).encode())
    ),
    "URL of base64": lambda text: quote(in_base64(text), safe=""),
    "gzip escaped in JSON": lambda text: in_json(gzip.compress(text.encode()).decode("latin-1")),
}


def recording(
    *,
    asked: Any = "hello",
    answer: Body | None = None,
    meta: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> Recording:
    body = Body("json", {"messages": [{"role": "user", "content": asked}]})
    request = Request("POST", "http://h/v1/chat/completions", {"accept": "*/*"}, body)
    response = Response(200, headers or {}, answer or Body("text", '{"choices": []}'))
    return Recording.of([Interaction(3, 1, "f", request, response)], {"versions": {}, **(meta or {})})


def answer(text: str) -> Body:
    return Body("text", json.dumps({"choices": [{"message": {"content": text}}]}))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", [PASSWORD, KEY])
@pytest.mark.policy("cas-body-canary")
def test_a_secret_is_found_in_every_form(form: str, secret: str) -> None:
    text = f"It is {FORMS[form](secret)} and so on"
    [asked] = places_of_secrets(recording(asked=text), ENVIRON)
    [told] = places_of_secrets(recording(answer=answer(text)), ENVIRON)
    assert asked.startswith("sample 3, seq 1: request.body.messages[0].content holds ")
    assert told.startswith("sample 3, seq 1: response.body.choices[0].message.content holds ")
    what = "the value of DB_PASSWORD" if secret == PASSWORD else "a text of the shape of a provider's key"
    assert what in asked
    for line in (asked, told):
        assert secret not in line
        assert in_json(secret) not in line


def test_the_form_is_named() -> None:
    text = FORMS["gzip"](KEY)
    [place] = places_of_secrets(recording(asked=text), {})
    assert place.endswith("a text of the shape of a provider's key, in base64 of gzip")


@given(
    st.text(min_size=8, max_size=40).filter(lambda text: "<" not in text),
    st.lists(
        st.sampled_from(["JSON", "URL", "base64", "base64, shifted by 2", "gzip", "zstd", "zlib"]), max_size=2
    ),
)
def test_any_value_is_found_through_several_forms(value: str, forms: list[str]) -> None:
    text = value
    for form in forms:
        text = FORMS[form](text)
    # text of one character alone could be the padding around it
    assert places_of_secrets(recording(asked=f"({text})"), {"A_TOKEN": value})


@pytest.mark.parametrize(
    ("where", "planted"),
    [
        ("the first line: task", recording(meta={"task": KEY})),
        ("the first line: a name in hashes", recording(meta={"hashes": {KEY: "1"}})),
        ("sample 3, seq 1: response.headers.location", recording(headers={"location": f"http://h/{KEY}"})),
        ("sample 3, seq 1: response.body ", recording(answer=Body("text", f"no json {KEY}"))),
        (
            "sample 3, seq 1: response.body ",
            recording(answer=Body("base64", in_base64(b"\xff" + KEY.encode()))),
        ),
        ("sample 3, seq 1: a name in request.body.messages[0].content", recording(asked={KEY: 1})),
        ("sample 3, seq 1: response.body[0] ", recording(answer=Body("text", json.dumps([KEY])))),
    ],
)
def test_the_place_is_named(where: str, planted: Recording) -> None:
    [place] = places_of_secrets(planted, ENVIRON)
    assert place.startswith(where)
    assert KEY not in place


def test_a_path_does_not_tell_a_secret() -> None:
    places = places_of_secrets(recording(asked={KEY: {"inner": KEY}}), {})
    assert any("content.<secret>.inner" in place for place in places)
    assert not any(KEY in place for place in places)


def test_numbers_are_readable_too() -> None:
    [place] = places_of_secrets(recording(asked=12345678), {"PIN_TOKEN": "12345678"})
    assert "request.body.messages[0].content" in place


def test_pieces_of_a_stream_are_joined() -> None:
    payloads = [
        json.dumps({"choices": [{"index": 0, "delta": {"content": KEY[i : i + 5]}}]}) for i in range(0, 33, 5)
    ]
    stream = "".join(f"data: {payload}\n\n" for payload in payloads)
    [place, *_] = places_of_secrets(recording(answer=Body("text", stream)), {})
    assert "response.body, joined over its events: choices.*.delta.content" in place
    frames = joined(Frame({":event-type": "x"}, payload.encode()) for payload in payloads)
    [place, *_] = places_of_secrets(recording(answer=Body.of_response(frames)), {})
    assert "joined over its events" in place


EVENT = 'data: {"choices": []}\n\n'


@pytest.mark.parametrize(
    "stream",
    [
        EVENT + "data: IT\n\n",
        ": IT\n\n" + EVENT,
        "id: IT\n" + EVENT,
        "event: IT\n" + EVENT,
        EVENT + 'data: {"IT": "b"}\n\n',
        EVENT + 'data: {"a": "IT", "a": "b"}\n\n',
        EVENT + 'data: {"a": "IT"\n\n',
        '{"a": "IT", "a": "b"}',
        '[{"a": {"IT": 1}, "a": "b"}]',
    ],
)
@pytest.mark.parametrize("form", ["plain", "base64", "gzip", "zstd of base64 of gzip"])
@pytest.mark.policy("cas-body-canary")
def test_no_part_of_a_body_is_passed_over(stream: str, form: str) -> None:
    hidden = FORMS[form](KEY)
    [place, *_] = places_of_secrets(recording(answer=Body("text", stream.replace("IT", hidden))), {})
    assert "response.body" in place
    assert places_of_secrets(recording(answer=Body("text", stream.replace("IT", "it"))), {}) == []


def test_what_goes_on_in_the_next_line_of_an_event_is_found() -> None:
    packed = in_base64(gzip.compress(PASSWORD.encode()))
    stream = EVENT + f"data: {packed[:20]}\ndata: {packed[20:]}\n\n"
    [place] = places_of_secrets(recording(answer=Body("text", stream)), ENVIRON)
    assert place.endswith("holds the value of DB_PASSWORD, in base64 of gzip")


def test_pieces_that_name_no_common_text_are_joined_by_their_name() -> None:
    payloads = [json.dumps({"item_id": str(i), "delta": KEY[i : i + 5]}) for i in range(0, 33, 5)]
    stream = "".join(f"data: {payload}\n\n" for payload in payloads)
    [place] = places_of_secrets(recording(answer=Body("text", stream)), {})
    assert "all that is named 'delta'" in place


def test_what_cannot_be_undone_is_told() -> None:
    packed = Body("base64", in_base64(b"\xff\xfe" * 20))
    [place] = places_of_secrets(recording(answer=packed, headers={"content-encoding": "compress"}), {})
    assert place.startswith("sample 3, seq 1: response.body is packed in a way that cannot be undone here")
    raw = in_base64(brotli(f"the key is {KEY}".encode()))
    coded = recording(answer=Body("base64", raw), headers={"content-encoding": "br"})
    assert places_of_secrets(coded, {})
    assert not places_of_secrets(recording(answer=packed), {})


def test_what_unpacks_to_too_much_is_told() -> None:
    bomb = in_base64(gzip.compress(bytes(2**27)))
    [place] = places_of_secrets(recording(asked=bomb), {})
    assert "unpacks to more than is looked at" in place


def test_ordinary_values_raise_no_alarm() -> None:
    clean = recording(asked="1234567 /home/someone task-force-of-twenty-four-people " + "risk-" * 9)
    assert places_of_secrets(clean, ENVIRON) == []
    # words of the format itself, and texts that were replaced
    words = {"A_KEY": "messages-", "B_KEY": "<secret>", "C_TOKEN": "fingerprint"}
    assert places_of_secrets(clean, words) == []


def test_the_cassettes_of_this_project_are_clean() -> None:
    paths = sorted(EVALS.rglob("*.jsonl"))
    assert len(paths) > 20
    assert [place for path in paths for place in places_of_secrets(read_recording(path), ENVIRON)] == []


def test_a_text_is_looked_at_once_until_more_is_known() -> None:
    known = {"first-secret": "the first"}
    canary = Canary(lambda: known)
    line = recording(asked="second-secret").interactions[0].to_line()
    assert canary.scan(line) == []
    known["second-secret"] = "the second"
    [place] = canary.scan(line)
    assert str(place).endswith("holds the second")


# ---- while recording


def test_a_secret_that_is_not_replaced_stops_the_recording(
    provider: StandIn, ask: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "x.jsonl"
    hidden = in_base64(gzip.compress(PASSWORD.encode()))

    def record() -> None:
        with use(path, mode="once", environ=ENVIRON):
            for index, question in enumerate(["one", "two", f"three {hidden}", "four"]):
                with sample(index):
                    ask(question)

    with pytest.raises(RecordingStopped) as stopped:
        record()
    assert "sample 2, seq 0: request.body.messages[0].content holds the value of DB_PASSWORD" in str(
        stopped.value
    )
    assert "in base64 of gzip" in str(stopped.value)
    for spelling in (PASSWORD, in_json(PASSWORD), hidden):
        assert spelling not in str(stopped.value)
    assert len(provider.requests) == 3
    # what was recorded before is there, and the next recording goes on with it
    assert [each.sample for each in read_with_left_over(path).interactions] == [0, 1]
    assert hidden not in journal_path(path).read_text()
    assert list(tmp_path.iterdir()) == [journal_path(path)]


@pytest.mark.parametrize("mode", ["all", "rewrite"])
def test_a_refused_replacement_leaves_the_cassette(
    ask: Callable[..., str], tmp_path: Path, mode: Any
) -> None:
    path = tmp_path / "x.jsonl"
    with use(path, mode="once", environ=ENVIRON):
        ask("one")
    before = path.read_bytes()
    with pytest.raises(RecordingStopped), use(path, mode=mode, environ=ENVIRON):
        ask(f"two {in_base64(gzip.compress(KEY.encode()))}")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


GIVEN = "given-in-code-0123456789"
CARRIERS = [
    {"authorization": f"Bearer {GIVEN}"},
    {"authorization": GIVEN},
    {"authorization": f"Basic {in_base64(f'someone:{GIVEN}')}"},
    {"authorization": f"AWS4-HMAC-SHA256 Credential={GIVEN}/20261120/us-east-1/bedrock/aws4_request, S=f"},
    {"x-api-key": GIVEN},
    {"api-key": GIVEN},
    {"x-goog-api-key": GIVEN},
    {"x-amz-security-token": GIVEN},
    {"query": f"?key={GIVEN}"},
    {"query": f"?a=b&access_token={GIVEN}"},
]


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.policy("cas-header-canaries")
def test_a_key_given_in_code_is_replaced_in_bodies(
    provider: StandIn, ask: Callable[..., str], tmp_path: Path, carrier: dict[str, str]
) -> None:
    path = tmp_path / "x.jsonl"
    question = f"my key is {GIVEN}, in JSON {json.dumps(GIVEN)}, in base64 {in_base64(GIVEN)}"
    with use(path, mode="once", environ=ENVIRON) as tape:
        recorded = ask(question, **carrier)
    assert tape.scrubbed == 1
    content = path.read_text()
    assert GIVEN not in content
    assert in_base64(GIVEN) not in content
    assert places_of_secrets(read_recording(path), {"A_KEY": GIVEN}) == []
    provider.stop()
    with use(path, mode="none", environ=ENVIRON):
        assert ask(question, **carrier) == recorded


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_key_given_in_code_is_refused_in_other_forms(
    ask: Callable[..., str], tmp_path: Path, carrier: dict[str, str]
) -> None:
    with (
        pytest.raises(RecordingStopped, match="a key that a request carried, in base64 of gzip") as stopped,
        use(tmp_path / "x.jsonl", mode="once", environ={}),
    ):
        ask(in_base64(gzip.compress(GIVEN.encode())), **carrier)
    assert GIVEN not in str(stopped.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["canary-cookie-0123", "canary-cookie"])
@pytest.mark.policy("cas-header-canaries")
def test_a_cookie_is_refused_in_bodies(ask: Callable[..., str], tmp_path: Path, value: str) -> None:
    with (
        pytest.raises(RecordingStopped, match="holds a cookie") as stopped,
        use(tmp_path / "x.jsonl", mode="once", environ={}),
    ):
        ask(f"it is {value}", cookie=f"theme=accepted; session={value}; at=2026-11-20")
    assert value not in str(stopped.value)


def test_ordinary_words_in_cookies_are_no_secrets(ask: Callable[..., str], tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    with use(path, mode="once", environ={}) as tape:
        ask("accepted on 2026-11-20", cookie="theme=accepted; at=2026-11-20")
    assert tape.scrubbed == 0
    assert "accepted on 2026-11-20" in path.read_text()


@pytest.mark.parametrize("key", ["DUMMY", "none", "another-key-in-ci"])
def test_a_recording_with_a_replaced_key_replays_without_the_key(
    provider: StandIn, ask: Callable[..., str], tmp_path: Path, key: str
) -> None:
    path = tmp_path / "x.jsonl"
    recording_environ = {"SOME_API_KEY": GIVEN}
    with use(path, mode="once", environ=recording_environ):
        recorded = ask(f"my key is {GIVEN}", authorization=f"Bearer {GIVEN}")
    provider.stop()
    now = DUMMY_KEY if key == "DUMMY" else key
    with use(path, mode="none", environ={"SOME_API_KEY": now}):
        if key == "none":
            # the prompt says what the answer of the recording would have made it say
            assert ask("my key is <env-secret>") == recorded
        else:
            assert ask(f"my key is {now}", authorization=f"Bearer {now}") == recorded


def test_a_key_that_is_learned_late_is_replaced_in_what_was_recorded_before(
    provider: StandIn, ask: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "x.jsonl"
    with use(path, mode="once", environ={}):
        first = ask(f"the other one is {GIVEN}")
        ask("hello", authorization=f"Bearer {GIVEN}")
    assert GIVEN not in path.read_text()
    assert "the other one is <secret>" in path.read_text()
    provider.stop()
    with use(path, mode="none", environ={"THE_KEY": GIVEN}):
        assert ask(f"the other one is {GIVEN}") == first


def test_a_refused_save_keeps_the_answers_where_nothing_picks_them_up(
    ask: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "x.jsonl"

    def record() -> None:
        with use(path, mode="once", environ={}):
            ask(in_base64(gzip.compress(GIVEN.encode())))
            ask("hello", authorization=f"Bearer {GIVEN}")

    with pytest.raises(RunFailed, match=r"sample 0, seq 0: request.body.+x.jsonl.refused.journal") as failed:
        record()
    assert GIVEN not in str(failed.value)
    kept = journal_path(path).with_name("x.jsonl.refused.journal")
    assert list(tmp_path.iterdir()) == [kept]
    assert len(kept.read_bytes().splitlines()) == 3
    with pytest.raises(RunFailed, match=r"x.jsonl.refused.2.journal"):
        record()
    assert len(list(tmp_path.glob("*.refused*.journal"))) == 2
    with use(path, mode="once", environ={}):
        ask("again")
    assert len(read_recording(path).interactions) == 1


KILLED = """
import os, sys
from pathlib import Path
import httpx2
from llm_do_eval.cassette import use

path, url, body, key = sys.argv[1:]
environ = {}
with use(Path(path), mode="once", environ=environ), httpx2.Client() as client:
    def ask(text, **headers):
        json = {"model": "m", "messages": [{"role": "user", "content": text}]}
        client.post(url + "/chat/completions", headers=headers, json=json)

    ask("one")
    ask(body)
    if key == "by request":
        ask("three", authorization="Bearer given-in-code-0123456789")
    else:
        environ["LATE_TOKEN"] = "given-in-code-0123456789"
        ask("three")
    os.kill(os.getpid(), 9)
"""


def killed(provider: StandIn, path: Path, body: str, key: str) -> None:
    words = [sys.executable, "-c", KILLED, str(path), provider.openai_base_url, body, key]
    assert subprocess.run(words, check=False).returncode == -9


@pytest.mark.parametrize("key", ["by request", "by variable"])
@pytest.mark.policy("cas-body-canary")
def test_a_key_that_is_learned_late_is_in_no_journal_of_a_killed_recording(
    provider: StandIn, ask: Callable[..., str], tmp_path: Path, key: str
) -> None:
    path = tmp_path / "x.jsonl"
    killed(provider, path, f"the key is {GIVEN}", key)
    assert list(tmp_path.iterdir()) == [journal_path(path)]
    assert GIVEN not in journal_path(path).read_text("utf-8")
    with use(path, mode="once", environ={}):
        ask("four")
    assert [each.seq for each in read_recording(path).interactions] == [0, 1, 2, 3]
    assert GIVEN not in path.read_text("utf-8")
    assert list(tmp_path.iterdir()) == [path]


def test_a_late_key_that_cannot_be_replaced_makes_a_journal_that_nobody_uses(
    provider: StandIn, ask: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "x.jsonl"
    hidden = in_base64(gzip.compress(GIVEN.encode()))
    killed(provider, path, hidden, "by request")
    assert is_refused(journal_path(path))
    left = journal_path(path).read_bytes()
    assert len(left.splitlines()) == 4
    with use(path, mode="once", environ={}):
        ask("four")
    assert len(read_recording(path).interactions) == 1
    assert hidden not in path.read_text("utf-8")
    kept = path.with_name("x.jsonl.refused.journal")
    assert sorted(tmp_path.iterdir()) == [path, kept]
    assert kept.read_bytes() == left


def test_a_journal_that_is_rewritten_stays_locked(ask: Callable[..., str], tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    with use(path, mode="once", environ={}):
        ask(f"the key is {GIVEN}")
        assert GIVEN in journal_path(path).read_text("utf-8")
        ask("hello", authorization=f"Bearer {GIVEN}")
        assert GIVEN not in journal_path(path).read_text("utf-8")
        with pytest.raises(UsageError, match=rf"recorded by another process \(pid {os.getpid()}\)"):
            Journal(path)
        assert list(tmp_path.iterdir()) == [journal_path(path)]


def test_what_an_interrupted_recording_left_is_looked_at(ask: Callable[..., str], tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    with use(path, mode="once", environ={}):
        ask("the word is opensesame")
    head: dict[str, Any] = {"schema": "llm-do-eval/cassette-journal/v1", "mode": "once", "pid": 1, "meta": {}}
    journal_path(path).write_bytes(
        json.dumps(head).encode() + b"\n" + path.read_bytes().split(b"\n")[1] + b"\n"
    )
    path.unlink()
    with (
        pytest.raises(RunFailed, match="holds the value of A_PASSWORD"),
        use(path, mode="once", environ={"A_PASSWORD": "opensesame"}),
    ):
        ask("?")
    assert list(tmp_path.iterdir()) == [journal_path(path)]


def test_a_secret_in_the_meta_line_refuses_before_anything_is_asked(
    provider: StandIn, ask: Callable[..., str], tmp_path: Path
) -> None:
    with (
        pytest.raises(RunFailed, match=r"the first line: meta\.task holds"),
        use(tmp_path / "x.jsonl", mode="once", meta={"task": KEY}, environ={}),
    ):
        ask()
    assert provider.requests == []
