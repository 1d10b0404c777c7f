"""What a claim needs in, the lines of `llm-do-eval plan` out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm_do_eval.planning.need import LARGEST_CAP
from llm_do_eval.plural import counted
from llm_do_eval.ratio import percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_do_eval.planning.need import Early, Need, Shown


def need_lines(found: Need) -> Iterator[str]:
    """Write it for a terminal."""
    claim, target = found.claim, f"{found.target:g}"
    none, one, two = found.all_passing
    yield f"claim: true pass rate >= {claim.min_pass_rate:g}, {percent(claim.confidence)} confidence"
    chosen = "" if claim.target else " (the default)"
    yield f"target: {target}, the rate of a worker that should PASS{chosen}"
    yield f"fewest samples: {none} if all pass, {one} with 1 failure, {two} with 2"
    for each in found.fixed:
        size, share = counted(each.n, "sample"), percent(each.power)
        yield f"fixed number: {size}, PASS from {each.k}: {share} power at {target}"
    yield from _early(found.early, found)
    yield from _shown(found.shown, found)


def _early(early: Early | None, found: Need) -> Iterator[str]:
    if early is None:
        yield f"stopping early: not computed, a plan would be of more than {LARGEST_CAP} samples"
        return
    target, rate = f"{found.target:g}", f"{found.claim.min_pass_rate:g}"
    yield (
        f"stopping early: {early.cap} samples at most, PASS from {early.first_pass} on, FAIL from "
        f"{early.first_fail} on"
    )
    yield (
        f"  on average {early.at_target:.1f} samples at {target}, {early.at_min_pass_rate:.1f} at {rate}, "
        f"{early.peak:.1f} at worst (at {early.peak_rate:.2g})"
    )
    yield (
        f"  no test with these errors needs fewer than {early.wald_at_target:.1f} at {target} and "
        f"{early.wald_at_min_pass_rate:.1f} at {rate} (Wald)"
    )


def _shown(shown: Shown, found: Need) -> Iterator[str]:
    rate, alpha = f"{found.claim.min_pass_rate:g}", percent(found.claim.alpha)
    if shown.refusal is not None:
        yield shown.refusal
    else:
        passed = f"{percent(shown.power)} of the time at {found.target:g}"
        yield f"{counted(shown.samples, 'sample')}: PASS from {shown.pass_from}, {passed}"
    for each in shown.rules:
        yield (
            f"  {each.k} of {shown.samples}: a true rate of {each.reached_by:.3f} gets there {alpha} of the "
            f"time, one of {each.missed_by:.3f} misses it {alpha}"
        )
    caught = ", ".join(f"{percent(each.probability)} at {each.rate:g}" for each in shown.guard)
    up_to = f"fails up to {shown.fail_up_to}" if shown.fail_up_to >= 0 else f"never refutes {rate}"
    yield f"  as a guard it {up_to}: {caught}"
