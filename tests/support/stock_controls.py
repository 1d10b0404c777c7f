"""Stock vcrpy in, a claim about recordings that it breaks out: what shows that a test of ours can fail."""

from __future__ import annotations

import resource
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import vcr

if TYPE_CHECKING:
    from collections.abc import Generator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from vcr.cassette import Cassette

WITH_BODY = ("method", "scheme", "host", "port", "path", "query", "body")
"""What to match on, where stock vcrpy is to tell requests apart as well as it can."""


class Broken(AssertionError):
    """A claim does not hold."""


def claim(*, holds: bool, that: str) -> None:
    """Claim something of a recorder.

    Raises:
        Broken: it does not hold.
    """
    if not holds:
        raise Broken(that)


@contextmanager
def control() -> Generator[None]:
    """Hold a claim against stock vcrpy, which has to break it; any other error is an error."""
    try:
        yield
    except Broken:
        return
    pytest.fail("the control passes: stock vcrpy keeps this claim, so the test of ours shows nothing")


def stock(path: Path, mode: str = "none", **config: Any) -> AbstractContextManager[Cassette]:
    """Open a cassette as the documentation of vcrpy does; `config` is for `use_cassette`."""
    return vcr.VCR().use_cassette(str(path), record_mode=mode, **config)


@contextmanager
def room(size: int) -> Generator[None]:
    """Let no file of this process grow beyond `size` bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
