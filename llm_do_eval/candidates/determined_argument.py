"""Arguments in, determined arguments out: values that code could have filled in.

Each rule of `rules` is judged on clusters that did not choose it. Its null is how often the source of
another cluster would have given the same value: a value that never varies agrees with everything.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from llm_do_eval.candidates.candidate import Candidate, Evidence, Saving
from llm_do_eval.candidates.fold import held_out
from llm_do_eval.candidates.judgement import Judgement, judge
from llm_do_eval.candidates.outcome import with_outcome
from llm_do_eval.candidates.rules import Rule, find_rules
from llm_do_eval.stats.bounds import tail

if TYPE_CHECKING:
    from llm_do_eval.tables.arguments import Arguments

NULL_SHARE: Final = 0.5


def find(arguments: Arguments, runs: int, min_correct: float) -> list[Candidate]:
    """Judge the rules worth listing; `runs` is how many runs there were in all."""
    rules = find_rules(arguments)
    return [_candidate(rule, len(rules), runs, min_correct) for rule in rules]


def null_of(rule: Rule) -> float | None:
    """Give how often another cluster's source has the passed value, a mean over clusters; None: no other."""
    given: defaultdict[str, Counter[str]] = defaultdict(Counter[str])
    passed: defaultdict[str, Counter[str]] = defaultdict(Counter[str])
    for row in rule.rows:
        given[row.call.context.cluster][row.given] += 1
        passed[row.call.context.cluster][row.passed] += 1
    if len(given) == 1:
        return None
    shares = {
        cluster: {value: times / counts.total() for value, times in counts.items()}
        for cluster, counts in sorted(given.items())
    }
    everywhere: defaultdict[str, float] = defaultdict(float)
    for counts in shares.values():
        for value, share in sorted(counts.items()):
            everywhere[value] += share
    elsewhere = [
        times * (everywhere[value] - shares[cluster].get(value, 0.0)) / (len(shares) - 1) / counts.total()
        for cluster, counts in passed.items()
        for value, times in counts.items()
    ]
    return min(1.0, max(0.0, math.fsum(elsewhere) / len(shares)))


def _candidate(rule: Rule, rules: int, runs: int, min_correct: float) -> Candidate:
    holds: dict[str, bool] = {}
    for row in rule.rows:
        cluster = row.call.context.cluster
        holds[cluster] = holds.get(cluster, True) and row.passed == row.given
    null = null_of(rule)
    chance = None if null is None else min(1.0, rule.tried * tail(sum(holds.values()), len(holds), null))
    judgement = judge(holds, rules=rules, held_out=held_out(holds))
    judgement = _against_chance(judgement, rule, null)
    judgement, correct = with_outcome(judgement, (row.call for row in rule.rows), min_correct)
    return Candidate(
        id=f"determined_argument:arg:{rule.path}:{rule.source}",
        kind="determined_argument",
        site=f"arg:{rule.path}",
        verdict=judgement.verdict,
        reason=f"equals {rule.source} in {rule.agree} calls: {judgement.reason}",
        evidence=Evidence(
            calls=len(rule.rows),
            runs=len({row.call.context.run for row in rule.rows}),
            clusters=len(holds),
            distinct=len({row.passed for row in rule.rows}),
            agree=rule.agree,
            held_out=judgement.held_out,
            bound=judgement.bound,
            rules=rules,
            null=null,
            chance=chance,
            correct=correct,
        ),
        needs_clusters=judgement.needs_clusters,
        saving=Saving("arguments", 1000 * rule.agree.k / runs),
    )


def _against_chance(judgement: Judgement, rule: Rule, null: float | None) -> Judgement:
    if len({row.passed for row in rule.rows}) == 1:
        reason = "it never varies: one value in all calls, which any rule that gives it would match"
        return replace(judgement, verdict="rejected", reason=reason, needs_clusters=None)
    if null is None or null <= NULL_SHARE * rule.agree.share or judgement.verdict == "rejected":
        return judgement
    reason = f"the source of another cluster gives the same value in {null:.0%}; {judgement.reason}"
    return replace(judgement, verdict="rejected", reason=reason, needs_clusters=None)
