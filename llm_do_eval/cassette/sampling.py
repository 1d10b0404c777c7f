"""A sample index around some code in, the index of whoever asks in that code out."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from llm_do_eval.cassette.stops import OutsideSample

if TYPE_CHECKING:
    from collections.abc import Generator

_SAMPLE: ContextVar[int | None] = ContextVar("llm_do_eval_sample", default=None)
_RUNNING: list[int] = []


@contextmanager
def sample(index: int) -> Generator[None]:
    """Give the requests of this context, its tasks and its `asyncio.to_thread` calls to sample `index`."""
    before = _SAMPLE.set(index)
    _RUNNING.append(index)
    try:
        yield
    finally:
        # only whether any runs matters, so the last one goes in the place of this one
        _RUNNING.pop()
        _SAMPLE.reset(before)


def current_sample() -> int:
    """Return the index of the sample that runs here; 0 while no sample runs anywhere.

    Raises:
        OutsideSample: samples run, but not here: a thread was started without its context.
    """
    index = _SAMPLE.get()
    if index is None and _RUNNING:
        raise OutsideSample(
            "a request was sent outside of the running samples: a thread has lost its context; "
            "start it with asyncio.to_thread, or run its function by contextvars.copy_context().run"
        )
    return index or 0
