"""Worker outputs in, constants out: workers that give one answer whatever they are asked."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from llm_do_eval.candidates.candidate import Candidate, Evidence, Saving
from llm_do_eval.candidates.fold import held_out, mining
from llm_do_eval.candidates.judgement import ALPHA, FLOOR, MIN_CLUSTERS, Judgement, judge
from llm_do_eval.ratio import Ratio
from llm_do_eval.stats.bounds import upper_bound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_do_eval.tables.outputs import OutputSite

# a worker that gives another answer every other time is no rule that had a chance
_PROMISING: Final = 0.5


def find(sites: Mapping[str, OutputSite], runs: int, min_correct: float) -> list[Candidate]:
    """Judge the modal output of every worker; `runs` is how many runs there were in all."""
    rules = sum(site.counts[_constant(site)] >= _PROMISING * site.counts.total() for site in sites.values())
    return [_candidate(name, site, max(1, rules), runs, min_correct) for name, site in sorted(sites.items())]


def _candidate(name: str, site: OutputSite, rules: int, runs: int, min_correct: float) -> Candidate:
    constant = _constant(site)
    holds = {cluster: set(outputs) == {constant} for cluster, outputs in site.clusters.items()}
    judgement = judge(holds, rules=rules, held_out=held_out(holds))
    correct = site.correct({constant})
    agree = Ratio(site.counts[constant], site.counts.total())
    judgement = _with_inputs(_with_repeats(judgement, agree), site)
    judgement = _with_correctness(judgement, correct, len(holds), min_correct)
    return Candidate(
        id=f"constant_output:{name}",
        kind="constant_output",
        site=name,
        verdict=judgement.verdict,
        reason=f"answers {site.texts.get(constant, 'the same')} in {agree} calls: {judgement.reason}",
        evidence=Evidence(
            calls=agree.n,
            runs=site.runs,
            clusters=len(holds),
            distinct=len(site.counts),
            agree=agree,
            held_out=judgement.held_out,
            bound=judgement.bound,
            rules=rules,
            correct=correct,
            self_agreement=site.agreement(),
        ),
        needs_clusters=judgement.needs_clusters,
        saving=_saving(site, agree.k, runs),
    )


def _constant(site: OutputSite) -> bytes:
    votes = Counter(output for outputs in mining(site.clusters).values() for output in outputs)
    return min(votes, key=lambda output: (-votes[output], -site.counts[output], output))


def _with_repeats(judgement: Judgement, agree: Ratio) -> Judgement:
    """Refute by calls what too few clusters cannot: for the inputs seen, the pooled bound is conservative."""
    if judgement.verdict == "rejected" or upper_bound(agree.k, agree.n, ALPHA) >= FLOOR:
        return judgement
    return replace(
        judgement, verdict="rejected", reason="the answers to the inputs seen differ", needs_clusters=None
    )


def _with_inputs(judgement: Judgement, site: OutputSite) -> Judgement:
    if judgement.verdict == "rejected" or len(site.inputs) > 1:
        return judgement
    return replace(judgement, verdict="needs-data", reason=f"only one input was seen; {judgement.reason}")


def _with_correctness(
    judgement: Judgement, correct: Ratio | None, clusters: int, min_correct: float
) -> Judgement:
    """Consistent and wrong is worse than inconsistent: code would make the error permanent."""
    if judgement.verdict == "rejected" or correct is None or correct.share >= min_correct:
        return judgement
    words = f"right in only {correct} runs with a known outcome; {judgement.reason}"
    if clusters < MIN_CLUSTERS:
        return replace(judgement, reason=words)
    return replace(judgement, verdict="harmful", reason=words, needs_clusters=None)


def _saving(site: OutputSite, calls: int, runs: int) -> Saving:
    saved = 1000 * calls / runs
    return Saving(
        unit="worker calls",
        per_1000_runs=saved,
        cost_usd=saved * site.cost_nanousd / site.priced / 1e9 if site.priced else None,
        latency_s=saved * site.latency_us / site.timed / 1e6 if site.timed else None,
    )
