"""A claim, its number of samples and where they would come from in; design, samples and power out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from llm_do_eval.ratio import percent
from llm_do_eval.sampling.planning import design_of, plan_of

if TYPE_CHECKING:
    from pathlib import Path

    from llm_do_eval.claim import Claim
    from llm_do_eval.sampling.planning import Stop
    from llm_do_eval.stats.plan import Plan

Kind = Literal["every", "fixed", "curtailed", "sequential", "guard"]
"""Which design: every sample has to pass, a fixed number with a rate, the same ended once it is certain, a
plan that stops early, or a guard."""

Event = Literal["passes", "misses", "catches"]

FAILURE_MODE: Final = 0.05
"""How often the failure occurs of which it is told how often a test of every sample misses it."""


class Samples(NamedTuple):
    """How many samples are looked at: on average at the target and at the claimed rate, and at most."""

    at_target: float
    at_min_pass_rate: float
    most: int


class Power(NamedTuple):
    """How often a test PASSes, misses a failure, or catches a bad worker, when its true rate is `rate`."""

    event: Event
    rate: float
    probability: float

    def __str__(self) -> str:
        share = percent(self.probability)
        match self.event:
            case "passes":
                return f"{share} PASS at {self.rate:g}"
            case "misses":
                return f"misses a {percent(1 - self.rate)} failure in {share}"
            case "catches":
                return f"catches {self.rate:g} in {share}"


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of a sampled test before it runs; `plan` is None where all `samples.most` are looked at.

    `refusal` says why no outcome can show the claim, and `needed` is the number of samples that can; both are
    None where some outcome does.
    """

    kind: Kind
    claim: Claim
    samples: Samples
    power: Power
    plan: Plan | None = None
    refusal: str | None = None
    needed: int | None = None

    @property
    def design(self) -> str:
        """The design in words."""
        rate, most = self.claim.min_pass_rate, self.samples.most
        match self.kind:
            case "every":
                return f"fixed {most}, every sample must pass"
            case "fixed":
                return f"fixed {most}, rate >= {rate:g}"
            case "curtailed":
                return f"fixed {most}, rate >= {rate:g}, ends when certain"
            case "sequential":
                return f"plan {rate:g}/{self.power.rate:g} up to {most}"
            case "guard":
                return f"guard {most}, rate >= {rate:g}"

    def to_json(self) -> dict[str, Any]:
        """Write it as part of an entry of the plan's JSON."""
        claim = self.claim
        return {
            "design": self.kind,
            "min_pass_rate": claim.min_pass_rate,
            "target": None if claim.min_pass_rate is None else design_of(claim).p_hi,
            "mode": claim.mode,
            "confidence": claim.confidence,
            "samples": self.samples._asdict(),
            "power": self.power._asdict(),
            "refusal": self.refusal,
            "needed": self.needed,
        }


def outlook(claim: Claim, stop: Stop | None, samples: int, *, live: bool, cache: Path | None) -> Outlook:
    """Look at a sampled test as it would run; the arguments are those of `plan_of`."""
    if claim.min_pass_rate is None:
        missed = Power("misses", 1 - FAILURE_MODE, (1 - FAILURE_MODE) ** samples)
        return Outlook("every", claim, _all(samples), missed)
    if claim.mode == "guard":
        return Outlook("guard", claim, _all(samples), _guarded(claim, samples))
    plan = plan_of(claim, stop, samples, live=live, cache=cache)
    if plan is None:
        return _fixed(claim, samples)
    return _planned(claim, plan, samples)


def _all(samples: int) -> Samples:
    return Samples(samples, samples, samples)


def _guarded(claim: Claim, samples: int) -> Power:
    """Tell how often a worker is caught that fails twice as often as the rate allows."""
    from llm_do_eval.stats.guard import catching

    rate = _rate(claim)
    bad = max(0.0, round(2 * rate - 1, 12))
    return Power("catches", bad, catching(samples, rate, bad, claim.alpha))


def _fixed(claim: Claim, samples: int) -> Outlook:
    from llm_do_eval.stats.bounds import min_samples
    from llm_do_eval.stats.fixed import power

    rate, target = _rate(claim), design_of(claim).p_hi
    passes = Power("passes", target, power(samples, rate, target, claim.alpha))
    if claim.provable(samples):
        return Outlook("fixed", claim, _all(samples), passes)
    refusal, needed = claim.too_few(samples), min_samples(rate, claim.alpha)
    return Outlook("fixed", claim, _all(samples), passes, refusal=refusal, needed=needed)


def _planned(claim: Claim, plan: Plan, samples: int) -> Outlook:
    from llm_do_eval.stats.curtailed import curtailed
    from llm_do_eval.stats.operating import operating

    design = plan.design
    good, bad = operating(plan, design.p_hi), operating(plan, design.p_lo)
    ended = plan.cap == samples and plan == curtailed(design, samples)
    looked_at = Samples(good.expected, bad.expected, plan.cap)
    kind: Kind = "curtailed" if ended else "sequential"
    return Outlook(kind, claim, looked_at, Power("passes", design.p_hi, good.pass_), plan)


def _rate(claim: Claim) -> float:
    assert claim.min_pass_rate is not None, "without a rate there is nothing to plan"
    return claim.min_pass_rate
