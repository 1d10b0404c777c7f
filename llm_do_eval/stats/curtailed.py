"""A design and a fixed number of samples in, the plan with the verdicts of that number, told early, out."""

from __future__ import annotations

from llm_do_eval.stats.bounds import lower_bound
from llm_do_eval.stats.guard import refuting
from llm_do_eval.stats.plan import Design, Plan

_SLACK = 1e-12


def curtailed(design: Design, samples: int) -> Plan:
    """Give the plan that says what all `samples` would say, as soon as no further sample can change it.

    It passes where the lower bound of all samples reaches `p_lo`, at a level of `beta`; it fails where the
    upper bound does not exceed `p_lo`, at a level of `alpha`. Counts between are left undecided at the end.

    Raises:
        ValueError: not even `samples` passes of as many show `p_lo`.
    """
    enough = _least_passing(design, samples)
    if enough > samples:
        raise ValueError(f"{samples} samples can never show {design.p_lo:g}")
    too_few = refuting(samples, design.p_lo, design.alpha)
    sizes = range(samples + 1)
    return Plan(
        design,
        pass_at=tuple(enough if n >= enough else n + 1 for n in sizes),
        fail_at=tuple(max(-1, too_few - (samples - n)) for n in sizes),
    )


def _least_passing(design: Design, samples: int) -> int:
    shown = (k for k in range(samples + 1) if lower_bound(k, samples, design.beta) >= design.p_lo - _SLACK)
    return next(shown, samples + 1)
