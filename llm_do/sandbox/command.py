"""A command as a model wrote it, a text or a list of words, in; its exact words, or a refusal, out.

The grammar of a text is smaller than any shell's, so no shell reads it in another way: words of plain
characters, and quotes in which every character stands for itself. Nothing is expanded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from llm_do.errors import ToolError
from llm_do.sandbox.quiet import quiet_doubt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_WORDS: Final = 256
MAX_CHARS: Final = 16_384

_TOKEN: Final = re.compile(
    r"(?P<gap> +)|(?P<plain>[A-Za-z0-9_@%+=:,./^-]+)|'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\""
)
_LIVE_IN_QUOTES: Final = frozenset("\\$`!")
_MENDS: Final = (
    ("|&;()", "run one program per call"),
    ("<>", "name files as arguments; the output is returned to you"),
    ("*?[]{}~", "nothing is expanded: write the names out, or quote text that is meant as it stands"),
    ("\n\r\t", "separate words by spaces, and run one program per call"),
    ("'\"", "close the quote, or pass the command as a list of words"),
)
_MEND: Final = "pass the command as a list of words if you mean the character itself"


@dataclass(frozen=True, slots=True)
class Judged:
    """The words of a command (none when denied), what may happen to it, and why it is not allowed as it is.

    allow: on the quiet list; ask: a human or a rule decides; deny: no command of the grammar.
    """

    argv: tuple[str, ...]
    decision: Literal["allow", "ask", "deny"]
    reason: str = ""


def decide(command: str | Sequence[str]) -> Judged:
    """Judge a command by the grammar and the quiet list alone; nothing is looked up or run."""
    try:
        argv = split_command(command)
    except ToolError as error:
        return Judged((), "deny", error.message)
    doubt = quiet_doubt(argv)
    return Judged(argv, "ask", doubt) if doubt else Judged(argv, "allow")


def split_command(command: str | Sequence[str]) -> tuple[str, ...]:
    """Return the words of a command; the first is the program.

    Raises:
        ToolError: `denied`, with the fault and its mend.
    """
    argv = tuple(_words(command)) if isinstance(command, str) else tuple(command)
    fault = _fault(argv)
    if fault is not None:
        raise _denied(fault)
    return argv


def _words(text: str) -> Iterator[str]:
    if len(text) > MAX_CHARS:
        raise _denied(f"it has over {MAX_CHARS} characters; use shorter arguments")
    word: str | None = None
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise _denied(_unknown(text[position], "outside quotes"))
        position = token.end()
        if token["gap"] is None:
            word = (word or "") + _literal(token)
        elif word is not None:
            yield word
            word = None
    if word is not None:
        yield word


def _literal(token: re.Match[str]) -> str:
    if token["plain"] is not None:
        return token["plain"]
    quoted = token["single"] if token["single"] is not None else token["double"]
    for character in quoted:
        if character in _LIVE_IN_QUOTES or not character.isprintable():
            raise _denied(_unknown(character, "in quotes"))
    return quoted


def _unknown(character: str, place: str) -> str:
    if character in "'\"" and place == "outside quotes":
        return f"a quote {character} is not closed; {_MENDS[-1][1]}"
    mend = next((mend for characters, mend in _MENDS if character in characters), _MEND)
    return f"{character!a} {place} is no plain text, and there is no shell here; {mend}"


def _fault(argv: tuple[str, ...]) -> str | None:
    if not argv or not argv[0]:
        return "it names no program; begin with one, e.g. ls"
    if len(argv) > MAX_WORDS:
        return f"it has over {MAX_WORDS} words; name fewer files per call"
    if sum(map(len, argv)) > MAX_CHARS:
        return f"it has over {MAX_CHARS} characters; use shorter arguments"
    if any("\0" in word or not _is_encodable(word) for word in argv):
        return "it holds characters that no program can be given; leave them out"
    if ".." in argv[0].split("/"):
        return "it names its program by a path with '..'; give its name, or its path below the folder"
    return None


def _is_encodable(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _denied(fault: str) -> ToolError:
    return ToolError("denied", f"this is no command: {fault}")
