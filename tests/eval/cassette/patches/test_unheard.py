"""gRPC and websockets, real clients and servers: refused by name while a cassette is open, else let alone."""

from __future__ import annotations

import asyncio
import http.client
import json
import subprocess
import sys
import warnings
from contextlib import closing, contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import grpc
import grpc.aio
import pytest
import websockets.asyncio.client
import websockets.client
from openai import AsyncOpenAI
from pydantic_ai import Agent
from pydantic_ai.models.xai import XaiModel
from pydantic_ai.providers.xai import XaiProvider
from unheard import grpc_server, over_websocket, websocket_server
from websockets.uri import parse_uri
from xai_sdk import AsyncClient  # pyright: ignore[reportMissingTypeStubs]

from llm_do_eval.cassette import CassetteStop, NetworkBlocked, RecordingStopped, use

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from pathlib import Path

    from evals.standin import StandIn
    from llm_do_eval.cassette import RecordMode

MODES: list[RecordMode] = ["none", "once", "new_episodes", "all", "rewrite"]


@pytest.fixture(scope="module")
def grpc_address() -> Generator[str]:
    with grpc_server() as address:
        yield address


@pytest.fixture(scope="module")
def ws_address() -> Generator[str]:
    with websocket_server() as address:
        yield address


@contextmanager
def grpc_calls(address: str) -> Generator[dict[str, Callable[[], bytes]]]:
    """Every way to call by a sync channel, by stubs made now."""
    with grpc.insecure_channel(address) as opened:
        channel: Any = opened
        unary, response_stream = channel.unary_unary("/t.Echo/One"), channel.unary_stream("/t.Echo/Out")
        request_stream, streams = channel.stream_unary("/t.Echo/In"), channel.stream_stream("/t.Echo/Both")
        yield {
            "unary": lambda: unary(b"a"),
            "with_call": lambda: unary.with_call(b"a")[0],
            "future": lambda: unary.future(b"a").result(),
            "out": lambda: b"".join(response_stream(b"a")),
            "in": lambda: request_stream(iter([b"a"])),
            "both": lambda: b"".join(streams(iter([b"a"]))),
        }


async def grpc_aio_calls(address: str) -> AsyncGenerator[bytes | CassetteStop]:
    """Every way to call by an async channel."""
    async with grpc.aio.insecure_channel(address) as opened:
        channel: Any = opened

        async def collect(stream: Callable[[], Any]) -> bytes:
            return b"".join([part async for part in stream()])

        async def single(call: Callable[[], Any]) -> bytes:
            return await call()

        for talk in (
            single(lambda: channel.unary_unary("/t.Echo/One")(b"a")),
            collect(lambda: channel.unary_stream("/t.Echo/Out")(b"a")),
            single(lambda: channel.stream_unary("/t.Echo/In")(iter([b"a"]))),
            collect(lambda: channel.stream_stream("/t.Echo/Both")(iter([b"a"]))),
        ):
            try:
                yield await talk
            except CassetteStop as stop:
                yield stop


def stopped(mode: RecordMode) -> type[CassetteStop]:
    return NetworkBlocked if mode == "none" else RecordingStopped


@pytest.mark.parametrize("mode", MODES)
def test_no_sync_grpc_call_gets_out(grpc_address: str, tmp_path: Path, mode: RecordMode) -> None:
    with grpc_calls(grpc_address) as calls:
        assert {call() for call in calls.values()} == {b"a"}
        with use(tmp_path / "x.jsonl", mode=mode):
            for call in calls.values():
                with pytest.raises(stopped(mode), match=rf"^gRPC to ({grpc_address}|/t\.Echo/\w+) \(grpc\)"):
                    call()
        assert {call() for call in calls.values()} == {b"a"}


