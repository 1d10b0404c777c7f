"""In a replay nothing leaves the process, and no key is needed."""

from __future__ import annotations

import os
import socket
import urllib.request
from typing import TYPE_CHECKING

import pytest
from pydantic_ai import Agent

from llm_do_eval.cassette import DUMMY_KEY, NetworkBlocked, RecordingStopped, dummy_keys, use

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from evals.standin import StandIn
    from llm_do_eval.cassette import RecordMode

BLOCKED: dict[str, Callable[[socket.socket], object]] = {
    "connect": lambda opened: opened.connect(("127.0.0.1", 9)),
    "connect_ex": lambda opened: opened.connect_ex(("127.0.0.1", 9)),
    "create_connection": lambda _: socket.create_connection(("127.0.0.1", 9)),
    "getaddrinfo": lambda _: socket.getaddrinfo("localhost", 80),
    "gethostbyname": lambda _: socket.gethostbyname("localhost"),
    "gethostbyaddr": lambda _: socket.gethostbyaddr("127.0.0.1"),
    "getnameinfo": lambda _: socket.getnameinfo(("127.0.0.1", 80), 0),
    "sendto": lambda opened: opened.sendto(b"", ("127.0.0.1", 9)),
    "sendmsg": lambda opened: opened.sendmsg([b""], [], 0, ("127.0.0.1", 9)),
}


@pytest.mark.parametrize("name", BLOCKED)
def test_nothing_leaves_the_process_in_a_replay(tmp_path: Path, name: str) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened,
        use(tmp_path / "x.jsonl", mode="none"),
        pytest.raises(NetworkBlocked, match=r"^socket\.\w+\(.+ in a replay"),
    ):
        BLOCKED[name](opened)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.sendto(b"", ("127.0.0.1", 9))


def test_unix_sockets_work_in_a_replay(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server, use(tmp_path / "x.jsonl", mode="none"):
        server.bind(str(tmp_path / "socket"))
        server.listen()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "socket"))
            client.sendmsg([b"hello"])
            accepted, _ = server.accept()
            with accepted:
                assert accepted.recv(9) == b"hello"


@pytest.mark.parametrize("mode", ["once", "new_episodes", "all", "rewrite"])
def test_the_network_works_while_recording(tmp_path: Path, ask: Callable[..., str], mode: RecordMode) -> None:
    with use(tmp_path / "x.jsonl", mode=mode):
        assert ask()


def test_a_client_that_no_cassette_knows_is_blocked(provider: StandIn, tmp_path: Path) -> None:
    class Plain(socket.socket):
        """A client of its own."""

    with Plain(socket.AF_INET) as client, use(tmp_path / "x.jsonl", mode="none"):
        port = int(provider.url.rpartition(":")[2])
        with pytest.raises(NetworkBlocked):
            client.connect(("127.0.0.1", port))
    assert provider.requests == []


def test_dummy_keys_stand_where_no_key_is_set() -> None:
    environ = {"OPENAI_API_KEY": "mine", "ANTHROPIC_API_KEY": "", "GEMINI_API_KEY": "mine"}
    before = dict(environ)
    with dummy_keys(environ):
        assert environ["OPENAI_API_KEY"] == "mine"
        assert environ["ANTHROPIC_API_KEY"] == DUMMY_KEY
        assert environ["GROQ_API_KEY"] == DUMMY_KEY
        assert "GOOGLE_API_KEY" not in environ
        assert [name for name in environ if name.endswith("_BASE_URL")] == []
        del environ["GROQ_API_KEY"]
    assert environ == before
    with pytest.raises(KeyboardInterrupt), dummy_keys(environ):
        raise KeyboardInterrupt
    assert environ == before


def test_agents_can_be_made_without_a_key() -> None:
    before = dict(os.environ)
    with dummy_keys():
        for model in ("openai:gpt", "openai-chat:gpt", "anthropic:claude-sonnet-4-5"):
            Agent(model)
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    "headers", [{"authorization": f"Bearer {DUMMY_KEY}"}, {"x-api-key": DUMMY_KEY}, {"api-key": DUMMY_KEY}]
)
def test_recording_with_a_dummy_key_is_refused(
    provider: StandIn, ask: Callable[..., str], tmp_path: Path, headers: dict[str, str]
) -> None:
    with (
        pytest.raises(RecordingStopped, match="set the key of the provider"),
        use(tmp_path / "x.jsonl", mode="once"),
    ):
        ask(**headers)
    with pytest.raises(RecordingStopped), use(tmp_path / "x.jsonl", mode="once"):
        ask(query=f"?key={DUMMY_KEY}")
    assert provider.requests == []
    assert list(tmp_path.iterdir()) == []


def test_urllib_is_answered_from_the_cassette(tmp_path: Path, provider: StandIn) -> None:
    def post() -> bytes:
        body = b'{"model": "m", "messages": []}'
        url = f"{provider.openai_base_url}/chat/completions"
        with urllib.request.urlopen(urllib.request.Request(url, body)) as response:
            return response.read()

    with use(tmp_path / "x.jsonl", mode="once"):
        answer = post()
    provider.stop()
    with use(tmp_path / "x.jsonl", mode="none"):
        assert post() == answer
