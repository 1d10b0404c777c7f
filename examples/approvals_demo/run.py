"""Run the note keeper with a callback that decides in the place of a person.

Usage: python run.py [--model PROVIDER:NAME] [--replay FILE | --record FILE]
"""

import argparse
import json
import sys
from pathlib import Path

from llm_do.errors import LlmDoError
from llm_do.runtime import Decision, RunApprovalPolicy, Runtime, build_entry
from llm_do_eval.traffic import traffic

ROOT = Path(__file__).parent


def decide(request):
    """Answer what the rules left open; whatever is not answered here is refused."""
    if request.tool == "delete_file" and request.args["path"].startswith("drafts/"):
        return Decision("approve_session")
    if request.tool == "publish":
        return Decision("modify", args={**request.args, "audience": "team"})
    return Decision("reject", note="only drafts are deleted and only notes are published")


def show(event):
    """Print each decision as it falls."""
    if event["kind"] == "approval":
        print(f"{event['decision']:15} by {event['by']:8} {event['name']}")


def main():
    """Run with the rules of the manifest and the callback above."""
    parser = argparse.ArgumentParser(description="Keep a note.")
    parser.add_argument("--model", help="provider:name; else LLM_DO_MODEL, else the recorded one")
    parser.add_argument("--replay", type=Path, metavar="FILE")
    parser.add_argument("--record", type=Path, metavar="FILE")
    options = parser.parse_args()
    manifest = json.loads((ROOT / "project.json").read_text(encoding="utf-8"))
    entry, _registry = build_entry(manifest["worker_files"], manifest["python_files"], project_root=ROOT)
    rules = manifest["runtime"]["approval_rules"]
    with traffic(replay=options.replay, record=options.record, model=options.model) as tape:
        policy = RunApprovalPolicy(approval_callback=decide, rules=rules)
        runtime = Runtime(policy, ROOT, model=options.model, recorded_model=tape.model, on_event=show)
        print(runtime.run(entry, manifest["entry"]["input"]).output)


if __name__ == "__main__":
    try:
        main()
    except LlmDoError as error:
        sys.exit(error.text)
