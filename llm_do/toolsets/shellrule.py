"""A rule about commands and the words of one in, whether it speaks of them out."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from itertools import dropwhile
from typing import TYPE_CHECKING, Any, Final, Literal, cast, get_args

from llm_do.errors import SpecError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Word = Literal["approve", "ask", "reject"]
REST: Final = "**"
"""The pattern that stands for any number of arguments."""

_BETWEEN: Final = re.compile(r"[\s=:,;@|&<>!'\"`()\[\]{}]+")
_OPTION: Final = re.compile(r"-+[A-Za-z0-9]*")
_LONGEST_NAME: Final = 255
_CODE: Final = (  # programs, and the options after which a word of theirs is code
    (r"([abckz]|ba|da|fi|mk|tc)?sh|(python|pypy)[0-9.]*t?|guile", r"-[A-Za-z]*c.*|--command"),
    (r"(perl|ruby|lua|luajit|php|julia|node|nodejs)[0-9.]*", r"-[A-Za-z]*[eEpMmrBR].*|--(eval|print)"),
    (r"R|Rscript|deno|bun", r"-[A-Za-z]*[ep].*|--(eval|print)|eval"),
    (r"[gmn]?awk|original-awk|sed", r".*"),
)
_SED_OPTIONS: Final = frozenset({"-n", "-E", "-r", "-s", "-u", "-z"})
_SED_SCRIPT: Final = re.compile(r"([0-9,$]*|/[^/\n]*/)[pdq=]|s/[^/\n]*/[^/\n]*/[gpI0-9]*")


@dataclass(frozen=True, slots=True)
class ShellRule:
    """One line of a shell toolset's list: an exact program name, patterns for the arguments, what follows.

    `args` are globs, one for each argument in order; `"**"` stands for any number of them. None matches any
    arguments.

    Raises:
        SpecError: an unknown decision, or arguments that are no list of texts.
    """

    program: str
    args: Sequence[str] | None = None
    decision: Word = "ask"

    def __post_init__(self) -> None:
        check_word(self.decision, f"shell rule for {self.program!r}")
        if isinstance(self.args, str):
            raise _no_patterns(self.program)

    def matches(self, argv: Sequence[str]) -> bool:
        """Tell whether this rule speaks of a command."""
        return argv[0] == self.program and (self.args is None or _fit(self.args, argv[1:]))


def check_word(word: object, place: str) -> None:
    """Refuse what is no decision. Raises SpecError, which names the place."""
    if word not in get_args(Word):
        raise SpecError(f"{place}: {word!r} is no decision; say one of {', '.join(get_args(Word))}")


def shell_rule(given: ShellRule | Mapping[str, Any]) -> ShellRule:
    """Read a rule that may be a mapping with the same names. Raises SpecError for an unknown one."""
    if isinstance(given, ShellRule):
        return given
    known = [each.name for each in fields(ShellRule)]
    unknown = next((key for key in given if key not in known), None)
    if unknown is not None:
        raise SpecError(f"shell rule: unknown key {unknown!r}{nearest(unknown, known)}")
    if not isinstance(given.get("program"), str):
        raise SpecError("shell rule: program is the exact name of a program, as a text")
    args = given.get("args")
    if args is not None and not (isinstance(args, list | tuple) and _are_texts(cast("Sequence[Any]", args))):
        raise _no_patterns(given["program"])
    return ShellRule(**given)


def leaves_folder(argv: Sequence[str]) -> bool:
    """Tell whether an argument may name what lies outside the folder: absolute, `..` or `~`, in any part.

    A relative path that is joined to an option, as in `-Isub/x`, counts too: where the letters end is the
    program's secret.
    """
    return any(_leaves(piece) for word in argv[1:] for piece in _BETWEEN.split(word))


def pieces(word: str) -> Iterator[str]:
    """Yield what a program may read as a name in a word: all of it, its parts, what is joined to letters."""
    for piece in {word, *_BETWEEN.split(word)} - {""}:
        yield piece
        option = _OPTION.match(piece)
        if option is not None:  # where the letters end is the program's secret
            yield from (piece[at:] for at in range(max(1, option.end() - _LONGEST_NAME), option.end() + 1))


def runs_code(argv: Sequence[str]) -> bool:
    """Tell whether a word is code for a known interpreter, also behind another program as in `env sh -c x`.

    A script in a file is not seen; of `sed`, single commands that only print are no code.
    """
    if _is_plain_sed(argv):
        return False
    parts = [part for word in argv for part in _BETWEEN.split(word)]
    return any(_has_code(parts, re.compile(program), re.compile(code)) for program, code in _CODE)


def _are_texts(values: Sequence[Any]) -> bool:
    return all(isinstance(each, str) for each in values)


def _no_patterns(program: str) -> SpecError:
    return SpecError(f"shell rule for {program!r}: args is a list of patterns, one per argument")


def _leaves(piece: str) -> bool:
    rest = _OPTION.sub("", piece, count=1) if piece.startswith("-") else piece
    return rest.startswith(("/", "~")) or ".." in (*piece.split("/"), *rest.split("/"))


def _fit(patterns: Sequence[str], words: Sequence[str]) -> bool:
    fits = [True, *(False for _ in words)]  # the first n words, by the patterns so far
    for pattern in patterns:
        if pattern == REST:
            first = fits.index(True) if True in fits else len(fits)
            fits = [at >= first for at in range(len(fits))]
        else:
            before = zip(fits, words, strict=False)
            fits = [False, *(fit and fnmatchcase(word, pattern) for fit, word in before)]
    return fits[-1]


def _has_code(parts: Sequence[str], program: re.Pattern[str], code: re.Pattern[str]) -> bool:
    following = dropwhile(lambda part: not program.fullmatch(part.rpartition("/")[2]), parts)
    next(following, None)
    return any(map(code.fullmatch, following))


def _is_plain_sed(argv: Sequence[str]) -> bool:
    words = list(dropwhile(_SED_OPTIONS.__contains__, argv[1:]))
    is_reading = bool(words) and _SED_SCRIPT.fullmatch(words[0]) is not None
    return argv[0] == "sed" and is_reading and not any(word.startswith("-") for word in words)
