"""What ends a test for a reason of its cassette: exceptions that no SDK can mistake for a network error.

* CassetteStop        BaseException, because SDKs retry and reword every Exception
  * StaleCassette     a replayed request is not in the cassette
    * MissingSample   nothing at all is recorded for its sample
  * OutsideSample     a request has lost its sample
  * RecordingStopped  what a provider answered could not be kept, or may not be asked for
  * NetworkBlocked    a replay reached for the network
"""

from __future__ import annotations


class CassetteStop(BaseException):
    """Base of the tree; `str(stop)` is for a human and may have several lines."""

    error_class = "cassette"
    """How the journal counts what it ended: a run that says nothing about its workers."""

    @property
    def line(self) -> str:
        """The message on one line."""
        return "; ".join(part.strip() for part in str(self).splitlines())


class StaleCassette(CassetteStop):
    """A request in replay matches no recording that is left; says what changed and how to record it anew."""


class MissingSample(StaleCassette):
    """A request in replay belongs to a sample of which nothing is recorded."""


class OutsideSample(CassetteStop):
    """A request was sent while samples run, and belongs to none of them."""


class RecordingStopped(CassetteStop):
    """Recording had to end, so that no provider is paid for answers that nobody keeps."""


class NetworkBlocked(CassetteStop):
    """Something tried to connect, or to resolve a name, while a cassette replays."""


def find_stop(error: BaseException) -> CassetteStop | None:
    """Find the stop in an exception, in the groups it holds, and in what it was raised from."""
    todo = [error]
    seen: set[int] = set()
    while todo:
        found = todo.pop(0)
        if isinstance(found, CassetteStop):
            return found
        if id(found) in seen:
            continue
        seen.add(id(found))
        inner: list[BaseException | None] = [found.__cause__, found.__context__]
        if isinstance(found, BaseExceptionGroup):
            inner = [*found.exceptions, *inner]  # pyright: ignore[reportUnknownMemberType]
        todo += [each for each in inner if each is not None]
    return None
