"""Calls by tool in, terminal tools out: tools after which the model that called them calls nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from llm_do_eval.candidates.candidate import Candidate, Evidence, Saving
from llm_do_eval.candidates.judgement import judge
from llm_do_eval.ratio import Ratio

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_do_eval.tables.tools import ToolCount

_LISTED: Final = 0.5


def find(tools: Mapping[str, ToolCount], runs: int) -> list[Candidate]:
    """Judge the tools that ended a model's work at least every other time, over two clusters or more."""
    asked = {name: tool for name, tool in tools.items() if tool.asked}
    return [
        _candidate(name, tool, len(asked), runs)
        for name, tool in sorted(asked.items())
        if tool.asked_last >= _LISTED * tool.asked and len(tool.ends) > 1
    ]


def _candidate(name: str, tool: ToolCount, rules: int, runs: int) -> Candidate:
    agree = Ratio(tool.asked_last, tool.asked)
    judgement = judge(tool.ends, rules=rules)
    return Candidate(
        id=f"terminal_tool:tool:{name}",
        kind="terminal_tool",
        site=f"tool:{name}",
        verdict=judgement.verdict,
        reason=f"nothing was called after {agree} calls: {judgement.reason}",
        evidence=Evidence(
            calls=agree.n,
            runs=tool.asked_runs,
            clusters=len(tool.ends),
            distinct=1,
            agree=agree,
            held_out=None,
            bound=judgement.bound,
            rules=rules,
        ),
        needs_clusters=judgement.needs_clusters,
        saving=Saving("model requests", 1000 * agree.k / runs),
    )
