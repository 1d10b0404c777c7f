from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

from vcr.cassette import Cassette

# httpx: the module itself, httpx or httpx2
def vcr_handle_async_request(
    cassette: Cassette, real_handle_async_request: Callable[..., Awaitable[Any]], httpx: ModuleType
) -> Callable[..., Awaitable[Any]]: ...
def vcr_handle_request(
    cassette: Cassette, real_handle_request: Callable[..., Any], httpx: ModuleType
) -> Callable[..., Any]: ...
