"""Requests that mean the same have one fingerprint, and others have not."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx2
import pytest
from talks import DEAD, run

from evals.standin import Reply, StandIn, ToolCall
from llm_do_eval.cassette import use
from llm_do_eval.cassette.file.recording import read_recording
from llm_do_eval.cassette.interaction import Body, Request
from llm_do_eval.cassette.wires.key import fingerprint

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from clients import Api

    from evals.standin import Request as Asked

REQUEST = Request("POST", "https://api.example.com/v1/x?b=2&a=1", {}, Body("json", {"a": [1, 2], "b": "é"}))


@pytest.mark.parametrize(
    "same",
    [
        replace(REQUEST, uri="http://127.0.0.1:8080/v1/x?a=1&b=2"),
        replace(REQUEST, uri="https://api.example.com/v1/x?a=1&key=<secret>&b=2"),
        replace(REQUEST, method="post"),
        replace(REQUEST, headers={"content-type": "application/json"}),
        replace(REQUEST, body=Body.of_request(b'{ "b": "\\u00e9", "a": [1, 2] }')),
    ],
)
def test_what_does_not_count(same: Request) -> None:
    assert fingerprint(same) == fingerprint(REQUEST)


def test_what_counts() -> None:
    others = [
        REQUEST,
        replace(REQUEST, method="GET"),
        replace(REQUEST, uri="https://api.example.com/v1/y?b=2&a=1"),
        replace(REQUEST, uri="https://api.example.com/v1/x?b=2&a=3"),
        replace(REQUEST, uri="https://api.example.com/v1/x?b=2&a=1&c="),
        replace(REQUEST, body=Body("json", {"a": [2, 1], "b": "é"})),
        replace(REQUEST, body=Body("json", {"a": [1, 2.0], "b": "é"})),
        replace(REQUEST, body=Body("json", {"a": [1, True], "b": "é"})),
        replace(REQUEST, body=Body("json", {"a": [1, "2"], "b": "é"})),
        replace(REQUEST, body=Body("text", '{"a":[1,2],"b":"é"}')),
        replace(REQUEST, body=Body()),
        replace(REQUEST, body=Body("json", None)),
    ]
    assert len({fingerprint(each) for each in others}) == len(others)


def calls(*ids: str) -> Request:
    return replace(REQUEST, body=Body("json", [{"id": f"pyd_ai_{each * 32}"} for each in ids]))


def test_ids_that_pydantic_ai_makes_up_count_by_their_order() -> None:
    assert fingerprint(calls("a", "b", "a")) == fingerprint(calls("c", "1", "c"))
    assert fingerprint(calls("a", "b", "a")) != fingerprint(calls("a", "b", "b"))


def multipart(boundary: str, part: bytes) -> Request:
    headers = {"content-type": f'multipart/form-data; boundary="{boundary}"'}
    mark = boundary.encode()
    head = b"content-disposition: form-data; name=f"
    raw = b"--" + mark + b"\r\n" + head + b"\r\n\r\n" + part + b"\r\n--" + mark + b"--"
    return Request("POST", "https://h/upload", headers, Body.of_request(raw))


@pytest.mark.parametrize(("part", "form"), [(b"x", "text"), (b"\x89PNG\xff\x00", "base64")])
def test_the_boundary_of_a_multipart_body_does_not_count(part: bytes, form: str) -> None:
    assert multipart("abc123", part).body.form == form
    assert fingerprint(multipart("abc123", part)) == fingerprint(multipart("zzz", part))
    assert fingerprint(multipart("abc123", part)) != fingerprint(multipart("abc123", part + b"x"))


def test_an_uploaded_picture_replays(tmp_path: Path) -> None:
    def upload(url: str) -> str:
        # the client draws a new boundary for each request
        with httpx2.Client(trust_env=False) as client:
            return client.post(f"{url}/v1/files", files={"f": ("a.png", b"\xff\xfe\x00\x89PNG")}).text

    with StandIn(look_up_once) as provider, use(tmp_path / "x.jsonl", mode="once"):
        answer = upload(provider.url)
    with use(tmp_path / "x.jsonl", mode="none") as tape:
        assert upload(DEAD) == answer
    assert tape.unplayed() == ()
    [recorded] = read_recording(tmp_path / "x.jsonl").interactions
    assert recorded.request.body.form == "base64"


def look_up_once(request: Asked, rng: random.Random) -> Reply:
    if not request.results:
        return Reply(tool_calls=(ToolCall("look_up", {"city": f"city{rng.randrange(10**9)}"}),))
    return Reply("Done.")


def headers_of(provider: StandIn, name: str) -> set[str]:
    return {received.headers[name] for received in provider.requests}


@pytest.mark.parametrize(("api", "volatile"), [("google", "host"), ("bedrock", "amz-sdk-invocation-id")])
def test_what_changes_with_every_request_of_a_client_does_not_count(
    tmp_path: Path, api: Api, volatile: str
) -> None:
    """Record one conversation twice against two providers of one seed: header and ids differ, keys do not."""
    seen: set[str] = set()
    paths = [tmp_path / "1.jsonl", tmp_path / "2.jsonl"]
    for path in paths:
        with StandIn(look_up_once, seed=3) as provider, use(path, mode="once"):
            run(api, provider.url, [0])
        seen |= headers_of(provider, volatile)
    first, second = (read_recording(path).interactions for path in paths)
    assert len(seen) >= 2
    assert len(first) >= 2
    assert [each.fingerprint for each in first] == [each.fingerprint for each in second]
    ids = [
        set(re.findall("pyd_ai_[0-9a-f]{32}", str(each[1].request.body.value))) for each in (first, second)
    ]
    assert (api == "google") == bool(ids[0])
    assert not ids[0] & ids[1]
