"""Offers by worker in, unused tools out: tools that a worker was offered and never called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm_do_eval.candidates.candidate import Candidate, Evidence, Saving
from llm_do_eval.candidates.judgement import judge
from llm_do_eval.ratio import Ratio

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_do_eval.tables.tools import OfferCount


def find(offers: Mapping[tuple[str, str], OfferCount], runs: int) -> list[Candidate]:
    """Judge every pair of worker and offered tool without a call."""
    return [
        _candidate(worker, tool, count, len(offers), runs)
        for (worker, tool), count in sorted(offers.items())
        if not count.used_runs
    ]


def _candidate(worker: str, tool: str, count: OfferCount, rules: int, runs: int) -> Candidate:
    unused = {cluster: not used for cluster, used in count.clusters.items()}
    judgement = judge(unused, rules=rules)
    return Candidate(
        id=f"unused_tool:tool:{tool}:{worker}",
        kind="unused_tool",
        site=f"tool:{tool}",
        verdict=judgement.verdict,
        reason=f"{worker} never called it in {count.runs} runs that offered it: {judgement.reason}",
        evidence=Evidence(
            calls=0,
            runs=count.runs,
            clusters=len(unused),
            distinct=0,
            agree=Ratio(count.runs, count.runs),
            held_out=None,
            bound=judgement.bound,
            rules=rules,
        ),
        needs_clusters=judgement.needs_clusters,
        saving=Saving("offered tools", 1000 * count.runs / runs),
    )
