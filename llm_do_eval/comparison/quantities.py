"""What samples returned, cost and took on both sides in, rows that say whether it changed out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from llm_do_eval.comparison.contrast import seeded
from llm_do_eval.comparison.row import Row
from llm_do_eval.stats.categories import p_shares, total_variation
from llm_do_eval.stats.shift import p_mean, p_shift

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llm_do_eval.comparison.side import Observed

_OUTCOMES: Final = frozenset({"pass", "fail", "error"})
_MOST_LABELS: Final = 20


def quantity_rows(test: str, base: Observed, candidate: Observed) -> Iterator[Row]:
    """Compare labels, costs and latencies, where each sample of both sides has them."""
    yield from _label_row(test, base.labels, candidate.labels)
    yield from _cost_row(test, base.costs, candidate.costs)
    yield from _latency_rows(test, base.latencies, candidate.latencies)


def _label_row(test: str, base: Sequence[str], candidate: Sequence[str]) -> Iterator[Row]:
    labels = {*base, *candidate}
    if not base or not candidate or labels <= _OUTCOMES or len(labels) > _MOST_LABELS:
        return
    yield Row(
        test=test,
        what="labels",
        method="total_variation",
        difference=total_variation(base, candidate),
        p=p_shares(base, candidate, seeded(f"{test} labels")),
    )


def _cost_row(test: str, base: Sequence[float], candidate: Sequence[float]) -> Iterator[Row]:
    if base and candidate and any((*base, *candidate)):
        ours, theirs = float(np.mean(base)), float(np.mean(candidate))
        yield Row(
            test=test,
            what="cost_usd",
            method="permuted_mean",
            base=ours,
            candidate=theirs,
            difference=theirs - ours,
            p=p_mean(base, candidate, seeded(f"{test} cost_usd")),
        )


def _latency_rows(test: str, base: Sequence[float], candidate: Sequence[float]) -> Iterator[Row]:
    if not base or not candidate:
        return
    means = float(np.mean(base)), float(np.mean(candidate))
    middles = float(np.median(base)), float(np.median(candidate))
    yield Row(
        test=test,
        what="latency_s",
        method="permuted_mean",
        base=means[0],
        candidate=means[1],
        difference=means[1] - means[0],
        p=p_mean(base, candidate, seeded(f"{test} latency_s")),
    )
    yield Row(
        test=test,
        what="latency_shift",
        method="mann_whitney",
        base=middles[0],
        candidate=middles[1],
        difference=middles[1] - middles[0],
        p=p_shift(base, candidate),
    )
