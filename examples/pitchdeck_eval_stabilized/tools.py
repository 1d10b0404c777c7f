"""What the orchestrator always did the same way, as code: finding the decks and naming the reports."""

import json
from pathlib import Path
from typing import Any

from pydantic_ai.tools import RunContext
from pydantic_ai.toolsets import FunctionToolset

from llm_do.runtime import ToolsetSpec, WorkerRuntime
from llm_do.toolsets.approval import set_toolset_approval_config

DECKS = (".pdf", ".txt", ".md")


def build_tools():
    tools = FunctionToolset()

    @tools.tool
    def list_pitchdecks(ctx: RunContext[WorkerRuntime]) -> list[dict[str, str]]:
        """List the decks to evaluate, each with the path its report goes to."""
        root = ctx.deps.project_root
        return [
            {"file": path.relative_to(root).as_posix(), "output_path": f"evaluations/{path.stem}.md"}
            for path in sorted((root / "input").iterdir())
            if path.suffix in DECKS
        ]

    @tools.tool
    def write_report(ctx: RunContext[WorkerRuntime], deck: str, evaluation: dict[str, Any]) -> str:
        """Write the evaluation of a deck (its path in `input/`) as a report and return the report's path."""
        name = Path(deck).stem
        report = ctx.deps.project_root / "evaluations" / f"{name}.md"
        report.parent.mkdir(exist_ok=True)
        report.write_text(f"# {name}\n\n```json\n{json.dumps(evaluation, indent=2)}\n```\n", encoding="utf-8")
        return f"evaluations/{name}.md"

    # the report's place is fixed by code, so writing it needs no question
    set_toolset_approval_config(tools, {name: {"pre_approved": True} for name in tools.tools})
    return tools


pitchdeck_tools = ToolsetSpec(factory=build_tools)
