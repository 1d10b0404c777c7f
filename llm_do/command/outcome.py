"""How a run ended in, an exit code, a line for a human and the object of `--json` out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm_do.errors import LlmDoError, Refused, RunFailed, Terminated, ToolError
from llm_do.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Iterable

DONE, FAILED, WRONG, STOPPED, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 130, 143


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One invocation, ended: `usage` has requests and tokens, `cost_usd` is None where a price is unknown.

    `error` is the object of `--json`; `lines` tell a human the same, what went wrong in the first of them.
    """

    output: Any = None
    error: dict[str, str] | None = None
    lines: tuple[str, ...] = ()
    code: int = DONE
    run: str | None = None
    calls: int = 0
    usage: dict[str, int] | None = None
    cost_usd: float | None = None
    latency_s: float = 0.0
    cause: BaseException | None = None

    def text(self) -> str:
        """The result as standard output shows it: a text as it stands, a structure as JSON."""
        return (
            self.output
            if isinstance(self.output, str)
            else json.dumps(self.output, ensure_ascii=False, indent=2)
        )

    def to_json(self) -> str:
        """The object of `--json`, in one line."""
        return json.dumps(
            {
                "ok": self.error is None,
                "output": self.output,
                "error": self.error,
                "run": self.run,
                "calls": self.calls,
                "usage": self.usage or {"requests": 0, "input_tokens": 0, "output_tokens": 0},
                "cost_usd": self.cost_usd,
                "latency_s": round(self.latency_s, 3),
            },
            ensure_ascii=False,
        )


def outcome_of(error: BaseException, *, requests: int = 0, place: str = "", **facts: Any) -> Outcome:
    """Sort an error into its exit code; what is wrong before the first request is 2, after it 1.

    Args:
        error: what ended the invocation.
        requests: how many answers of a provider came before it.
        place: where project code raised it (`path:line: `), for errors that do not say so themselves.
        facts: the other fields of the outcome.
    """
    message = f"{place}{error.message}" if isinstance(error, ToolError) else str(error)
    error_class = error.error_class if isinstance(error, RunFailed) else ""
    if isinstance(error, Terminated):
        code, message, error_class = TERMINATED, "terminated", "interrupted"
    elif isinstance(error, KeyboardInterrupt):
        code, message, error_class = INTERRUPTED, "interrupted", "interrupted"
    elif isinstance(error, Refused):
        code = STOPPED
    elif isinstance(error, LlmDoError):
        # a call that was too deep or refused was made by a run that had begun, whatever it had asked by then
        refused = isinstance(error, ToolError) and error.code in ("depth", "denied")
        begun = requests > 0 or refused or isinstance(error, RunFailed)
        code = FAILED if begun else WRONG
    else:
        code, message = FAILED, f"{place}{type(error).__name__}: {message}; --debug shows the trace back"
    notes: Iterable[str] = getattr(error, "__notes__", ()) if isinstance(error, LlmDoError) else ()
    lines = (" ".join(redact(message).split()), *map(redact, notes))
    described = {
        "type": error.code if isinstance(error, ToolError) else type(error).__name__,
        "class": error_class,
        "message": "; ".join(line.strip() for line in lines),
    }
    stated = {key: value for key, value in described.items() if value}
    return Outcome(error=stated, lines=lines, code=code, cause=error, **facts)
