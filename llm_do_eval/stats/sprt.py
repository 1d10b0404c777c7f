"""A design in, Wald's sequential probability ratio test out: its lines, and a truncated one, tuned."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from llm_do_eval.stats.pool import Pool

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from llm_do_eval.stats.plan import Design, Plan

    Floats = NDArray[np.float64]

_SLACK = 1e-12


class WaldLines(NamedTuple):
    """PASS from `slope * n + above` passes on, FAIL up to `slope * n - below`."""

    slope: float
    above: float
    below: float


def wald_lines(design: Design) -> WaldLines:
    """Give the lines of the likelihood ratios `(1-alpha)/beta` and `alpha/(1-beta)` (Wald 1945)."""
    rise, fall = math.log(design.p_hi / design.p_lo), math.log((1 - design.p_lo) / (1 - design.p_hi))
    return WaldLines(
        slope=fall / (rise + fall),
        above=math.log((1 - design.alpha) / design.beta) / (rise + fall),
        below=math.log((1 - design.beta) / design.alpha) / (rise + fall),
    )


def tuned(design: Design, *, cap: int) -> Plan | None:
    """Give the best truncated test found between parallel lines, by its exact errors; None if none is found.

    Wald's lines mostly err less than they may, so closer ones are tried, each with several counts from which
    the last sample PASSes. It is here to compare with: `optimal` finds tests that take fewer samples.
    """
    lines = wald_lines(design)
    closer = np.linspace(0.4, 1.1, 57)
    last = np.linspace(-lines.below, lines.above, 9) / 2
    grid = np.meshgrid(lines.above * closer, lines.below * closer, last, indexing="ij")
    choice = _between(lines.slope, *(axis.ravel() for axis in grid), cap=cap).best(design)
    return None if choice is None else choice.plan


def _between(slope: float, above: Floats, below: Floats, last: Floats, *, cap: int) -> Pool:
    n = np.arange(cap + 1)[:, None]
    pass_at = np.minimum(np.ceil(slope * n + above - _SLACK), n + 1)
    fail_at = np.maximum(np.floor(slope * n - below + _SLACK), -1)
    pass_at[cap] = np.clip(np.ceil(slope * cap + last - _SLACK), 0, cap + 1)
    fail_at[cap] = pass_at[cap] - 1
    return Pool(pass_at.astype(np.int32), fail_at.astype(np.int32))
