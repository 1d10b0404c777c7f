"""Arguments in, closed arguments out: values that always stood in what the model had read.

Code cannot choose such a value, but it can refuse one that was made up. The rule has no parameter, so all
clusters are evidence; the null is the share of values that stand in as much text of other clusters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from llm_do_eval.candidates.candidate import Candidate, Evidence, Saving
from llm_do_eval.candidates.judgement import Judgement, judge
from llm_do_eval.ratio import Ratio

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_do_eval.tables.arguments import ArgumentCount

NULL_SHARE: Final = 0.5
_LISTED: Final = 0.5


@dataclass(frozen=True, slots=True)
class JudgedArgument:
    """One argument path with the judgement of "it is derived": it occurred in earlier text."""

    count: ArgumentCount
    judgement: Judgement


def judged(by_path: Mapping[str, ArgumentCount]) -> list[JudgedArgument]:
    """Judge every path."""
    return [JudgedArgument(count, _judgement(count, len(by_path))) for count in by_path.values()]


def find(arguments: list[JudgedArgument], runs: int) -> list[Candidate]:
    """Give the paths of which at least half of the values are derived, over two clusters or more."""
    return [
        _candidate(each, len(arguments), runs)
        for each in arguments
        if each.count.derived >= _LISTED * each.count.leaves and len(each.count.clusters) > 1
    ]


def _judgement(count: ArgumentCount, rules: int) -> Judgement:
    judgement = judge(count.clusters, rules=rules)
    derived = Ratio(count.derived, count.leaves)
    words = f"{derived} values stood in what the model had read"
    if count.null is not None and count.null > NULL_SHARE * derived.share:
        reason = f"{words}, but {count.null:.0%} of them stand in other clusters' texts too"
        return replace(judgement, verdict="rejected", reason=reason, needs_clusters=None)
    return replace(judgement, reason=f"{words}: {judgement.reason}")


def _candidate(each: JudgedArgument, rules: int, runs: int) -> Candidate:
    count, judgement = each.count, each.judgement
    return Candidate(
        id=f"closed_argument:arg:{count.path}",
        kind="closed_argument",
        site=f"arg:{count.path}",
        verdict=judgement.verdict,
        reason=judgement.reason,
        evidence=Evidence(
            calls=len(count.calls),
            runs=len(count.runs),
            clusters=len(count.clusters),
            distinct=len(count.values),
            agree=Ratio(count.derived, count.leaves),
            held_out=None,
            bound=judgement.bound,
            rules=rules,
            null=count.null,
        ),
        needs_clusters=judgement.needs_clusters,
        saving=Saving("checked arguments", 1000 * count.derived / runs),
    )
