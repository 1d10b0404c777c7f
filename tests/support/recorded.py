"""Requests and answers in, cassettes as a recording leaves them out; and the command as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm_do_eval.cassette.file.recording import Recording, write_recording
from llm_do_eval.cassette.interaction import Body, Interaction, Request, Response
from llm_do_eval.cassette.wires.key import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[1]
CHAT = "https://api.openai.com/v1/chat/completions"
_START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from llm_do_eval.cli import main; main()"
_SECRETS = ("KEY", "TOKEN", "SECRET", "PASSW", "CREDENTIAL")


@dataclass(frozen=True)
class Done:
    """How one invocation ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out)

    @property
    def line(self) -> str:
        """The error: exactly one line on standard error, and nothing on standard output."""
        assert self.out == ""
        assert self.err.count("\n") == 1, self.err
        assert self.err.startswith("llm-do-eval: ")
        return self.err.removeprefix("llm-do-eval: ").strip()


def cassettes(*words: str | Path, cwd: Path, **environ: str) -> Done:
    """Run `llm-do-eval cassettes ...` as a process, in an environment without secrets but those named."""
    plain = {name: value for name, value in os.environ.items() if not any(each in name for each in _SECRETS)}
    done = subprocess.run(
        [sys.executable, "-c", _START, str(ROOT), "cassettes", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=cwd,
        env={**plain, **environ},
    )
    return Done(done.returncode, done.stdout, done.stderr)


def exchange(
    question: str, answer: str, *, sample: int = 0, seq: int = 0, headers: dict[str, str] | None = None
) -> Interaction:
    """Make one exchange with OpenAI's chat completions."""
    said = {"role": "user", "content": question}
    request = Request("POST", CHAT, headers or {}, Body("json", {"model": "gpt-4o-mini", "messages": [said]}))
    answered = {
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"message": {"role": "assistant", "content": answer}}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5},
    }
    response = Response(200, {"content-type": "application/json"}, Body("text", json.dumps(answered)))
    at = f"2026-11-02T10:00:0{sample}+00:00"
    return Interaction(sample, seq, fingerprint(request), request, response, latency_s=0.25, at=at)


def write(path: Path, interactions: Iterable[Interaction], **meta: Any) -> Path:
    """Write a cassette, and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_recording(path, Recording.of(interactions, meta))
    return path
