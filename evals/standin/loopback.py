"""An HTTP/1.1 server on 127.0.0.1 with connections kept alive: arrived requests in, answers out."""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, TypeAlias

_POLL_S = 0.02
_STOP_S = 5.0


@dataclass(frozen=True, slots=True)
class Arrived:
    """A request as it came: the path without its query, header names in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: `pieces` in one body or, `streamed`, as one chunk each.

    With `torn_after` only so many pieces are sent before the connection is closed.
    """

    status: int
    media_type: str
    pieces: tuple[bytes, ...]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    streamed: bool = False
    torn_after: int | None = None


Respond: TypeAlias = Callable[[Arrived], Answer | None]


class Loopback:
    """A listening server; `respond` is called in the connection's thread, `None` from it means no answer."""

    def __init__(self, respond: Respond, *, port: int = 0) -> None:
        self._listener = _Listener(respond, port)
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(_POLL_S,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._listener.server_address[1])

    def stop(self) -> None:
        """Refuse new connections and break the open ones; may be called again."""
        if self._listener.stopping.is_set():
            return
        self._listener.stopping.set()
        self._listener.shutdown()
        self._listener.server_close()
        self._listener.hang_up()
        self._thread.join()


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, respond: Respond, port: int) -> None:
        self.respond = respond
        self.stopping = threading.Event()
        # protects the set of open connections
        self._connections = threading.Condition()
        self._open: set[Any] = set()
        super().__init__(("127.0.0.1", port), _Connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, then serve it in a thread."""
        with self._connections:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close the connection and forget it."""
        super().shutdown_request(request)
        with self._connections:
            self._open.discard(request)
            self._connections.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print what went wrong, unless it is only a client that has gone."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """Break the open connections and wait for their threads to let go of them."""
        with self._connections:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._connections.wait_for(lambda: not self._open, timeout=_STOP_S)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        """Answer one request, or wait with it."""
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.respond(Arrived(self.path.partition("?")[0], headers, body))
        if answer is None:
            self._wait_for_hang_up()
            self.close_connection = True
        else:
            self._send(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the name is http.server's
        """Say nothing: standard error belongs to the program that runs the server."""

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("content-type", answer.media_type)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.streamed:
            self.send_header("transfer-encoding", "chunked")
        else:
            self.send_header("content-length", str(sum(map(len, answer.pieces))))
        self.end_headers()
        for piece in answer.pieces[: answer.torn_after]:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if answer.streamed else piece)
        if answer.torn_after is not None:
            self.close_connection = True
        elif answer.streamed:
            self.wfile.write(b"0\r\n\r\n")

    def _wait_for_hang_up(self) -> None:
        while not self.server.stopping.is_set():
            # a client that waits for its answer sends nothing: readable means gone
            if select.select([self.connection], [], [], _POLL_S)[0]:
                return
