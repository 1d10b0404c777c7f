"""Traffic that no cassette hears in, a stop that names it out: gRPC, websockets, connections from before.

Methods of classes are replaced, so that clients made before are stopped too. gRPC sends from C code, which
the audit hook of a replay does not see either; so where it is installed, it is loaded before somebody else
does that.
"""

from __future__ import annotations

import functools
import sys
import warnings
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import vcr.stubs

from llm_do_eval.cassette.stops import CassetteStop, NetworkBlocked, RecordingStopped

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from types import ModuleType


class _Door(NamedTuple):
    """Methods of the classes of a module, whose names end so, through which its traffic goes."""

    kind: str
    module: str
    classes: str
    methods: tuple[str, ...]


# ClientProtocol is below every client of websockets but the legacy one; the others here are stopped before
# they connect
_DOORS = (
    _Door("gRPC", "grpc._channel", "MultiCallable", ("__call__", "with_call", "future")),
    _Door("gRPC", "grpc.aio._channel", "MultiCallable", ("__call__",)),
    _Door("websocket", "websockets.asyncio.client", "connect", ("connect",)),
    _Door("websocket", "websockets.sync.client", "connect", ("connect",)),
    _Door("websocket", "websockets.trio.client", "connect", ("connect",)),
    _Door("websocket", "websockets.client", "ClientProtocol", ("__init__",)),
    _Door("websocket", "websockets.legacy.client", "Connect", ("__await_impl__",)),
    _Door("websocket", "websockets.legacy.client", "WebSocketClientProtocol", ("handshake",)),
    _Door("websocket", "aiohttp.client", "ClientSession", ("_ws_connect",)),
)
_LOADED = ("grpc._channel", "grpc.aio._channel")
# the audit hook of a replay stops their connections
_LOADED_TO_RECORD = ("websockets.asyncio.client", "websockets.sync.client", "websockets.legacy.client")


@contextmanager
def unheard_refused(*, replaying: bool) -> Generator[None]:
    """Raise for gRPC, websockets and connections of http.client from before the context was entered.

    It is `NetworkBlocked` in a replay, else `RecordingStopped`.
    """
    for name in _LOADED if replaying else _LOADED + _LOADED_TO_RECORD:
        _load(name)
    stop = _not_replayed if replaying else _not_recorded
    with ExitStack() as stack:
        for door in _DOORS:
            for owner, name in _methods(door):
                stack.callback(setattr, owner, name, vars(owner)[name])
                setattr(owner, name, _refusal(door, stop))
        _refuse_passers_by(stack, NetworkBlocked if replaying else RecordingStopped)
        yield


def _refuse_passers_by(stack: ExitStack, stop: type[CassetteStop]) -> None:
    """Refuse what connections of http.client send that are of its own classes, not of the stubs of vcrpy.

    Subclasses are left alone: vcrpy hears those of urllib3 and botocore itself, and sends by some.
    """
    # not from http.client: a cassette of stock vcrpy may be open around ours
    stubs: Any = vcr.stubs
    owner: Any = stubs.HTTPConnection
    stub: Any = stubs.VCRHTTPConnection
    passers_by = owner, stubs.HTTPSConnection
    stack.callback(setattr, stub, "_baseclass", stub._baseclass)  # noqa: SLF001 - as for https, see mend
    stub._baseclass = type(owner.__name__, (owner,), {})  # noqa: SLF001
    for name in ("putrequest", "send"):
        found = getattr(owner, name)
        stack.callback(setattr, owner, name, found)
        setattr(owner, name, _unless_passing_by(found, passers_by, stop))


def _unless_passing_by(
    found: Callable[..., Any], passers_by: tuple[type, ...], stop: type[CassetteStop]
) -> Callable[..., Any]:
    @functools.wraps(found)
    def _checked(self: Any, *args: Any, **more: Any) -> Any:
        if type(self) in passers_by:
            raise stop(
                f"http.client to {self.host}:{self.port} would pass by the cassette, because the connection, "
                f"or the name of its class, was there before it was opened: make it in the test, by "
                f"http.client.{type(self).__name__}(...)"
            )
        return found(self, *args, **more)

    return _checked


def _load(name: str) -> None:
    # who uses what is deprecated is warned by the package itself, and nobody else
    with suppress(ImportError), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import_module(name)


def _methods(door: _Door) -> Iterator[tuple[type, str]]:
    module: ModuleType | None = sys.modules.get(door.module)
    for owner in list(vars(module).values()) if module else ():
        if (
            isinstance(owner, type)
            and owner.__module__ == door.module
            and owner.__name__.endswith(door.classes)
        ):
            yield from ((owner, name) for name in door.methods if name in vars(owner))


def _refusal(door: _Door, stop: Callable[[str], CassetteStop]) -> Callable[..., Any]:
    library = door.module.partition(".")[0]

    def _refuse(self: Any, *args: Any, **_more: Any) -> Any:
        raise stop(f"{door.kind} to {_place(self, *args)} ({library})")

    return _refuse


def _not_recorded(what: str) -> CassetteStop:
    return RecordingStopped(
        f"{what} cannot be recorded, only HTTP can: run this with --llm-record=live, stub it, or use a model "
        f"that is asked over HTTP"
    )


def _not_replayed(what: str) -> CassetteStop:
    return NetworkBlocked(
        f"{what} in a replay, where nothing leaves the process: stub it, or use a model that is asked over "
        f"HTTP"
    )


def _place(caller: Any, *args: Any) -> str:
    """Name host or method; of an address no query, which may hold a key."""
    for name in ("_target", "_method"):
        if isinstance(found := getattr(caller, name, None), bytes):
            return found.decode(errors="replace")
    address: Any = getattr(caller, "uri", None) or getattr(caller, "_uri", None) or (args[0] if args else "")
    parts = urlsplit(str(address))
    return parts.netloc.rpartition("@")[2] or str(getattr(address, "host", "an unknown host"))
