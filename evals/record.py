"""Record the cassettes of this folder and of the examples again, from the stand-in provider.

Run it from the project root: `python -m evals.record` for all, `python -m evals.record NAME...` for those of
some examples (a folder of `examples/` or a test of `evals/` by its name). No model is asked and nothing
leaves the machine. To record from a real provider instead, see the README.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evals.standin import StandIn, by_worker

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parent.parent
SEED = 20261120
TESTS = {
    "greeter": "anthropic:stand-in",
    "ticket_classifier": "openai:stand-in",
    "pitchdeck": "openai-chat:stand-in",
    "recursive_summarizer": "openai-chat:stand-in",
    "file_organizer": "openai:stand-in",
    "pitchdeck_eval_direct": "openai-chat:stand-in",
    "web_searcher": "anthropic:stand-in",
    "approvals_demo": "anthropic:stand-in",
    "code_analyzer": "openai:stand-in",
    "bootstrapper": "openai-chat:stand-in",
}


@dataclass(frozen=True, slots=True)
class Example:
    """One recorded run of an example: its arguments on the command line, or those of its `run.py`.

    It runs on a copy of the example, because it may change files; only the cassette is brought back. A run
    that `follows` finds the copy as the run before it has left it.
    """

    name: str
    model: str
    prompt: str | None = None
    cassette: str = "run"
    manifest: str = ""
    options: tuple[str, ...] = ()
    script: bool = False
    follows: bool = False

    def command(self, model: str) -> list[str]:
        """Write the command line, to be run in the folder that holds the copy."""
        record = ["--model", model, "--record", f"{self.name}/cassettes/{self.cassette}.jsonl"]
        if self.script:
            return [sys.executable, f"{self.name}/run.py", *self.options, *record]
        words = [f"{self.name}/{self.manifest}", *([] if self.prompt is None else [self.prompt])]
        return [sys.executable, "-m", "llm_do", *words, *self.options, *record, "--no-journal", "--headless"]


_UNLIMITED = 'server_side_tools=[{"tool_type": "web_search"}]'
RUNS = [
    Example("greeter", "anthropic:stand-in", "Hello, I'm Ada!"),
    Example("calculator", "openai-chat:stand-in", "What is 12 * 7 + 3?"),
    Example("pitchdeck_eval", "openai-chat:stand-in", "Evaluate all pitch decks in input/."),
    Example("pitchdeck_eval_stabilized", "openai-chat:stand-in", "Evaluate all pitch decks."),
    Example("pitchdeck_eval_code_entry", "openai-chat:stand-in", "Evaluate all pitch decks."),
    Example(
        "ticket_classifier",
        "openai:stand-in",
        "I was charged twice this month, please refund one payment.",
    ),
    Example("recursive_summarizer", "openai-chat:stand-in"),
    Example("recursive_summarizer", "openai-chat:stand-in", cassette="shallow", options=("--max-depth", "1")),
    Example("file_organizer", "openai:stand-in"),
    Example("file_organizer", "openai:stand-in", cassette="stabilized", manifest="stabilized.json"),
    Example("file_organizer", "openai:stand-in", cassette="softened", manifest="softened.json"),
    Example("pitchdeck_eval_direct", "openai-chat:stand-in", script=True),
    Example("web_searcher", "anthropic:stand-in"),
    Example("web_searcher", "anthropic:stand-in", cassette="refused", options=("--set", _UNLIMITED)),
    Example("approvals_demo", "anthropic:stand-in"),
    Example("approvals_demo", "anthropic:stand-in", cassette="callback", script=True),
    Example("code_analyzer", "openai:stand-in"),
    Example("bootstrapper", "openai-chat:stand-in"),
    Example("bootstrapper", "openai-chat:stand-in", cassette="created", script=True),
    Example("bootstrapper", "openai-chat:stand-in", cassette="again", follows=True),
]


def main(names: list[str]) -> None:
    """Record the tests and the runs of some examples, without names of all, each on its own wire format.

    Raises:
        SystemExit: a name is none of an example or a test.
    """
    known = {*TESTS, *(run.name for run in RUNS)}
    if unknown := sorted(set(names) - known):
        sys.exit(f"{', '.join(unknown)}: no example and no test; there are {', '.join(sorted(known))}")
    chosen = set(names) or known
    with StandIn(by_worker, seed=SEED) as provider:
        environment = os.environ | provider.environ
        for name in TESTS:
            if name in chosen:
                _record_test(name, environment)
        with tempfile.TemporaryDirectory() as folder:
            for run in RUNS:
                if run.name in chosen:
                    _record_run(run, Path(folder), environment)


def _record_test(name: str, environment: Mapping[str, str]) -> None:
    options = ["--llm-record=rewrite", "--llm-samples=20", "-p", "no:randomly"]
    command = [sys.executable, "-m", "pytest", "-q", f"evals/test_{name}.py", *options]
    subprocess.run(command, cwd=ROOT, env={**environment, "LLM_DO_MODEL": TESTS[name]}, check=True)


def _record_run(run: Example, folder: Path, environment: Mapping[str, str]) -> None:
    source, copy = ROOT / "examples" / run.name, folder / run.name
    if not run.follows:
        shutil.rmtree(copy, ignore_errors=True)
        leftovers = shutil.ignore_patterns(".llm-do", "__pycache__", "evaluations", "cassettes")
        shutil.copytree(source, copy, ignore=leftovers)
        (copy / "cassettes").mkdir()
    subprocess.run(run.command(run.model), cwd=folder, env=environment, check=True)
    cassette = f"cassettes/{run.cassette}.jsonl"
    (source / "cassettes").mkdir(exist_ok=True)
    shutil.copyfile(copy / cassette, source / cassette)


if __name__ == "__main__":
    main(sys.argv[1:])
