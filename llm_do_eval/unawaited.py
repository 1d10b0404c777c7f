"""The code of a test in, the coroutines that it made and nobody awaited out."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_END = "was never awaited"


@contextmanager
def unawaited(note: Callable[[str], None]) -> Generator[None]:
    """Call `note` with a sentence for every coroutine that is thrown away unawaited meanwhile.

    It is called where the coroutine is thrown away, so in the sample that made it. All other warnings go
    their usual way.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("always", rf"coroutine .* {_END}", RuntimeWarning)
        show = warnings.showwarning

        def _sort(  # noqa: PLR0917  the signature of warnings.showwarning
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            # a coroutine that nobody awaited tells where it was made in the lines that follow
            sentence = str(message).partition("\n")[0]
            if issubclass(category, RuntimeWarning) and sentence.endswith(_END):
                note(f"{sentence}; put await before the call")
            else:
                show(message, category, filename, lineno, file, line)

        warnings.showwarning = _sort
        yield
