"""Evaluate the decks in input/ in parallel, from a script of its own: no manifest and no command line.

Usage: python run.py [--model PROVIDER:NAME] [--replay FILE | --record FILE]
"""

import argparse
import asyncio
import sys
from pathlib import Path

from llm_do.errors import LlmDoError, RunFailed
from llm_do.runtime import Attachment, Runtime, build_entry
from llm_do_eval.traffic import traffic

ROOT = Path(__file__).parent
DECKS = ["input/aurora_robotics.pdf", "input/brightleaf.pdf", "input/coral_health.txt"]


def show(event):
    """Say on standard error how each evaluation ended: `on_event` gets every line of the journal."""
    if event["kind"] == "call" and event["parent"] is None:
        (deck,) = event["input"]["attachments"]
        outcome = "done" if event["ok"] else event["error"]["message"]
        print(f"{deck}: {outcome} after {event['requests']} request", file=sys.stderr)


async def evaluate(runtime, entry, decks):
    """Evaluate all decks at once; a deck that fails does not stop the others."""
    calls = [runtime.run_entry(entry, ["Evaluate this pitch deck.", Attachment(deck)]) for deck in decks]
    results = await asyncio.gather(*calls, return_exceptions=True)
    evaluations = {}
    for deck, result in zip(decks, results, strict=True):
        if isinstance(result, RunFailed):
            continue
        if isinstance(result, BaseException):  # nothing began: the model, its key or a deck is missing
            raise result
        evaluations[deck] = result.output
    return evaluations


def report(evaluations):
    """List the decks, the best first."""
    points = {deck: sum(each["scores"].values()) for deck, each in evaluations.items()}
    for deck in sorted(points, key=lambda deck: (-points[deck], deck)):
        flags = "; ".join(evaluations[deck]["red_flags"])
        print(f"{points[deck]:2} points  {deck}  {flags or 'no red flags'}")


def main():
    """Read the options, run, report, and say what it took."""
    parser = argparse.ArgumentParser(description="Evaluate the pitch decks in input/.")
    parser.add_argument("--model", help="provider:name; else LLM_DO_MODEL, else the recorded one")
    parser.add_argument("--replay", type=Path, metavar="FILE")
    parser.add_argument("--record", type=Path, metavar="FILE")
    options = parser.parse_args()
    entry, _registry = build_entry(["pitch_evaluator.worker"], project_root=ROOT, entry="pitch_evaluator")
    with traffic(replay=options.replay, record=options.record, model=options.model) as tape:
        runtime = Runtime(project_root=ROOT, model=options.model, recorded_model=tape.model, on_event=show)
        evaluations = asyncio.run(evaluate(runtime, entry, DECKS))
    report(evaluations)
    used = runtime.usage
    print(f"{used.requests} requests, {used.input_tokens} tokens in, {used.output_tokens} out")
    return 0 if len(evaluations) == len(DECKS) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LlmDoError as error:
        sys.exit(error.text)
