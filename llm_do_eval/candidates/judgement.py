"""Clusters that hold or do not in, a verdict out, with the bound it rests on and what is missing.

A claim is "the pattern holds for at least `floor` of all clusters". It is shown by the one-sided
Clopper-Pearson bound on clusters that did not find the pattern, at `ALPHA` divided by the number of rules
judged (Bonferroni), and refuted by the upper bound over all clusters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from llm_do_eval.candidates.fold import VERIFY_SHARE
from llm_do_eval.ratio import Ratio
from llm_do_eval.stats.bounds import lower_bound, samples_needed, upper_bound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_do_eval.candidates.candidate import Verdict

ALPHA: Final = 0.05
FLOOR: Final = 0.95
SAFE_FLOOR: Final = 0.99
MIN_CLUSTERS: Final = 20
CHANCE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason; `needs_clusters` is 0 for a candidate and None where data cannot help."""

    verdict: Verdict
    reason: str
    bound: float
    held_out: Ratio | None
    needs_clusters: int | None


def judge(
    clusters: Mapping[str, bool],
    *,
    rules: int,
    held_out: Mapping[str, bool] | None = None,
    floor: float = FLOOR,
) -> Judgement:
    """Judge a pattern by the clusters for which it holds; `held_out` None: nothing was found on any."""
    seen, tested = _count(clusters), _count(clusters if held_out is None else held_out)
    alpha = ALPHA / max(1, rules)
    bound = lower_bound(tested.k, tested.n, alpha)
    shown = None if held_out is None else tested
    if upper_bound(seen.k, seen.n, ALPHA) < floor:
        return Judgement("rejected", f"holds in only {_clusters(seen)}", bound, shown, None)
    missing = samples_needed(tested.n - tested.k, floor, alpha) - tested.n
    share = 1.0 if held_out is None else VERIFY_SHARE
    needs = max(math.ceil(missing / share - 1e-9), MIN_CLUSTERS - seen.n, 0)
    words = f"holds in {_clusters(seen)}; {_shown(tested, bound, of_all=held_out is None)}"
    if needs == 0:
        return Judgement("candidate", words, bound, shown, 0)
    wanted = f"{floor:.2f} is wanted, which {needs} more clusters without a miss would show"
    return Judgement("needs-data", f"{words}; {wanted}", bound, shown, needs)


def _count(clusters: Mapping[str, bool]) -> Ratio:
    return Ratio(sum(clusters.values()), len(clusters))


def _clusters(count: Ratio) -> str:
    return f"{count} cluster{'s' * (count.n != 1)}"


def _shown(tested: Ratio, bound: float, *, of_all: bool) -> str:
    which = "these" if of_all else f"the {tested.n} held out"
    return f"{which} show at least {math.floor(bound * 1000) / 1000:.3f}"
