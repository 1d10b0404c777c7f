"""vcrpy in, vcrpy without two of its faults out, while a cassette is open.

* Its stub of http.client puts back the real classes of every library, process-wide, while it sends: requests
  of other threads are then neither recorded nor replayed. It does so because `HTTPSConnection.__init__` finds
  its class by name in its module, where the stub stands; here that method sees the real class instead.
* It logs bodies at level INFO, secrets and all.
"""

from __future__ import annotations

import http.client
import logging
from contextlib import ExitStack, contextmanager, nullcontext
from types import FunctionType
from typing import TYPE_CHECKING, Any

import vcr.patch
import vcr.stubs

if TYPE_CHECKING:
    from collections.abc import Generator


@contextmanager
def mended() -> Generator[None]:
    """Mend vcrpy for as long as the context is open."""
    log = logging.getLogger("vcr")
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        with ExitStack() as stack:
            stack.enter_context(_replaced(vcr.patch, "force_reset", nullcontext))
            stack.enter_context(_replaced(vcr.stubs.VCRHTTPSConnection, "_baseclass", _real_https()))
            yield
    finally:
        log.setLevel(level)


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Generator[None]:
    found = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, found)


def _real_https() -> type[http.client.HTTPSConnection]:
    real = http.client.HTTPSConnection
    found: Any = real.__init__
    init = FunctionType(
        found.__code__,
        {**found.__globals__, real.__name__: real},
        found.__name__,
        found.__defaults__,
        found.__closure__,
    )
    init.__kwdefaults__ = found.__kwdefaults__
    return type(real.__name__, (real,), {"__init__": init})
