"""The overrides of vcrpy's private parts, held to what vcrpy does with them."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import inspect
import json
import logging
import ssl
import subprocess
import sys
import threading
import urllib.request
from typing import TYPE_CHECKING, Any

import botocore.endpoint  # pyright: ignore[reportMissingTypeStubs]
import httpx2
import pytest
import requests
import tenacity
import vcr.patch
import vcr.stubs
import websockets.client
from clients import bedrock_client
from vcr.cassette import Cassette
from vcr.request import Request as VcrRequest

from llm_do_eval.cassette import use
from llm_do_eval.cassette.file.recording import Recording, write_recording
from llm_do_eval.cassette.interaction import Body, Interaction, Request, Response
from llm_do_eval.cassette.patches import player
from llm_do_eval.cassette.wires.wire import playable, request_of, response_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from evals.standin import StandIn

NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def page(path: str, text: str = "a page", method: str = "GET", **headers: str) -> Interaction:
    request = Request(method, f"https://example.test{path}", {}, Body())
    return Interaction(0, 0, "", request, Response(200, headers, Body("text", text)))


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    path = tmp_path / "pages.jsonl"
    moved = page("/old", "", location="https://example.test/new")
    redirect = Interaction(0, 1, "", moved.request, Response(302, moved.response.headers, Body()))
    write_recording(path, Recording.of([page("/a"), redirect, page("/new", "moved")], {}))
    return path


@pytest.mark.parametrize("name", ["can_play_response_for", "play_response", "append", "_load", "_save"])
def test_every_override_overrides_something_of_the_same_signature(name: str) -> None:
    ours: Any = vars(player)["_Player"]
    assert [*inspect.signature(getattr(ours, name)).parameters] == [
        *inspect.signature(getattr(Cassette, name)).parameters
    ]


def test_vcrpy_is_as_it_was_after_the_end(tmp_path: Path) -> None:
    def state() -> list[object]:
        stubs: Any = vcr.stubs.VCRHTTPSConnection
        return [
            vcr.patch.force_reset,
            vars(stubs)["_baseclass"],
            http.client.HTTPSConnection,
            httpx2.HTTPTransport.handle_request,
            httpx2.AsyncHTTPTransport.handle_async_request,
            vars(botocore.endpoint)["time"],
            tenacity.DoSleep,
            vars(websockets.client.ClientProtocol)["__init__"],
            logging.getLogger("vcr").level,
        ]

    logging.getLogger("vcr").setLevel(logging.ERROR)
    before = state()
    with use(tmp_path / "x.jsonl", mode="none"):
        assert logging.getLogger("vcr.cassette").getEffectiveLevel() == logging.WARNING
        assert not any(now is was for now, was in zip(state()[:-1], before, strict=False))
    assert state() == before
    with pytest.raises(KeyError), use(tmp_path / "x.jsonl", mode="none"):
        raise KeyError
    assert state() == before
    logging.getLogger("vcr").setLevel(logging.NOTSET)


def test_nothing_of_a_body_reaches_the_log(
    tmp_path: Path, ask: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), use(tmp_path / "x.jsonl", mode="once"):
        ask("a canary")
    assert [record for record in caplog.records if record.name.startswith("vcr")] == []
    assert "canary" not in caplog.text


def test_https_of_the_standard_library_and_of_requests_replays(pages: Path) -> None:
    with use(pages, mode="none"):
        with urllib.request.urlopen("https://example.test/a") as response:
            assert response.read() == b"a page"
        with requests.Session() as session:
            assert session.get("https://example.test/old").text == "moved"


def test_clients_made_before_the_cassette_are_answered_too(pages: Path) -> None:
    with httpx2.Client(verify=NO_CERTIFICATES) as client, use(pages, mode="none"):
        response = client.get("https://other.test/a")
    assert (response.status_code, response.reason_phrase, response.text) == (200, "OK", "a page")
    assert response.headers["content-length"] == "6"


def test_no_request_of_any_thread_is_lost_while_libraries_are_mixed(
    provider: StandIn, tmp_path: Path
) -> None:
    body = {"model": "m", "messages": list[str]()}
    url = f"{provider.openai_base_url}/chat/completions"

    def by_requests() -> None:
        with requests.Session() as session:
            session.post(url, json=body)

    def by_urllib() -> None:
        with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode())) as response:
            response.read()

    async def by_httpx2() -> None:
        async with httpx2.AsyncClient(verify=NO_CERTIFICATES) as client:
            await asyncio.gather(*(client.post(url, json=body) for _ in range(10)))

    with use(tmp_path / "x.jsonl", mode="once"):
        threads = [threading.Thread(target=target) for target in (by_requests, by_urllib) * 10]
        for thread in threads:
            thread.start()
        asyncio.run(by_httpx2())
        for thread in threads:
            thread.join()
    with use(tmp_path / "x.jsonl", mode="none") as tape:
        assert len(tape.unplayed()) == len(provider.requests) == 30


def test_a_client_of_aws_made_before_the_cassette_is_heard_with_its_open_connections(
    provider: StandIn, tmp_path: Path
) -> None:
    client = bedrock_client(provider.url)
    asked = {"modelId": "m", "messages": [{"role": "user", "content": [{"text": "?"}]}]}
    client.converse(**asked)
    with use(tmp_path / "x.jsonl", mode="once"):
        answer = client.converse(**asked)
    provider.stop()
    with use(tmp_path / "x.jsonl", mode="none") as tape:
        assert client.converse(**asked)["output"] == answer["output"]
    client.close()
    assert (tape.unplayed(), len(provider.requests)) == ((), 2)


def test_compressed_answers_are_kept_readable() -> None:
    response = {
        "status": {"code": 200, "message": "OK"},
        "headers": {"Content-Encoding": ["gzip"], "X-Two": ["a", "b"], "X-Bytes": [b"c"]},
        "body": {"string": gzip.compress(b'{"a": 1}')},
    }
    assert response_of(response) == Response(
        200, {"x-two": "a, b", "x-bytes": "c", "content-length": "8"}, Body("text", '{"a": 1}')
    )
    unknown = response_of(response | {"headers": {"content-encoding": ["zzz"]}})
    assert unknown.headers == {"content-encoding": "zzz"}
    assert unknown.body.form == "base64"
    assert unknown.body.raw == gzip.compress(b'{"a": 1}')
    assert response_of({"status": {"code": 204}, "headers": {}, "body": {}}).body == Body()


@pytest.mark.parametrize(
    ("body", "frozen"),
    [
        (None, Body()),
        (b"", Body()),
        ("text", Body("text", "text")),
        (iter([b"[1", b"]"]), Body("json", [1])),
        ({"a": 1}, Body("json", {"a": 1})),
        (b"\xff", Body("base64", "/w==")),
    ],
)
def test_requests_of_every_library_freeze(body: Any, frozen: Body) -> None:
    request = request_of(VcrRequest("POST", "http://h/", body, {"X-Key": b"bytes", "Accept": "a"}))
    assert request == Request("POST", "http://h/", {"x-key": "bytes", "accept": "a"}, frozen)


def test_an_error_is_final_unless_it_was_retried() -> None:
    error = Response(429, {"retry-after": "3600", "x-should-retry": "true"}, Body())
    for retried, expected in [(True, ["true"]), (False, ["false"])]:
        headers = playable(error, retried=retried)["headers"]
        assert headers["x-should-retry"] == expected
        assert headers["retry-after"] == ["0"]
        assert headers["retry-after-ms"] == ["1"]
    assert "retry-after" not in playable(Response(404, {}, Body()), retried=False)["headers"]
    assert list(playable(Response(200, {}, Body()), retried=True)["headers"]) == ["content-length"]


def test_importing_the_package_imports_no_vcrpy() -> None:
    program = (
        "import sys, llm_do_eval.cassette; print({'vcr', 'yaml', 'pydantic_ai', 'pydantic'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
