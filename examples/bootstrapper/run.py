"""Run the bootstrapper with a callback that reads the definition of the worker before it says yes.

Usage: python run.py [--model PROVIDER:NAME] [--replay FILE | --record FILE]
"""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from llm_do.errors import LlmDoError
from llm_do.runtime import Decision, RunApprovalPolicy, Runtime, build_entry
from llm_do_eval.traffic import traffic

ROOT = Path(__file__).parent


def decide(request):
    """Accept a worker that reads what it is given and asks for nothing else."""
    if request.tool != "create_worker":
        return Decision("reject", note="only a new reader is decided about here")
    if not request.args["name"].endswith("_reader"):
        return Decision("reject", note="call it KIND_reader")
    if request.args.get("toolsets"):
        return Decision("reject", note="a reader needs no toolsets, its file is attached")
    if not request.args.get("output_schema"):
        return Decision("reject", note="give it an output schema")
    print(f"approved {request.args['name']}:\n{request.preview.text}")
    return Decision("approve")


async def bootstrap(root, decide=decide, **options):
    """Run the entry of the project in a folder; further options are those of `Runtime`."""
    manifest = json.loads((root / "project.json").read_text(encoding="utf-8"))
    entry, _registry = build_entry(manifest["worker_files"], project_root=root)
    policy = RunApprovalPolicy(approval_callback=decide)
    runtime = Runtime(policy, root, **manifest["runtime"], **options)
    return (await runtime.run_entry(entry, manifest["entry"]["input"])).output


def main():
    """Read the options and run."""
    parser = argparse.ArgumentParser(description="Read the files in input/.")
    parser.add_argument("--model", help="provider:name; else LLM_DO_MODEL, else the recorded one")
    parser.add_argument("--replay", type=Path, metavar="FILE")
    parser.add_argument("--record", type=Path, metavar="FILE")
    options = parser.parse_args()
    with traffic(replay=options.replay, record=options.record, model=options.model) as tape:
        print(asyncio.run(bootstrap(ROOT, model=options.model, recorded_model=tape.model)))


if __name__ == "__main__":
    try:
        main()
    except LlmDoError as error:
        sys.exit(error.text)
