"""A text in, what a human made of it in an editor of their own out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import tempfile
import termios
from pathlib import Path
from typing import IO, TYPE_CHECKING

from llm_do.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping


def editor_command(environment: Mapping[str, str]) -> str | None:
    """Find the human's editor: `$VISUAL`, else `$EDITOR`; None where neither is set."""
    return environment.get("VISUAL") or environment.get("EDITOR") or None


async def edited(text: str, command: str, keyboard: IO[str], screen: IO[str]) -> str:
    """Open an editor on a text and wait for its end.

    The text lies in a file that only its owner can read, in a folder that only its owner can enter; both are
    gone afterwards. The terminal is the editor's until it ends, and as it was before when it has ended.

    Args:
        text: what to edit.
        command: the editor with its options; it is split into words, no shell sees it.
        keyboard: the terminal that the editor reads.
        screen: the terminal that it writes to.

    Raises:
        UsageError: the editor cannot be started, says that it failed, or leaves something that is no text.
    """
    words = _words(command)
    with tempfile.TemporaryDirectory(prefix="llm-do-") as folder, _terminal_kept(keyboard):
        file = Path(folder, "edit.txt")
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(text.encode("utf-8", "surrogatepass"))
        code = await _ended([*words, str(file)], keyboard, screen)
        if code != 0:
            raise UsageError(f"the editor {command!r} failed (exit {code})")
        return _text_in(file, command)


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"the editor {command!r} is no command: {error}") from error
    if not words:
        raise UsageError(f"the editor {command!r} is no command; set $EDITOR")
    return words


def _text_in(file: Path, command: str) -> str:
    try:
        return file.read_bytes().decode("utf-8", "surrogatepass")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the editor {command!r} left no UTF-8 text") from error


async def _ended(words: list[str], keyboard: IO[str], screen: IO[str]) -> int:
    try:
        process = await asyncio.create_subprocess_exec(*words, stdin=keyboard, stdout=screen, stderr=screen)
    except OSError as error:
        raise UsageError(f"the editor {words[0]!r} cannot be started ({error.strerror})") from error
    try:
        return await process.wait()
    finally:
        if process.returncode is None:  # the run was stopped meanwhile
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


@contextlib.contextmanager
def _terminal_kept(keyboard: IO[str]) -> Generator[None]:
    """Give the terminal back in the mode it had: an editor that was killed leaves it in its own."""
    try:
        before = termios.tcgetattr(keyboard.fileno())
    except termios.error:  # no terminal
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(keyboard.fileno(), termios.TCSADRAIN, before)