@pytest.mark.parametrize("mode", ["none", "rewrite"])
def test_no_async_grpc_call_gets_out(grpc_address: str, tmp_path: Path, mode: RecordMode) -> None:
    async def call_all() -> list[Any]:
        return [answer async for answer in grpc_aio_calls(grpc_address)]

    assert asyncio.run(call_all()) == [b"a"] * 4
    with use(tmp_path / "x.jsonl", mode=mode):
        stops = asyncio.run(call_all())
    assert [type(stop) for stop in stops] == [stopped(mode)] * 4
    assert str(stops[0]).startswith("gRPC to /t.Echo/One (grpc)")


def test_a_model_of_xai_says_what_to_do(grpc_address: str, tmp_path: Path) -> None:
    async def ask() -> None:
        client = AsyncClient(api_key="canary", api_host=grpc_address, use_insecure_channel=True)
        try:
            await Agent(XaiModel("grok-4", provider=XaiProvider(xai_client=client))).run("Hello")
        finally:
            await client.close()

    with pytest.raises(RecordingStopped) as stop, use(tmp_path / "x.jsonl", mode="once"):
        asyncio.run(ask())
    assert str(stop.value) == (
        "gRPC to /xai_api.Chat/GetCompletion (grpc) cannot be recorded, only HTTP can: run this with "
        "--llm-record=live, stub it, or use a model that is asked over HTTP"
    )
    assert list(tmp_path.iterdir()) == []


def async_socket(address: str) -> str:
    async def talk() -> str:
        async with websockets.asyncio.client.connect(f"ws://{address}/?key=canary", proxy=None) as connection:
            await connection.send("a")
            return str(await connection.recv())

    return asyncio.run(talk())


def legacy_socket(address: str) -> str:
    async def talk() -> str:
        async with legacy().connect(f"ws://{address}/?key=canary") as connection:
            await connection.send("a")
            return str(await connection.recv())

    return asyncio.run(talk())


def legacy() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return import_module("websockets.legacy.client")


def aiohttp_socket(address: str) -> str:
    async def talk() -> str:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"http://{address}/") as connection:
            await connection.send_str("a")
            return str((await connection.receive()).data)

    return asyncio.run(talk())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("talk", [over_websocket, async_socket, legacy_socket, aiohttp_socket])
def test_no_websocket_gets_out(
    ws_address: str, tmp_path: Path, mode: RecordMode, talk: Callable[[str], str]
) -> None:
    assert talk(ws_address) == "a"
    with (
        pytest.raises(stopped(mode), match=rf"^websocket to {ws_address} \((websockets|aiohttp)\)") as stop,
        use(tmp_path / "x.jsonl", mode=mode),
    ):
        talk(ws_address)
    assert "canary" not in str(stop.value)
    assert talk(ws_address) == "a"


def test_a_websocket_of_openai_is_refused(ws_address: str, tmp_path: Path) -> None:
    async def talk() -> None:
        base_url = f"http://{ws_address}/v1"
        async with (
            AsyncOpenAI(api_key="canary", base_url=base_url, websocket_base_url=base_url) as client,
            client.realtime.connect(model="m"),
        ):
            pass

    with pytest.raises(RecordingStopped, match="websocket to"), use(tmp_path / "x.jsonl", mode="once"):
        asyncio.run(talk())


def test_a_client_built_on_the_protocol_of_websockets_is_refused(tmp_path: Path) -> None:
    uri = parse_uri("ws://h:7/")
    websockets.client.ClientProtocol(uri)
    with pytest.raises(RecordingStopped, match=r"^websocket to h "), use(tmp_path / "x.jsonl", mode="once"):
        websockets.client.ClientProtocol(uri)


def test_a_client_built_on_the_legacy_protocol_is_refused(ws_address: str, tmp_path: Path) -> None:
    host, _, port = ws_address.partition(":")

    async def talk() -> None:
        loop = asyncio.get_running_loop()
        _, protocol = await loop.create_connection(legacy().WebSocketClientProtocol, host, int(port))
        try:
            await protocol.handshake(parse_uri(f"ws://{ws_address}/?key=canary"))
        finally:
            protocol.fail_connection()

    asyncio.run(talk())
    with (
        pytest.raises(RecordingStopped, match=rf"^websocket to {host} \(websockets\)"),
        use(tmp_path / "x.jsonl", mode="once"),
    ):
        asyncio.run(talk())


