from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from vcr.cassette import Cassette

PATCHER_NAMES: tuple[str, ...]

def validate_skip_patchers(skip_patchers: Iterable[str]) -> tuple[str, ...]: ...

class CassettePatcherBuilder:
    def __init__(self, cassette: Cassette) -> None: ...
    def build(self) -> Iterator[AbstractContextManager[Any]]: ...

def reset_patchers() -> Generator[AbstractContextManager[Any]]: ...

# a function in vcrpy; a variable here because the cassette replaces it while it is open
force_reset: Callable[[], AbstractContextManager[None]]
