"""Passes of two sides, input by input, in; how far they differ and how often chance alone does it out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np

from llm_do_eval.comparable import fingerprint
from llm_do_eval.ratio import Ratio
from llm_do_eval.stats.noninferiority import largest_drop, p_not_inferior
from llm_do_eval.stats.paired import p_mcnemar, p_sign_flip, p_within
from llm_do_eval.stats.twosample import p_worse, power

if TYPE_CHECKING:
    from collections.abc import Sequence

Method = Literal[
    "barnard",
    "boschloo",
    "mcnemar",
    "sign_flip",
    "within_inputs",
    "total_variation",
    "mann_whitney",
    "permuted_mean",
]

LEAST_INPUTS: Final = 10
"""From so many inputs on, inputs are the unit: with fewer, changes of their signs can show too little."""

_LARGEST: Final = 1000


class Arms(NamedTuple):
    """The passes of both sides on one input."""

    base: Ratio
    candidate: Ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """Two sides, compared: `difference` is that of the rates, the candidate's less the base's.

    Over several inputs it is the mean of their differences, and `base` and `candidate` are sums.
    `balanced` says that both sides share out their samples over the inputs alike.
    """

    method: Method
    inputs: int
    base: Ratio
    candidate: Ratio
    difference: float
    p_worse: float
    p_better: float
    balanced: bool

    def largest_drop(self, alpha: float) -> float | None:
        """Give the drop that the samples do not exclude, or None where inputs are mixed differently.

        Over several inputs it takes the samples as independent, which is cautious where inputs differ.
        """
        return _largest_drop(self.base, self.candidate, alpha) if self.balanced else None

    def p_not_inferior(self, margin: float) -> float | None:
        """Give the p-value of "worse by `margin` or more", or None where inputs are mixed differently."""
        return p_not_inferior(self.base, self.candidate, margin) if self.balanced else None

    @property
    def plausible_rate(self) -> float:
        """A rate that the base may have: `(k + 1) / (n + 2)`, as 20 of 20 are no sign of a rate of 1."""
        return (self.base.k + 1) / (self.base.n + 2)

    def power(self, drop: float, alpha: float) -> float | None:
        """Give how often such samples show a drop from the plausible rate; None where that is not known."""
        rate = self.plausible_rate
        if self.inputs > 1 or self.base.n + self.candidate.n > _LARGEST or rate <= drop:
            return None
        return power(rate, rate - drop, self.base.n, self.candidate.n, alpha)


def contrast(arms: Sequence[Arms], name: str) -> Contrast:
    """Compare two sides on one or more inputs; `name` seeds what is drawn, so that it can be repeated.

    Which test it is depends on numbers of inputs and samples alone.
    """
    base, candidate = _total([each.base for each in arms]), _total([each.candidate for each in arms])
    method = _method(arms)
    swapped = [Arms(each.candidate, each.base) for each in arms]
    return Contrast(
        method=method,
        inputs=len(arms),
        base=base,
        candidate=candidate,
        difference=float(np.mean([each.candidate.share - each.base.share for each in arms])),
        p_worse=_p(method, arms, name),
        p_better=_p(method, swapped, name),
        balanced=all(each.candidate.n * base.n == candidate.n * each.base.n for each in arms),
    )


def seeded(name: str) -> np.random.Generator:
    """Make the random numbers that belong to a name."""
    return np.random.default_rng(int.from_bytes(fingerprint(name), "big"))


def _method(arms: Sequence[Arms]) -> Method:
    if len(arms) == 1:
        return "barnard" if arms[0].base.n == arms[0].candidate.n else "boschloo"
    if all(each.base.n == each.candidate.n == 1 for each in arms):
        return "mcnemar"
    equal = all(each.base.n == each.candidate.n for each in arms)
    return "sign_flip" if equal and len(arms) >= LEAST_INPUTS else "within_inputs"


def _p(method: Method, arms: Sequence[Arms], name: str) -> float:
    drops = [each.base.share - each.candidate.share for each in arms]
    match method:
        case "mcnemar":
            return p_mcnemar(sum(drop > 0 for drop in drops), sum(drop < 0 for drop in drops))
        case "sign_flip":
            return p_sign_flip(drops, seeded(name))
        case "within_inputs":
            return p_within([each.base for each in arms], [each.candidate for each in arms])
        case _:
            return _p_worse(*arms[0])


def _total(ratios: Sequence[Ratio]) -> Ratio:
    return Ratio(sum(each.k for each in ratios), sum(each.n for each in ratios))


# many tests have the same counts
_p_worse = lru_cache(maxsize=1024)(p_worse)
_largest_drop = lru_cache(maxsize=1024)(largest_drop)
