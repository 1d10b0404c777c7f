"""A claim, a number of samples and where their answers come from in; the plan by which to stop early out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from llm_do.errors import FormatError, UsageError
from llm_do_eval.stats.curtailed import curtailed
from llm_do_eval.stats.plan import Design, Plan, default_target

if TYPE_CHECKING:
    from pathlib import Path

    from llm_do_eval.claim import Claim

Stop = Literal["sequential", "fixed"]


def plan_of(
    claim: Claim, stop: Stop | None, samples: int, *, live: bool, recorded: Any = None, cache: Path | None
) -> Plan | None:
    """Choose how to stop; None where all samples are looked at.

    A plan stops before `samples` are run as soon as they settle the claim. Where the claim's design fits into
    `samples`, it is the plan that needs the fewest; else the fixed number with its own verdict, cut short
    where no further sample can change it.

    Args:
        claim: what has to be shown.
        stop: what the test asks for; None: early where a rate is claimed and requests are `live`.
        samples: the most samples to run.
        live: whether providers are asked; a recording has ended already.
        recorded: the plan that the recording was made by, as its first line holds it; it is kept.
        cache: the folder in which solved plans are kept.

    Raises:
        FormatError: the recorded plan is none.
        UsageError: the recording was made by a plan for another claim.
    """
    if recorded is not None:
        return _recorded(claim, stop, recorded)
    wanted = stop or ("sequential" if live else "fixed")
    if wanted == "fixed" or claim.min_pass_rate is None or not claim.provable(samples):
        return None
    if claim.mode == "guard":
        return None
    return _best(design_of(claim), samples, cache) or curtailed(design_of(claim), samples)


def design_of(claim: Claim) -> Design:
    """Give what a plan for a claim with a rate has to tell apart."""
    assert claim.min_pass_rate is not None, "without a rate there is nothing to plan"
    target = claim.target or default_target(claim.min_pass_rate)
    return Design(claim.min_pass_rate, target, alpha=claim.alpha, beta=claim.alpha)


def _best(design: Design, samples: int, cache: Path | None) -> Plan | None:
    from llm_do_eval.plans import plan_for

    plan = plan_for(design, cache=cache)
    if plan.cap <= samples:
        return plan
    try:
        return plan_for(design, cap=samples, cache=cache)
    except ValueError:
        return None


def _recorded(claim: Claim, stop: Stop | None, recorded: Any) -> Plan:
    try:
        plan = Plan.from_json(json.dumps(recorded))
    except ValueError as error:
        raise FormatError(f"the plan in the first line of the cassette cannot be read: {error}") from error
    if stop == "fixed" or claim.min_pass_rate is None or plan.design != design_of(claim):
        design = plan.design
        raise UsageError(
            f"the samples were recorded until they settled a rate of {design.p_lo:g} (target "
            f"{design.p_hi:g}), so they cannot be judged by another claim: record anew with "
            f"--llm-record=rewrite"
        )
    return plan
