"""The error tree: every error says what, where and what to do, in one line.

* LlmDoError
  * SpecError      for the author: a worker file, manifest, Python file or link is wrong (exit 2)
  * UsageError     for the operator: the command line, the input, the model or the key is wrong (exit 2)
  * FormatError    a journal, cassette or transcript cannot be read (llm-do: exit 2, llm-do-eval: exit 3)
  * RunFailed      the run started and failed (exit 1)
    * CallFailed   a called worker failed; carries its chain and cause
    * LimitReached depth, requests, tokens, cost or time ran out
  * Refused        the run was stopped by a refused or unaskable approval (exit 3)
  * ToolError      for the model: a stable code and a sentence it can act on; the run goes on

* KeyboardInterrupt  (Python's own) somebody pressed Ctrl-C (exit 130)
  * Terminated     the system asked the process to end, by SIGTERM (exit 143)
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class LlmDoError(Exception):
    """Base of all errors of this project; `str(error)` is one line for a human, its notes say more."""

    @property
    def text(self) -> str:
        """The line, and a line for each note."""
        return "\n".join([str(self), *getattr(self, "__notes__", ())])


class SpecError(LlmDoError):
    """A project file is wrong: `path` and `line` (from 1) say where, the message what and what to do."""

    def __init__(self, message: str, *, path: Path | str | None = None, line: int | None = None) -> None:
        self.path = path
        self.line = line
        place = "" if path is None else f"{path}:{line}: " if line is not None else f"{path}: "
        super().__init__(place + message)


class UsageError(LlmDoError):
    """The operator asked for something that cannot start; nothing was requested from a provider."""


class FormatError(LlmDoError):
    """A file of ours, or an import, is torn, of a foreign version or not of its format."""


class RunFailed(LlmDoError):
    """A run that had started could not finish.

    `error_class` says what failed, for counting: infra (429, 5xx, network, a provider's timeout), auth,
    rejected, truncation, content_filter, empty, format, timeout (a limit the user set), limit, model.
    """

    def __init__(self, message: str, *, error_class: str = "model") -> None:
        self.error_class = error_class
        super().__init__(message)


class CallFailed(RunFailed):
    """A called worker failed: `chain` names the callers from the entry down, `cause` is what happened."""

    def __init__(self, message: str, *, chain: tuple[str, ...], cause: BaseException | None = None) -> None:
        self.chain = chain
        self.cause = cause
        text = f"{' > '.join(chain)}: {message}" if chain else message
        super().__init__(text, error_class=getattr(cause, "error_class", "worker"))


class LimitReached(RunFailed):
    """A limit of the whole run on requests, tokens, cost or time is used up."""

    def __init__(self, message: str) -> None:
        super().__init__(message, error_class="limit")


class Refused(LlmDoError):
    """An approval was refused, or nobody could be asked, and the run had to stop."""


class ToolError(LlmDoError):
    """A result for the calling model: `code` is stable API, `message` one sentence the model can act on."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code}: {message}")

    def result(self) -> dict[str, dict[str, str]]:
        """What the model reads: `{"error": {"code": ..., "message": ...}}`."""
        # half a character, as in the name of a file, fits into no request
        message = self.message.encode("utf-8", "backslashreplace").decode()
        return {"error": {"code": self.code, "message": message}}


class Terminated(KeyboardInterrupt):
    """The system asked the process to end; its calls are cancelled as by an interrupt."""


def words_of(error: BaseException) -> str:
    """Give the text of an error in one line; its type where it has none."""
    return " ".join(str(error).split()) or type(error).__name__


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `"; did you mean 'x'?"` for the nearest known name, or an empty string."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {found[0]!r}?" if found else ""
