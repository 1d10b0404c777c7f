"""vcrpy in, vcrpy whose httpx stubs tell of addresses where nobody answers out, while a cassette is open.

The clients try again, and so does each sample of a test; who counts over all of them can end that at once.
"""

from __future__ import annotations

import functools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

Tell: TypeAlias = "Callable[[str, Exception], None]"


@contextmanager
def silence_told(stubs: Any, tell: Tell) -> Generator[None]:
    """Tell the address and the error of each connection that fails while the context is open.

    Args:
        stubs: the module `vcr.stubs.httpx_stubs`; enter the context before vcrpy's.
        tell: is told, and may raise to end it all.
    """
    send_async, send = stubs.vcr_handle_async_request, stubs.vcr_handle_request

    def _async(cassette: Any, real: Callable[..., Any], httpx: Any) -> Any:
        return send_async(cassette, _telling_async(real, _failures(httpx), tell), httpx)

    def _sync(cassette: Any, real: Callable[..., Any], httpx: Any) -> Any:
        return send(cassette, _telling(real, _failures(httpx), tell), httpx)

    stubs.vcr_handle_async_request, stubs.vcr_handle_request = _async, _sync
    try:
        yield
    finally:
        stubs.vcr_handle_async_request, stubs.vcr_handle_request = send_async, send


def _failures(httpx: Any) -> tuple[type[Exception], ...]:
    return httpx.ConnectError, httpx.ConnectTimeout


def _telling_async(
    send: Callable[..., Any], failures: tuple[type[Exception], ...], tell: Tell
) -> Callable[..., Any]:
    @functools.wraps(send)
    async def _send(transport: Any, request: Any) -> Any:
        try:
            return await send(transport, request)
        except failures as error:
            tell(request.url.netloc.decode(), error)
            raise

    return _send


def _telling(
    send: Callable[..., Any], failures: tuple[type[Exception], ...], tell: Tell
) -> Callable[..., Any]:
    @functools.wraps(send)
    def _send(transport: Any, request: Any) -> Any:
        try:
            return send(transport, request)
        except failures as error:
            tell(request.url.netloc.decode(), error)
            raise

    return _send
