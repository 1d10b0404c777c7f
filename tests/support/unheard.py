"""What no cassette can hear, gRPC and websockets: servers on loopback, one call of each by real clients."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc
import websockets.sync.client
import websockets.sync.server

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator


def _one(request: bytes, _context: object) -> bytes:
    return request


def _out(request: bytes, _context: object) -> Iterator[bytes]:
    yield request


def _into(requests: Iterator[bytes], _context: object) -> bytes:
    return b"".join(requests)


def _both(requests: Iterator[bytes], _context: object) -> Iterator[bytes]:
    yield from requests


@contextmanager
def grpc_server() -> Generator[str]:
    """A server of `/t.Echo/One`, `Out`, `In` and `Both`, which send back what comes; yields its address."""
    methods: dict[str, Any] = {
        "One": grpc.unary_unary_rpc_method_handler(_one),
        "Out": grpc.unary_stream_rpc_method_handler(_out),
        "In": grpc.stream_unary_rpc_method_handler(_into),
        "Both": grpc.stream_stream_rpc_method_handler(_both),
    }
    server: Any = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("t.Echo", methods)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


@contextmanager
def websocket_server() -> Generator[str]:
    """A server that sends back every message; yields its address."""

    def echo(connection: websockets.sync.server.ServerConnection) -> None:
        for message in connection:
            connection.send(message)

    with websockets.sync.server.serve(echo, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join()


def over_grpc(address: str) -> str:
    """Say `a`; return the answer."""
    with grpc.insecure_channel(address) as opened:
        channel: Any = opened
        return channel.unary_unary("/t.Echo/One")(b"a").decode()


def over_websocket(address: str) -> str:
    """Say `a`; return the answer. A key stands in the address."""
    with websockets.sync.client.connect(f"ws://{address}/?key=canary", proxy=None) as connection:
        connection.send("a")
        return str(connection.recv())
