"""The whole orchestration as code; only the judgement of a deck is left to an LLM."""

import asyncio
import json
from pathlib import Path
from typing import Any

from pydantic_ai.tools import RunContext
from pydantic_ai.toolsets import FunctionToolset

from llm_do.runtime import CallContext, EntrySpec, PromptContent, ToolsetSpec, WorkerRuntime

DECKS = (".pdf", ".txt", ".md")


def build_tools():
    tools = FunctionToolset()

    @tools.tool
    def write_report(ctx: RunContext[WorkerRuntime], deck: str, evaluation: dict[str, Any]) -> str:
        """Write the evaluation of a deck as a report and return the report's path."""
        name = Path(deck).stem
        report = ctx.deps.project_root / "evaluations" / f"{name}.md"
        report.parent.mkdir(exist_ok=True)
        report.write_text(f"# {name}\n\n```json\n{json.dumps(evaluation, indent=2)}\n```\n", encoding="utf-8")
        return f"evaluations/{name}.md"

    return tools


report_tools = ToolsetSpec(factory=build_tools)


async def main(_input: list[PromptContent], ctx: CallContext) -> dict[str, int]:
    """Evaluate every deck, write its report, and return the points of each."""
    decks = sorted(path for path in (ctx.project_root / "input").iterdir() if path.suffix in DECKS)
    return dict(await asyncio.gather(*(evaluate(ctx, f"input/{deck.name}") for deck in decks)))


async def evaluate(ctx: CallContext, deck: str) -> tuple[str, int]:
    evaluation = await ctx.call(
        "pitch_evaluator", {"input": "Evaluate the attached pitch deck.", "attachments": [deck]}
    )
    await ctx.call("write_report", {"deck": deck, "evaluation": evaluation})
    return deck, sum(evaluation["scores"].values())


ENTRY = EntrySpec(name="main", main=main)