def http_client(connection: http.client.HTTPConnection, text: str) -> int:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]})
    connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
    with connection.getresponse() as answer:
        answer.read()
        return answer.status


PASSING = r"^http\.client to 127\.0\.0\.1:\d+ would pass by the cassette, .*http\.client\.HTTPConnection\("


@pytest.mark.parametrize("connected", [True, False])
@pytest.mark.parametrize("mode", MODES)
def test_a_connection_of_http_client_from_before_is_refused(
    provider: StandIn, tmp_path: Path, mode: RecordMode, *, connected: bool
) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", urlsplit(provider.url).port)) as connection:
        if connected:
            assert http_client(connection, "before") == 200
        with pytest.raises(stopped(mode), match=PASSING), use(tmp_path / "x.jsonl", mode=mode):
            http_client(connection, "inside")
        assert len(provider.requests) == connected
        assert http_client(connection, "after") == 200


def test_what_a_connection_from_before_has_begun_is_not_sent(provider: StandIn, tmp_path: Path) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", urlsplit(provider.url).port)) as connection:
        connection.putrequest("POST", "/v1/chat/completions")
        with pytest.raises(NetworkBlocked, match=PASSING), use(tmp_path / "x.jsonl", mode="none"):
            connection.endheaders(b"{}")
    assert provider.requests == []


def test_connections_of_http_client_are_recorded_and_replayed(provider: StandIn, tmp_path: Path) -> None:
    port = urlsplit(provider.url).port
    modes: tuple[RecordMode, ...] = ("once", "none")
    for mode in modes:
        with (
            use(tmp_path / "x.jsonl", mode=mode) as tape,
            closing(http.client.HTTPConnection("127.0.0.1", port)) as connection,
        ):
            assert [http_client(connection, text) for text in ("a", "b")] == [200, 200]
            assert (mode, len(tape.unplayed())) in (("once", 0), ("none", 0))
    assert len(provider.requests) == 2


LEGACY = """
import asyncio, sys, warnings
from pathlib import Path
from llm_do_eval.cassette import RecordingStopped, use
assert not {"websockets.legacy"} & set(sys.modules)
warnings.simplefilter("error")
with use(Path(sys.argv[1]), mode="once"):
    from websockets.legacy.client import connect
    async def talk():
        async with connect(f"ws://{sys.argv[2]}/"):
            pass
    try:
        asyncio.run(talk())
    except RecordingStopped as stop:
        print(stop)
"""


@pytest.mark.slow
def test_legacy_websockets_that_are_loaded_while_it_records_are_refused(
    ws_address: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", LEGACY, str(tmp_path / "x.jsonl"), ws_address]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"websocket to {ws_address} (websockets) cannot be recorded")


LATE = """
import asyncio, sys
from pathlib import Path
from llm_do_eval.cassette import NetworkBlocked, use
assert not {"grpc", "websockets"} & set(sys.modules)
with use(Path(sys.argv[1]), mode="none"):
    import grpc, websockets.asyncio.client
    try:
        grpc.insecure_channel(sys.argv[2]).unary_unary("/t.Echo/One")(b"a")
    except NetworkBlocked as stop:
        print(stop)
    async def talk():
        async with websockets.asyncio.client.connect(f"ws://{sys.argv[2]}/", proxy=None):
            pass
    try:
        asyncio.run(talk())
    except NetworkBlocked as stop:
        print(stop)
"""


@pytest.mark.slow
def test_libraries_that_are_loaded_during_a_replay_are_stopped_too(grpc_address: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", LATE, str(tmp_path / "x.jsonl"), grpc_address]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    by_grpc, by_websockets = done.stdout.splitlines()
    assert by_grpc.startswith(f"gRPC to {grpc_address} (grpc) in a replay")
    assert by_websockets.startswith("socket.connect(('127.0.0.1', ")
