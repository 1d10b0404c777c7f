"""Bodies as they were compressed on the way, in any coding and any list of codings, kept readable."""

from __future__ import annotations

import gzip
import json
import ssl
import zlib
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from vcr.request import Request as VcrRequest

from evals.standin.loopback import Answer, Loopback
from llm_do_eval.cassette import use
from llm_do_eval.cassette.interaction import Body, Request, Response
from llm_do_eval.cassette.scrubbing.scrub import Scrubber
from llm_do_eval.cassette.wires.key import fingerprint
from llm_do_eval.cassette.wires.unpack import library
from llm_do_eval.cassette.wires.wire import attempt_of, may_retry, request_of, response_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from evals.standin.loopback import Arrived

PLAIN = json.dumps({"model": "m", "messages": [{"role": "user", "content": "ä" * 50}]}).encode()


def deflated(raw: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(raw) + stream.flush()


def zstandard(raw: bytes) -> bytes:
    return library("compression.zstd", "backports.zstd").compress(raw)


def brotli(raw: bytes) -> bytes:
    return library("brotli").compress(raw)


CODED: list[tuple[str, bytes]] = [
    ("gzip", gzip.compress(PLAIN)),
    ("x-gzip", gzip.compress(PLAIN)),
    ("GZIP", gzip.compress(PLAIN)),
    ("gzip", gzip.compress(PLAIN[:9]) + gzip.compress(PLAIN[9:])),
    ("deflate", zlib.compress(PLAIN)),
    ("deflate", deflated(PLAIN)),
    ("zstd", zstandard(PLAIN)),
    ("zstd", zstandard(PLAIN[:9]) + zstandard(PLAIN[9:])),
    ("br", brotli(PLAIN)),
    ("identity", PLAIN),
    ("", PLAIN),
    ("gzip, zstd", zstandard(gzip.compress(PLAIN))),
    ("zstd,gzip", gzip.compress(zstandard(PLAIN))),
    ("gzip, identity, br", brotli(gzip.compress(PLAIN))),
    # unpacked by the library of the client, which left the header
    ("gzip", PLAIN),
    ("zstd", PLAIN),
]


def response(coding: str, raw: bytes) -> dict[str, Any]:
    return {
        "status": {"code": 200, "message": "OK"},
        "headers": {"Content-Encoding": [coding], "Content-Type": ["application/json"]},
        "body": {"string": raw},
    }


@pytest.mark.parametrize(("coding", "raw"), CODED, ids=range(len(CODED)))
@pytest.mark.policy("cas-body-canary")
def test_answers_are_unpacked(coding: str, raw: bytes) -> None:
    found = response_of(response(coding, raw))
    assert found.body == Body("text", PLAIN.decode())
    assert found.headers == {"content-type": "application/json", "content-length": str(len(PLAIN))}


@pytest.mark.parametrize(("coding", "raw"), CODED, ids=range(len(CODED)))
@pytest.mark.policy("cas-body-canary")
def test_requests_are_unpacked_and_compared_so(coding: str, raw: bytes) -> None:
    headers = {"content-type": "application/json"}
    plain = request_of(VcrRequest("POST", "http://h/v1", PLAIN, headers))
    packed = request_of(VcrRequest("POST", "http://h/v1", raw, headers | {"Content-Encoding": coding}))
    assert packed.body == plain.body
    assert packed.body.form == "json"
    assert fingerprint(Scrubber({}).request(packed)) == fingerprint(Scrubber({}).request(plain))
    assert "content-encoding" not in Scrubber({}).request(packed).headers


@pytest.mark.parametrize(
    ("coding", "raw"),
    [
        ("compress", b"\x1f\x9d\x90\xff"),
        ("gzip", gzip.compress(PLAIN)[:-9]),
        ("gzip", gzip.compress(PLAIN) + b"\xff"),
        ("zstd", zstandard(PLAIN)[:-9]),
        ("br", brotli(PLAIN)[:-9]),
        ("gzip, compress", gzip.compress(PLAIN)),
        ("deflate", b"\xff\xff"),
    ],
    # the bytes of gzip hold the time
    ids=range(7),
)
def test_what_cannot_be_unpacked_stays_as_it_came(coding: str, raw: bytes) -> None:
    found = response_of(response(coding, raw))
    assert found.headers["content-encoding"] == coding
    assert found.body.form == "base64"
    assert found.body.raw == raw


@pytest.fixture
def ask_packed() -> Generator[Callable[[bytes, str], bytes]]:
    """Post a body in a coding; the answer is in zstd, and says in which coding the request was."""

    def respond(arrived: Arrived) -> Answer:
        said = json.dumps({"coding": arrived.headers["content-encoding"], "size": len(arrived.body)})
        return Answer(200, "application/json", (zstandard(said.encode()),), {"content-encoding": "zstd"})

    server = Loopback(respond)
    with httpx2.Client(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) as client:

        def post(raw: bytes, coding: str) -> bytes:
            headers = {"content-encoding": coding, "content-type": "application/json"}
            return client.post(f"http://127.0.0.1:{server.port}/v1", content=raw, headers=headers).content

        yield post
    server.stop()


def test_a_compressed_request_is_sent_as_it_is_and_replays(
    ask_packed: Callable[[bytes, str], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "x.jsonl"
    with use(path, mode="once"):
        recorded = ask_packed(sent := gzip.compress(PLAIN), "gzip")
    assert json.loads(recorded) == {"coding": "gzip", "size": len(sent)}
    [_, line] = path.read_text().splitlines()
    assert json.loads(line)["response"]["text"] == recorded.decode()
    assert json.loads(line)["request"]["json"] == json.loads(PLAIN)
    with use(path, mode="none"):
        # compressed otherwise, it is the same request
        assert ask_packed(zstandard(PLAIN), "zstd") == recorded


@pytest.mark.parametrize(
    ("status", "header", "retries"),
    [
        *((status, None, False) for status in (200, 400, 401, 404, 422)),
        *((status, None, True) for status in (408, 409, 429, 500, 529)),
        (400, "true", True),
        (429, "false", False),
        (429, "perhaps", True),
        (200, "true", False),
    ],
)
def test_a_header_or_the_status_says_whether_clients_try_again(
    status: int, header: str | None, *, retries: bool
) -> None:
    headers = {} if header is None else {"x-should-retry": header}
    assert may_retry(Response(status, headers, Body())) == retries


@pytest.mark.parametrize(("count", "attempt"), [("0", 0), ("2", 2), ("", None), ("-1", None), ("x", None)])
def test_the_clients_that_count_say_which_attempt_a_request_is(count: str, attempt: int | None) -> None:
    headers = {"x-stainless-retry-count": count}
    assert attempt_of(Request("POST", "https://h/", headers, Body())) == attempt
    assert attempt_of(Request("POST", "https://h/", {}, Body())) is None
