"""A plan and where it ended in, bounds on the true rate out that early stopping does not make too narrow.

Ends are ordered from worst to best: FAIL early, FAIL late, undecided, PASS late, PASS early, at equal `n` by
passes.
The lower bound is the rate at which an end at least as good as the one seen has probability `alpha`, the
upper one that for an end at least as bad (stage-wise ordering, Fairbanks & Madsen 1982). Since a higher rate
never makes an end worse, there is one such rate.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from llm_do_eval.stats.plan import Plan


class Bounds(NamedTuple):
    """The true rate lies above `lower` and below `upper`, each wrong as rarely as its level says."""

    lower: float
    upper: float


def bounds_after(plan: Plan, n: int, k: int, alpha: float | None = None) -> Bounds:
    """Give both one-sided bounds after a run of `plan` that ended at `k` of `n`.

    By default the lower bound has the level `beta` of the design and the upper one `alpha`; then every PASS
    shows at least `p_lo`, and every FAIL at most `p_hi`. A run that was cut before it was decided has the
    lower bound of the worst end that it could still have come to, and the upper one of the best: so they hold
    whatever cut it.

    Raises:
        ValueError: the plan never comes to `k` of `n`, or `alpha` is not between 0 and 1.
    """
    if alpha is not None and not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1, not {alpha}")
    paths = _paths(plan)
    if not 0 <= n < len(paths) or k not in paths[n]:
        raise ValueError(f"the plan never comes to {k} of {n}")
    ends = _ends(plan, paths)
    worst, best = (ends.index(_end(plan, paths, n, k, step)) for step in (0, 1))
    beta, alpha = (plan.design.beta, plan.design.alpha) if alpha is None else (alpha, alpha)
    return Bounds(
        # with every end as good, or as bad, there is nothing to exclude
        lower=_rate(ends[worst:], beta, "rising") if worst else 0.0,
        upper=_rate(ends[: best + 1], alpha, "falling") if best < len(ends) - 1 else 1.0,
    )


class _End(NamedTuple):
    n: int
    k: int
    paths: int


def _paths(plan: Plan) -> list[dict[int, int]]:
    """Count, for every `n`, the sequences of outcomes by which the plan comes to each number of passes."""
    counts = [{0: 1}]
    for n in range(plan.cap):
        after: dict[int, int] = {}
        for k, paths in counts[n].items():
            if plan.decide(n, k) is None:
                after[k] = after.get(k, 0) + paths
                after[k + 1] = after.get(k + 1, 0) + paths
        counts.append(after)
    return counts


def _ends(plan: Plan, paths: Sequence[dict[int, int]]) -> list[_End]:
    """List the ends of the plan from worst to best."""

    def _rank(end: _End) -> tuple[int, int, int]:
        match plan.decide(end.n, end.k):
            case "PASS":
                return 2, -end.n, end.k
            case "FAIL":
                return 0, end.n, end.k
            case None:
                return 1, end.n, end.k

    states = (_End(n, k, count) for n, counts in enumerate(paths) for k, count in counts.items())
    ended = (end for end in states if end.n == plan.cap or plan.decide(end.n, end.k) is not None)
    return sorted(ended, key=_rank)


def _end(plan: Plan, paths: Sequence[dict[int, int]], n: int, k: int, step: Literal[0, 1]) -> _End:
    """Go on from `k` of `n` with failures only (0) or passes only (1), until the plan stops."""
    while n < plan.cap and plan.decide(n, k) is None:
        n, k = n + 1, k + step
    return _End(n, k, paths[n][k])


def _rate(ends: Sequence[_End], level: float, trend: Literal["rising", "falling"]) -> float:
    """Give the rate at which these ends together have probability `level`, on its safe side."""
    share = _share(ends)
    low, high = 0.0, 1.0
    while low < (middle := (low + high) / 2) < high:
        if (share(middle) <= level) == (trend == "rising"):
            low = middle
        else:
            high = middle
    return low if trend == "rising" else high


def _share(ends: Sequence[_End]) -> Callable[[float], float]:
    paths = np.array([math.log(end.paths) for end in ends])
    passes, fails = np.array([end.k for end in ends]), np.array([end.n - end.k for end in ends])

    def _probability(p: float) -> float:
        return float(np.exp(paths + passes * math.log(p) + fails * math.log1p(-p)).sum())

    return _probability
