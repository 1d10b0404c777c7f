"""Words of a command line in, one frozen `Invocation` out: which project, which input, which options."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO, cast

from llm_do.errors import SpecError, UsageError
from llm_do.project.document import found
from llm_do.project.strictjson import load_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_do.approval import Mode
    from llm_do.project.manifest import Manifest
    from llm_do.project.setting import Setting

PATH_SUFFIXES: Final = (".worker", ".py")
_OBJECT: Final = """pass one object, e.g. '{"input": "hi"}'"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """Everything the operator said."""

    paths: tuple[Path, ...]
    prompt: str | None = None
    input_json: dict[str, Any] | None = None
    entry: str | None = None
    model: str | None = None
    settings: tuple[Setting, ...] = ()
    approval_mode: Mode | None = None
    max_depth: int | None = None
    timeout_s: float | None = None
    record: Path | None = None
    replay: Path | None = None
    runs_dir: Path | None = None
    no_journal: bool = False
    verbosity: int = 0
    check: bool = False
    lock: bool = False
    locked: bool = False


@dataclass(frozen=True, slots=True)
class Positionals:
    """The positional words: paths, and at most one prompt."""

    paths: tuple[Path, ...]
    prompt: str | None


def positionals(words: Sequence[str], after_dashes: Sequence[str] | None) -> Positionals:
    """Tell paths from the prompt.

    The first word is a path; following ones are while they end in `.worker` or `.py`; at most one more
    is the prompt. `--` ends the paths.

    Raises:
        UsageError: no path, or more words than one after the paths.
    """
    if not words:
        raise UsageError("no PATH given; pass a project.json, a folder, or .worker and .py files")
    count = 1
    while count < len(words) and words[count].endswith(PATH_SUFFIXES):
        count += 1
    rest = [*words[count:], *(after_dashes or ())]
    if len(rest) > 1:
        mend = "put the paths first" if rest[1].endswith(PATH_SUFFIXES) else "quote it as one"
        raise UsageError(f"{rest[1]!r} is one word too many: at most one PROMPT follows the paths; {mend}")
    return Positionals(tuple(Path(word) for word in words[:count]), _text(rest[0]) if rest else None)


def parse_input(text: str) -> dict[str, Any]:
    """Read `--input-json`: one JSON object.

    Raises:
        UsageError: no JSON, or no object.
    """
    try:
        value = load_json(_text(text)).value
    except SpecError as error:
        raise UsageError(f"--input-json is {error}; {_OBJECT}") from error
    if not isinstance(value, dict):
        raise UsageError(f"--input-json holds {found(value)}; {_OBJECT}")
    return cast("dict[str, Any]", value)


def chosen_input(invocation: Invocation, manifest: Manifest, stdin: TextIO | None) -> Any:
    """Choose the input: prompt, `--input-json`, standard input where something is piped, the manifest's.

    Raises:
        UsageError: two inputs, or an input the manifest does not allow; None is returned for none at all.
    """
    if invocation.prompt is not None and invocation.input_json is not None:
        raise UsageError("both a PROMPT and --input-json were given; keep one")
    given: Any = invocation.prompt if invocation.input_json is None else invocation.input_json
    if given is None:
        given = _piped(stdin)
    if given is not None and not manifest.allow_cli_input:
        raise UsageError(
            f"{manifest.path}: allow_cli_input is false, so this project takes no input from outside"
        )
    if given is None and manifest.entry_input is not None:
        return dict(manifest.entry_input)
    return given


def _piped(stdin: TextIO | None) -> str | None:
    """Read standard input where it is a pipe or a file; a terminal or /dev/null holds no prompt."""
    try:
        mode = os.fstat(stdin.fileno()).st_mode if stdin else 0
    except (OSError, ValueError):
        return None
    if stdin is None or not (stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)):
        return None
    try:
        return stdin.buffer.read().decode("utf-8").rstrip("\r\n") or None
    except UnicodeDecodeError:
        raise UsageError("standard input is not UTF-8 text; pass other files as attachments") from None


def _text(word: str) -> str:
    try:
        word.encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError(f"{word!r} is not UTF-8 text; write it in UTF-8") from None
    return word
