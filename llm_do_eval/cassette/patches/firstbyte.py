"""vcrpy in, vcrpy whose httpx stubs note when the body of a real answer begins out, while a cassette is open.

The stubs read whole bodies before anybody sees them, so nothing outside of them can tell when a body began.
"""

from __future__ import annotations

import functools
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator

_BEGAN_S: ContextVar[float | None] = ContextVar("llm_do_eval_first_byte", default=None)


@contextmanager
def noticed(stubs: Any) -> Generator[None]:
    """Notice the first bytes of real answers while the context is open; enter it before vcrpy's.

    Args:
        stubs: the module `vcr.stubs.httpx_stubs`; the tape imports this one without loading vcrpy.
    """
    send_async, send = stubs.vcr_handle_async_request, stubs.vcr_handle_request
    stubs.vcr_handle_async_request = _around(send_async, _timed_async)
    stubs.vcr_handle_request = _around(send, _timed)
    try:
        yield
    finally:
        stubs.vcr_handle_async_request, stubs.vcr_handle_request = send_async, send


def first_byte_s(started_s: float) -> float | None:
    """Return the seconds from `started_s` (of `time.perf_counter`) until the body of the answer began here.

    None where it is not known: other clients than httpx, an answer without a body.
    """
    began_s = _BEGAN_S.get()
    # one that began earlier is of an earlier request
    return None if began_s is None or began_s < started_s else round(began_s - started_s, 6)


def _around(stub: Callable[..., Any], timed: Callable[[Any], Any]) -> Callable[..., Any]:
    def _stub(cassette: Any, send: Callable[..., Any], httpx: Any) -> Any:
        return stub(cassette, timed(send), httpx)

    return _stub


def _timed_async(send: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(send)
    async def _send(transport: Any, request: Any) -> Any:
        response = await send(transport, request)
        response.stream = _AsyncBody(response.stream)
        return response

    return _send


def _timed(send: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(send)
    def _send(transport: Any, request: Any) -> Any:
        response = send(transport, request)
        response.stream = _Body(response.stream)
        return response

    return _send


class _AsyncBody:
    """A body that notes when it begins."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        began = False
        async for part in self._stream:
            began = began or _note(part)
            yield part

    async def aclose(self) -> None:
        """Close the body."""
        await self._stream.aclose()


class _Body:
    """A body that notes when it begins."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        began = False
        for part in self._stream:
            began = began or _note(part)
            yield part

    def close(self) -> None:
        """Close the body."""
        self._stream.close()


def _note(part: bytes) -> bool:
    if part:
        _BEGAN_S.set(time.perf_counter())
    return bool(part)
