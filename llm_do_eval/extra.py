"""Imports that a plain installation lacks in, the sentence that says what to install out."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from llm_do.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Generator


@contextmanager
def installed() -> Generator[None]:
    """Tell what to install where an import of the block fails.

    Raises:
        UsageError: a module is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise UsageError(f"{error.name} is not installed: pip install 'llm-do[eval]'") from error
