"""Recorded errors in, their retries without waiting out; the retries of what a provider answered do wait.

The clients of OpenAI and Anthropic wait as long as a header says, and `wire` rewrites it. botocore, and
tenacity in google-genai and in transports of pydantic-ai, compute how long they wait. They are told not to
where the last answer that this task or thread got was an error played from a cassette.
"""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from types import ModuleType

Replacements: TypeAlias = "list[tuple[Any, str, Any]]"

_LOWEST_ERROR = 400
_PLAYED_ERROR: ContextVar[bool] = ContextVar("llm_do_eval_played_error", default=False)


class Waits:
    """The waits of the clients that are loaded, for as long as a cassette is open.

    Args:
        replaying: whether every answer is played, so that nothing has to be paced either.
        modules: those that are loaded.
    """

    def __init__(self, *, replaying: bool, modules: Mapping[str, ModuleType] = sys.modules) -> None:
        self._modules = modules
        self._todo: dict[str, Callable[[ModuleType], Replacements]] = {
            "botocore.endpoint": _botocore,
            "tenacity": _tenacity,
        }
        if replaying:
            self._todo["botocore.retries.bucket"] = _adaptive
        self._found: Replacements = []
        # guards the two above: sync clients run in threads
        self._lock = threading.Lock()

    def look(self) -> None:
        """Reach the clients that were loaded since the last look."""
        with self._lock:
            for name in [name for name in self._todo if _is_whole(self._modules.get(name))]:
                for owner, attribute, value in self._todo.pop(name)(self._modules[name]):
                    self._found.append((owner, attribute, getattr(owner, attribute)))
                    setattr(owner, attribute, value)

    def restore(self) -> None:
        """Let the clients wait again."""
        while self._found:
            setattr(*self._found.pop())


def answered(status: int | None) -> None:
    """Remember the status of an answer that was played here, or None: a provider gives it."""
    _PLAYED_ERROR.set(status is not None and status >= _LOWEST_ERROR)


@contextmanager
def unwaited(*, replaying: bool) -> Generator[Waits]:
    """Spare the waits while the context is open; `look` again when a request comes."""
    waits = Waits(replaying=replaying)
    try:
        waits.look()
        yield waits
    finally:
        waits.restore()


def _is_whole(module: ModuleType | None) -> bool:
    return module is not None and not getattr(module.__spec__, "_initializing", False)


def _botocore(endpoint: ModuleType) -> Replacements:
    return [(endpoint, "time", _Clock())]


def _adaptive(bucket: ModuleType) -> Replacements:
    def _acquire(_bucket: Any, amount: int = 1, block: bool = True) -> bool:  # noqa: FBT001, FBT002 - its signature
        del amount, block
        return True

    return [(bucket.TokenBucket, "acquire", _acquire)]


def _tenacity(module: ModuleType) -> Replacements:
    real: Any = module.DoSleep

    class Spared(real):
        """How long to sleep before the next attempt, in seconds."""

        def __new__(cls, seconds: float) -> Any:
            return real.__new__(cls, _left(seconds))

    return [(module, "DoSleep", Spared)]


class _Clock:
    """The module `time`, as botocore uses it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    @staticmethod
    def sleep(seconds: float) -> None:
        """Wait, or not."""
        if left := _left(seconds):
            time.sleep(left)


def _left(seconds: float) -> float:
    """Return how much of a wait is left; a played error spares one wait."""
    spared = _PLAYED_ERROR.get()
    _PLAYED_ERROR.set(False)
    return 0.0 if spared else seconds
