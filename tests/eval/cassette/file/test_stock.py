"""Cassettes that stock vcrpy wrote replay."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import httpx2
import pytest
import vcr
import yaml

from llm_do.errors import FormatError, UsageError
from llm_do_eval.cassette import StaleCassette, use

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from evals.standin import StandIn
    from llm_do_eval.cassette import RecordMode

PARSED = """\
interactions:
- request:
    headers:
      content-type:
      - application/json
    method: POST
    parsed_body:
      messages:
      - content: hi
        role: user
      model: gpt
    uri: https://api.openai.com/v1/chat/completions
  response:
    headers:
      content-type:
      - application/json
      date:
      - Mon, 02 Nov 2026 10:00:00 GMT
      set-cookie:
      - canary
    parsed_body:
      choices: []
    status:
      code: 200
      message: OK
version: 1
"""
BINARY = """\
interactions:
- request:
    body: null
    headers: {}
    method: GET
    uri: https://h/zip
  response:
    body:
      string: !!binary |
        H4sIAAAAAAAC/8tIzcnJBwCGphA2BQAAAA==
    headers:
      Content-Encoding: [gzip]
    status: {code: 200, message: OK}
version: 1
"""


def test_a_cassette_of_stock_vcrpy_replays(
    provider: StandIn, ask: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "x.yaml"
    with vcr.use_cassette(path):
        answers = ask("a"), ask("b"), ask("a")
    provider.stop()
    assert path.read_bytes()
    modes: list[RecordMode] = ["none", "once"]
    for mode in modes:
        with use(path, mode=mode) as tape:
            assert (ask("a"), ask("b"), ask("a")) == answers
        assert tape.unplayed() == ()
        assert tape.model == "openai-chat:m"
    with pytest.raises(StaleCassette, match="does not say with which versions"), use(path, mode="none"):
        ask("c")


def test_bodies_may_be_trees(tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    path.write_text(PARSED)
    body = {"model": "gpt", "messages": [{"role": "user", "content": "hi"}]}
    with (
        httpx2.Client(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) as client,
        use(path, mode="none") as tape,
    ):
        response = client.post("https://api.openai.com/v1/chat/completions", json=body)
    assert response.json() == {"choices": []}
    assert "set-cookie" not in response.headers
    assert tape.meta["recorded_at"] == "2026-11-02T10:00:00+00:00"
    assert tape.model == "openai-chat:gpt"


def test_binary_and_compressed_bodies_are_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(BINARY)
    with httpx2.Client(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) as client, use(path, mode="none"):
        assert client.get("https://h/zip").text == "hello"


@pytest.mark.parametrize(
    "content",
    [
        PARSED[: -len("version: 1\n")],
        PARSED[:200],
        PARSED.replace("version: 1", "version: 2"),
        PARSED.replace("code: 200", "none: 1"),
        PARSED.replace("method: POST", ""),
        "interactions: 3\nversion: 1\n",
        "- a list",
        "a: [",
        "",
    ],
)
def test_what_is_torn_or_another_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(content)
    with pytest.raises(FormatError, match=r"x\.yaml: ") as refused, use(path, mode="none"):
        pass
    assert "\n" not in str(refused.value)


@pytest.mark.policy("cas-load-tags")
@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system", "!!python/object/new:os.system"])
def test_a_cassette_runs_no_code(tmp_path: Path, tag: str) -> None:
    path, canary = tmp_path / "x.yaml", tmp_path / "canary"
    path.write_text(PARSED + f"extra: {tag} [touch {canary}]\n")
    with pytest.raises(FormatError, match=r"x\.yaml: "), use(path, mode="none"):
        pass
    assert not canary.exists()
    yaml.unsafe_load(path.read_text())
    assert canary.exists(), "the control: a loader that knows such tags runs them"


def test_stock_cassettes_are_not_recorded(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    with pytest.raises(UsageError, match=r"record to a \.jsonl file"), use(path, mode="all"):
        pass
    with pytest.raises(FormatError, match="cannot be read: No such file"), use(path, mode="none"):
        pass
