"""What samples measured under one name in, the verdict about its quantile and how the values spread out."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from llm_do_eval.plural import counted
from llm_do_eval.ratio import percent
from llm_do_eval.stats.bounds import min_samples, samples_needed
from llm_do_eval.stats.quantile import lower_limit, observed, upper_limit
from llm_do_eval.verdict import judge_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_do_eval.claim import Claim
    from llm_do_eval.number import Number
    from llm_do_eval.verdict import Looks, Verdict


@dataclass(frozen=True, slots=True)
class Spread:
    """The numbers of one name, one for each sample that counts, in launch order; None for one without."""

    of: Number
    numbers: tuple[Number | None, ...]
    looks: Looks = "once"
    """A plan looks at the samples of its test one by one: bounds for a single look do not hold then."""

    @property
    def values(self) -> list[float | None]:
        """The values; None where a sample had no finite number, or ended before it came to one."""
        return [each and each.value for each in self.numbers]

    @property
    def kept(self) -> int:
        """How many samples kept to the limit."""
        return sum(each is not None and each.holds for each in self.numbers)

    @property
    def missed(self) -> int:
        """How many samples ended before they came to it."""
        return sum(each is None for each in self.numbers)

    @property
    def limit(self) -> float | None:
        """The limit; None where it was not the same in each sample."""
        limits = {each.limit for each in self.numbers if each is not None}
        return self.of.limit if limits <= {self.of.limit} else None

    def to_json(self, alpha: float) -> dict[str, Any]:
        """Write the values as part of an entry of the session's JSON.

        `quantile` in `values` is the one observed, `bound` the limit that it is shown to keep to.
        """
        finite, quantiled = self._finite, self.of.quantile is not None and bool(self.numbers)
        once = quantiled and self.looks == "once"
        bound = upper_limit(self._excesses, self._level, alpha) if once else None
        return {
            "side": self.of.side,
            "limit": self.limit,
            "quantile": self.of.quantile,
            "values": {
                "each": self.values,
                "min": finite[0] if finite else None,
                "median": observed(finite, 0.5) if finite else None,
                "max": finite[-1] if finite else None,
                "quantile": self._at(observed(self._excesses, self._level)) if quantiled else None,
                "bound": self._at(bound),
            },
        }

    def judge(self, claim: Claim) -> Verdict:
        """Judge the claim that the quantile keeps to the limit, by the share of samples that do.

        A sample that ended before it came to a number counts as one beyond the limit.
        """
        share = replace(claim, min_pass_rate=self._level, target=None)
        verdict = judge_rate(share, self.kept, len(self.numbers), looks=self.looks)
        if not self.numbers:
            return verdict
        told = self._shown(share, verdict)
        return replace(verdict, sentence=f"{self._counted()}; {told}{self.told()}")

    def told(self) -> str:
        """Say the median and the range of the values; empty where there are none."""
        finite = self._finite
        if not finite:
            return ""
        return f"; median {_short(observed(finite, 0.5))} ({_short(finite[0])} to {_short(finite[-1])})"

    @property
    def _level(self) -> float:
        assert self.of.required is not None, "only a quantile is judged by a share of its own"
        return self.of.required

    @property
    def _finite(self) -> list[float]:
        return sorted(value for value in self.values if value is not None)

    @property
    def _excesses(self) -> list[float]:
        return [math.inf if each is None else each.excess for each in self.numbers]

    def _counted(self) -> str:
        early = f" ({counted(self.missed, 'sample')} never came to it)" if self.missed else ""
        return f"{self.kept}/{len(self.numbers)} {self._within}{early}"

    @property
    def _within(self) -> str:
        return f"{self.of.side} {'their limits' if self.limit is None else f'{self.limit:g}'}"

    def _shown(self, claim: Claim, verdict: Verdict) -> str:
        excesses, refuted = self._excesses, verdict.word == "FAIL"
        if verdict.lower < self._level - _SLACK and not refuted:
            if verdict.word == "PASS":
                return f"{self._name} {self._within} is not refuted, and a guard asks no more"
            return f"not settled: {self._needed(claim)}"
        find = lower_limit if refuted else upper_limit
        bound = self._at(find(excesses, self._level, claim.alpha)) if self.looks == "once" else None
        told = "" if bound is None or self.limit is None else f"bound {_short(bound)}, "
        shown = f"{self._name} {'not ' if refuted else ''}{self._within}"
        return f"shown: {shown} ({told}{percent(claim.confidence)} confidence)"

    def _needed(self, claim: Claim) -> str:
        n, least = len(self.numbers), min_samples(self._level, claim.alpha)
        if n < least:
            return f"{n} samples can never show {self._name}; it needs >= {least} (all {self._within})"
        more = samples_needed(n - self.kept, self._level, claim.alpha) - n
        return f"at least {more} more samples, all {self._within}, would show {self._name}"

    @property
    def _name(self) -> str:
        assert self.of.quantile is not None, "only a quantile is claimed"
        return f"p{100 * self.of.quantile:g}"

    def _at(self, excess: float | None) -> float | None:
        """Turn an excess back into a value; None where it is none."""
        if excess is None or math.isinf(excess):
            return None
        return excess if self.of.side == "at most" else -excess


def spreads(samples: Sequence[dict[str, Number]], looks: Looks = "once") -> list[Spread]:
    """Gather the numbers of samples by name, in the order in which names were first met.

    Where samples claim different quantiles under one name, the one that is hardest to show counts.
    """
    names = dict.fromkeys(name for each in samples for name in each)
    found: list[Spread] = []
    for name in names:
        numbers = tuple(each.get(name) for each in samples)
        met = [each for each in numbers if each is not None]
        found.append(Spread(max(met, key=lambda each: each.required or 0.0), numbers, looks))
    return found


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) < _LARGE else f"{value:g}"


_LARGE = 1000
_SLACK = 1e-12
