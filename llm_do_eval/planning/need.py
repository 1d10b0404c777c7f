"""A claimed rate in; how many samples show it by each design, and what a given number shows, out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from llm_do_eval.plans import plan_for
from llm_do_eval.sampling.planning import design_of
from llm_do_eval.stats.bounds import lower_bound, samples_needed, upper_bound
from llm_do_eval.stats.fixed import critical, fixed_size, power, wald_bound
from llm_do_eval.stats.guard import catching, refuting
from llm_do_eval.stats.operating import operating
from llm_do_eval.stats.optimal import default_cap
from llm_do_eval.stats.peak import peak

if TYPE_CHECKING:
    from pathlib import Path

    from llm_do_eval.claim import Claim
    from llm_do_eval.stats.plan import Design, Plan

SCHEMA: Final = "llm-do-eval/claim-plan/v1"

LARGEST_CAP: Final = 3000
"""No plan of more samples is solved: that takes minutes."""

_FAILURES: Final = 3
_POWERS: Final = (0.8, 0.95)
_RULES: Final = 5
_BAD: Final = (2, 3, 4)


class Fixed(NamedTuple):
    """A test of `n` samples that PASSes from `k` passes on, at the target as often as `power` at least."""

    power: float
    n: int
    k: int


class Early(NamedTuple):
    """A plan that stops early: its samples at most, until it can PASS or FAIL, and on average.

    `peak` is the highest average, at the true rate `peak_rate`; no test with these errors has averages below
    `wald_at_target` and `wald_at_min_pass_rate`.
    """

    cap: int
    first_pass: int
    first_fail: int
    at_target: float
    at_min_pass_rate: float
    peak: float
    peak_rate: float
    wald_at_target: float
    wald_at_min_pass_rate: float


class Rule(NamedTuple):
    """What asking for `k` passes means: true rates at which so many are reached, or missed, by mistake.

    A worker of the rate `reached_by` still reaches `k` with the probability of error, one of the rate
    `missed_by` still misses it.
    """

    k: int
    reached_by: float
    missed_by: float


class Caught(NamedTuple):
    """How often a guard fails when the true rate is `rate`."""

    rate: float
    probability: float


@dataclass(frozen=True, slots=True)
class Shown:
    """What `samples` show: PASS from `pass_from` passes on (None: never), FAIL up to `fail_up_to`."""

    samples: int
    refusal: str | None
    pass_from: int | None
    power: float
    fail_up_to: int
    rules: tuple[Rule, ...]
    guard: tuple[Caught, ...]


@dataclass(frozen=True, slots=True)
class Need:
    """What showing a rate takes; `all_passing` are the least samples with no failure, one and so on.

    `early` is None where a plan would be larger than `LARGEST_CAP`.
    """

    claim: Claim
    target: float
    all_passing: tuple[int, ...]
    fixed: tuple[Fixed, ...]
    early: Early | None
    shown: Shown

    def to_json(self) -> dict[str, Any]:
        """Write it as one JSON object."""
        return {
            "schema": SCHEMA,
            "min_pass_rate": self.claim.min_pass_rate,
            "target": self.target,
            "confidence": self.claim.confidence,
            "all_passing": list(self.all_passing),
            "fixed": [each._asdict() for each in self.fixed],
            "early": None if self.early is None else self.early._asdict(),
            "shown": asdict(self.shown)
            | {
                "rules": [each._asdict() for each in self.shown.rules],
                "guard": [each._asdict() for each in self.shown.guard],
            },
        }


def need(claim: Claim, samples: int, *, cache: Path | None) -> Need:
    """Compute what showing a claim with a rate takes; a plan that is solved is kept in the folder `cache`.

    Raises:
        ValueError: the claim's rates are too close to 1, or its confidence too low, for a design.
    """
    design = design_of(claim)
    return Need(
        claim=claim,
        target=design.p_hi,
        all_passing=tuple(samples_needed(each, design.p_lo, design.beta) for each in range(_FAILURES)),
        fixed=tuple(
            Fixed(share, *fixed_size(design.p_lo, design.p_hi, 1 - share, design.beta)) for share in _POWERS
        ),
        early=early(design, plan_for(design, cache=cache)) if default_cap(design) <= LARGEST_CAP else None,
        shown=shown(claim, samples),
    )


def early(design: Design, plan: Plan) -> Early:
    """Sum up a plan, and the bound for its design."""
    highest, bound = peak(plan), wald_bound(design)
    return Early(
        cap=plan.cap,
        first_pass=next(n for n, k in enumerate(plan.pass_at) if 0 < k <= n),
        first_fail=next(n for n, k in enumerate(plan.fail_at) if k >= 0),
        at_target=operating(plan, design.p_hi).expected,
        at_min_pass_rate=operating(plan, design.p_lo).expected,
        peak=highest.expected,
        peak_rate=highest.rate,
        wald_at_target=bound.at_hi,
        wald_at_min_pass_rate=bound.at_lo,
    )


def shown(claim: Claim, samples: int) -> Shown:
    """Say what a fixed number of samples shows of a claim with a rate."""
    design = design_of(claim)
    rate, alpha = design.p_lo, claim.alpha
    k = critical(samples, rate, alpha)
    bad = (max(0.0, round(1 - times * (1 - rate), 12)) for times in _BAD)
    return Shown(
        samples=samples,
        refusal=None if claim.provable(samples) else claim.too_few(samples),
        pass_from=k if k <= samples else None,
        power=power(samples, rate, design.p_hi, alpha),
        fail_up_to=refuting(samples, rate, alpha),
        rules=rules(samples, alpha),
        guard=tuple(
            Caught(each, catching(samples, rate, each, alpha))
            for each in (design.p_hi, rate, *dict.fromkeys(bad))
        ),
    )


def rules(samples: int, alpha: float) -> tuple[Rule, ...]:
    """Say what asking for all `samples` passes means, for one less, and so on."""
    return tuple(
        Rule(k, lower_bound(k, samples, alpha), upper_bound(k - 1, samples, alpha))
        for k in range(samples, max(0, samples - _RULES), -1)
    )
