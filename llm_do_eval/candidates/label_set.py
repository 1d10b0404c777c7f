"""Worker outputs in, label sets out: workers whose answers come from a short list."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from llm_do_eval.candidates.candidate import Candidate, Evidence, Saving
from llm_do_eval.candidates.fold import VERIFY_SHARE, held_out, mining
from llm_do_eval.candidates.judgement import Judgement, judge
from llm_do_eval.ratio import Ratio

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_do_eval.tables.outputs import OutputSite

MAX_LABELS: Final = 20
CLUSTERS_PER_LABEL: Final = 5


def find(sites: Mapping[str, OutputSite], runs: int) -> list[Candidate]:
    """Judge the outputs of every worker as a closed set; `runs` is how many runs there were in all."""
    rules = sum(1 < len(site.counts) <= MAX_LABELS for site in sites.values())
    return [_candidate(name, site, max(1, rules), runs) for name, site in sorted(sites.items())]


def _candidate(name: str, site: OutputSite, rules: int, runs: int) -> Candidate:
    labels = {output for outputs in mining(site.clusters).values() for output in outputs}
    holds = {key: labels.issuperset(outputs) for key, outputs in held_out(site.clusters).items()}
    judgement = judge(_closed(site), rules=rules, held_out=holds)
    known = sum(times for output, times in site.counts.items() if output in labels)
    agree = Ratio(known, site.counts.total())
    judgement = _with_size(judgement, labels, site)
    return Candidate(
        id=f"label_set:{name}",
        kind="label_set",
        site=name,
        verdict=judgement.verdict,
        reason=judgement.reason,
        evidence=Evidence(
            calls=agree.n,
            runs=site.runs,
            clusters=len(site.clusters),
            distinct=len(site.counts),
            agree=agree,
            held_out=judgement.held_out,
            bound=judgement.bound,
            rules=rules,
            correct=site.correct(labels),
            self_agreement=site.agreement(),
        ),
        needs_clusters=judgement.needs_clusters,
        saving=Saving("checked outputs", 1000 * agree.k / runs),
    )


def _closed(site: OutputSite) -> dict[str, bool]:
    """Say for every cluster whether the others know all its labels: what a new cluster would find."""
    users = Counter(output for outputs in site.clusters.values() for output in outputs)
    return {key: all(users[output] > 1 for output in outputs) for key, outputs in site.clusters.items()}


def _with_size(judgement: Judgement, labels: set[bytes], site: OutputSite) -> Judgement:
    distinct = len(site.counts)
    if distinct == 1:
        return _rejected(judgement, "one output only, which is a constant and no choice")
    if distinct > MAX_LABELS:
        return _rejected(judgement, f"{distinct} distinct outputs are more than {MAX_LABELS}")
    if judgement.verdict == "rejected":
        return replace(
            judgement, reason=f"labels that no other cluster knows keep coming: {judgement.reason}"
        )
    names = ", ".join(sorted(site.texts.get(label, "…") for label in labels))
    shown = judgement.reason if len(site.clusters) > 1 else "only one cluster was seen"
    words = f"{len(labels)} labels ({names}): {shown}"
    fit = len(mining(site.clusters))
    if fit >= CLUSTERS_PER_LABEL * len(labels):
        return replace(judgement, reason=words)
    needs = math.ceil((CLUSTERS_PER_LABEL * len(labels) - fit) / (1 - VERIFY_SHARE))
    return replace(
        judgement,
        verdict="needs-data",
        reason=f"{words}; fewer than {CLUSTERS_PER_LABEL} clusters a label",
        needs_clusters=max(needs, judgement.needs_clusters or 0),
    )


def _rejected(judgement: Judgement, reason: str) -> Judgement:
    return replace(judgement, verdict="rejected", reason=reason, needs_clusters=None)
