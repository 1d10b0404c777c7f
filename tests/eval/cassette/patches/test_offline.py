"""In a replay nothing leaves the process, and no key is needed."""

from __future__ import annotations

import ast
import asyncio
import os
import re
import socket
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from clients import close
from pydantic_ai import Agent, providers

from llm_do_eval.cassette import DUMMY_KEY, NetworkBlocked, RecordingStopped, dummy_keys, use

if TYPE_CHECKING:
    from collections.abc import Callable

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
    names = (
        "openai:gpt",
        "openai-chat:gpt",
        "anthropic:claude-sonnet-4-5",
        "google:gemini",
        "bedrock:nova",
        "xai:grok",
    )
    with dummy_keys():
        models = [Agent(name).model for name in names]
    assert dict(os.environ) == before
    for model in models:
        close(model)


def read_together() -> list[list[str]]:
    """The variables that the providers of pydantic-ai read; of one `or` together, first one wins."""
    sources = sorted(Path(next(iter(providers.__path__))).glob("*.py"))
    nodes = [node for source in sources for node in ast.walk(ast.parse(source.read_text()))]
    read = [names_in(node) for node in nodes if isinstance(node, ast.BoolOp | ast.Call)]
    return [names for names in read if names]


def names_in(node: ast.AST) -> list[str]:
    calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
    calls = [call for call in calls if ast.unparse(call.func) in ("os.getenv", "os.environ.get")]
    names = [str(each.value) for call in calls for each in call.args if isinstance(each, ast.Constant)]
    return [name for name in dict.fromkeys(names) if re.search("KEY|TOKEN|SECRET", name)]


def test_every_key_that_a_provider_of_pydantic_ai_reads_has_a_dummy() -> None:
    together = read_together()
    keys = {name for names in together for name in names}
    assert len(keys) > 30
    environ: dict[str, str] = {}
    with dummy_keys(environ):
        # one is read by a provider only for its realtime service, one in the place of the keys of AWS
        second = {name for names in together for name in names[1:]}
        assert keys - set(environ) - second == {"AZURE_VOICELIVE_API_KEY", "AWS_BEARER_TOKEN_BEDROCK"}
        # these the clients below read themselves
        assert set(environ) - keys == {
            "AWS_ACCESS_KEY_ID",
            "AWS_DEFAULT_REGION",
            "AWS_EC2_METADATA_DISABLED",
            "AWS_SECRET_ACCESS_KEY",
            "OPENAI_API_KEY",
        }


def test_no_dummy_wins_over_a_key_of_another_name() -> None:
    for names in read_together():
        for name in names:
            with dummy_keys(environ := {name: "mine"}):
                assert {environ.get(other, "mine") for other in names} == {"mine"}, names


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {DUMMY_KEY}"},
        {"x-api-key": DUMMY_KEY},
        {"api-key": DUMMY_KEY},
        {"x-goog-api-key": DUMMY_KEY},
        {"authorization": f"AWS4-HMAC-SHA256 Credential={DUMMY_KEY}/20261120/us-east-1/bedrock/aws4_request"},
    ],
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


@pytest.mark.parametrize("model", ["openai:m", "openai-chat:m", "anthropic:m", "google:m", "bedrock:m"])
def test_no_client_records_with_the_key_that_stands_in(
    provider: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    for name, value in provider.environ.items():
        if "URL" in name:
            monkeypatch.setenv(name, value)

    async def ask() -> None:
        async with Agent(model) as agent:
            try:
                await agent.run("Hello", model_settings={"max_tokens": 100})
            finally:
                close(agent.model)

    with (
        pytest.raises(RecordingStopped, match="set the key of the provider"),
        dummy_keys(),
        use(tmp_path / "x.jsonl", mode="once"),
    ):
        asyncio.run(ask())
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
