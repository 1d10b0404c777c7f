"""The words of a command in, why it may not run unasked out: an exact list of eight programs that only read.

A program is on the list with its exact options, the form of their values and the kind of its operands.
What the list does not spell out is a doubt, so a program's further options, clusters with an unknown
letter and abbreviated long options never pass.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from llm_do.errors import ToolError
from llm_do.sandbox.path import parse_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_COUNT: Final = re.compile(r"[0-9]{1,5}")
_KEY: Final = re.compile(r"[0-9]{1,3}[nr]{0,2}(,[0-9]{1,3}[nr]{0,2})?")
_CHARACTER: Final = re.compile(r".")
_TEXT: Final = re.compile(r".+")


@dataclass(frozen=True, slots=True)
class _Usage:
    """What a program may be given: `letters` are options without, `values` those with a value."""

    letters: str
    values: Mapping[str, re.Pattern[str]] = field(default_factory=dict[str, re.Pattern[str]])
    long_values: Mapping[str, re.Pattern[str]] = field(default_factory=dict[str, re.Pattern[str]])
    takes_digits: bool = False
    takes_pattern: bool = False
    least_paths: int = 1
    most_paths: int | None = None


_GLOBS: Final[Mapping[str, re.Pattern[str]]] = dict.fromkeys(
    ("--include", "--exclude", "--exclude-dir"), _TEXT
)
QUIET: Final[Mapping[str, _Usage]] = {
    "ls": _Usage("1AFRSXacdfghiklmnopqrstux", least_paths=0),
    "cat": _Usage("AETbenstv"),
    "head": _Usage("qv", {"n": _COUNT, "c": _COUNT}, takes_digits=True),
    "tail": _Usage("qv", {"n": _COUNT, "c": _COUNT}, takes_digits=True),
    "wc": _Usage("Lclmw"),
    "grep": _Usage("EFHLchilnoqrsvwx", dict.fromkeys("ABCm", _COUNT), _GLOBS, takes_pattern=True),
    "sort": _Usage("Vbdfghinru", {"k": _KEY, "t": _CHARACTER}),
    "pwd": _Usage("LP", least_paths=0, most_paths=0),
}


def quiet_doubt(argv: Sequence[str]) -> str | None:
    """Say why a command is not on the quiet list, or None for one that is."""
    usage = QUIET.get(argv[0])
    if usage is None:
        return f"{argv[0]!r} is not a program that runs unasked"
    if not all(word.isprintable() for word in argv):
        return "it holds control or invisible characters"
    operands: list[str] = []
    words = iter(argv[1:])
    for word in words:
        if word == "--":
            operands.extend(words)
        elif not word.startswith("-") or word == "-":
            operands.append(word)
        elif not _is_known(usage, word, words):
            return f"{word!r} is not among the options with which {argv[0]!r} runs unasked"
    return _operand_doubt(usage, operands)


def _is_known(usage: _Usage, word: str, following: Iterator[str]) -> bool:
    """Tell whether an option is listed; a value in a word of its own is taken from those that follow."""
    letter, value = word[1], word[2:]
    if letter in usage.values:
        return usage.values[letter].fullmatch(value or next(following, "")) is not None
    if letter == "-":
        name, _, text = word.partition("=")
        return name in usage.long_values and usage.long_values[name].fullmatch(text) is not None
    if usage.takes_digits and _COUNT.fullmatch(word[1:]):
        return True
    return set(word[1:]) <= set(usage.letters)


def _operand_doubt(usage: _Usage, operands: list[str]) -> str | None:
    if usage.takes_pattern and not operands:
        return "it gives no pattern"
    paths = operands[1:] if usage.takes_pattern else operands
    if len(paths) < usage.least_paths:
        return "it names no file, so it would wait for input"
    if usage.most_paths is not None and len(paths) > usage.most_paths:
        return "it names files where none are expected"
    for path in paths:
        if path == "-":
            return "'-' is no file but the standard input"
        try:
            parse_path(path)
        except ToolError as error:
            return error.message
    return None
