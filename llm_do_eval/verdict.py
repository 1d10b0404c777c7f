"""A claim and counted samples in, one verdict with the sentence of what was shown out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from llm_do_eval import plural
from llm_do_eval.claim import infra_allowed
from llm_do_eval.ratio import percent
from llm_do_eval.stats.bounds import lower_bound, samples_needed, upper_bound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llm_do_eval.claim import Claim
    from llm_do_eval.invariant import Tally
    from llm_do_eval.stats.plan import Plan

Word = Literal["PASS", "FAIL", "INCONCLUSIVE", "VOID", "INCOMPLETE"]
"""INCOMPLETE: the samples were not all run, because the cassette does not hold them or does not fit."""

Looks = Literal["once", "often"]
"""Whether samples were added after a look at the verdict; bounds for one look do not hold then."""

_SLACK = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How the samples of a test ended; those that ended in `infra` have no outcome and are not judged."""

    passed: int = 0
    failed: int = 0
    errors: int = 0
    infra: int = 0

    @property
    def judged(self) -> int:
        """The samples that count."""
        return self.passed + self.failed + self.errors

    @property
    def total(self) -> int:
        """All samples."""
        return self.judged + self.infra


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`k` of `n` samples passed, so the true rate lies above `lower` and below `upper`, each one-sided."""

    word: Word
    k: int
    n: int
    lower: float
    upper: float
    sentence: str
    stopped: bool = False
    """Whether a plan stopped before its last sample; `k` of `n` are those that it looked at."""

    @property
    def holds(self) -> bool:
        """Whether the claim was shown, or not refuted where it is only guarded."""
        return self.word == "PASS"


class Path(NamedTuple):
    """A plan, and whether each sample that counts passed, in launch order."""

    plan: Plan
    passed: Sequence[bool]


def judge_infra(claim: Claim, counts: Counts, samples: int) -> Verdict | None:
    """Void a test of `samples` samples of which too many attempts ended in `infra`; None where it is not."""
    if counts.infra <= infra_allowed(claim.max_infra, samples):
        return None
    return _told(
        claim,
        counts.passed,
        counts.judged,
        "VOID",
        f"{counts.infra} attempts of {samples} samples ended in infrastructure errors, more than "
        f"max_infra={claim.max_infra:g} allows: nothing is shown",
    )


def judge_plan(claim: Claim, path: Path, *, counted: str = "samples passed") -> Verdict:
    """Judge samples up to where their plan stops; all of them if it ends undecided and others were added.

    What comes after the stop was launched ahead and is not looked at.
    """
    from llm_do_eval.stats.stagewise import bounds_after

    plan, passed = path.plan, path.passed[: path.plan.cap]
    if not passed:
        return _told(claim, 0, 0, "INCONCLUSIVE", "no sample was judged: nothing is shown")
    stop = plan.first_stop(passed)
    if stop is None and len(path.passed) > plan.cap:
        return judge_rate(claim, sum(path.passed), len(path.passed), counted=counted, looks="often")
    n, k = (stop.n, stop.k) if stop else (len(passed), sum(passed))
    bounds = bounds_after(plan, n, k)
    early = stop is not None and n < plan.cap
    verdict = Verdict(
        word=stop.word if stop else "INCONCLUSIVE",
        k=k,
        n=n,
        lower=bounds.lower,
        upper=bounds.upper,
        sentence="",
        stopped=early,
    )
    told = f"{k}/{n} {counted}; {_shown_by(claim, plan, verdict)}"
    return replace(verdict, sentence=f"{told}; stopped early, of at most {plan.cap}" if early else told)


def judge_rate(
    claim: Claim, k: int, n: int, *, counted: str = "samples passed", looks: Looks = "once"
) -> Verdict:
    """Judge `k` of `n` judged samples; `counted` is what the sentence says that these did."""
    if n == 0:
        return _told(claim, k, n, "INCONCLUSIVE", "no sample was judged: nothing is shown")
    if claim.min_pass_rate is None:
        return _every(claim, k, n, f"{k}/{n} {counted}")
    bounds = _told(claim, k, n, "INCONCLUSIVE", "")
    if looks == "often":
        bounds, counted = _at_any_time(claim, bounds), f"{counted} after more than one look"
    word = _word(claim, bounds)
    return replace(bounds, word=word, sentence=f"{k}/{n} {counted}; {_shown(claim, bounds, word)}")


def judge_invariant(
    claim: Claim, tally: Tally, path: Path | None = None, *, looks: Looks = "once"
) -> Verdict:
    """Judge an invariant by the rate of its test; of one that must hold, no sample may have broken it.

    Where a plan stopped the test, `path` has the plan and in which samples the invariant held. It is judged
    by the same plan: it holds at least as often as the whole test passes, so it has passed where that has.
    """
    counted = f"held ({plural.counted(tally.missed, 'sample')} never came to it)" if tally.missed else "held"
    if not tally.violated_in and path is not None:
        return judge_plan(claim, path, counted=counted)
    if not tally.violated_in:
        return judge_rate(claim, tally.k, tally.n, counted=counted, looks=looks)
    samples = ", ".join(map(str, tally.violated_in))
    text = f"{tally.k}/{tally.n} {counted}; it must always hold, and broke in sample {samples}"
    return _told(claim, tally.k, tally.n, "FAIL", text)


def combined(whole: Verdict, invariants: Mapping[str, Verdict], complaints: Sequence[str]) -> Verdict:
    """Combine the verdict by the rate of a whole test with all else that decides about it.

    Args:
        whole: the verdict by the rate.
        invariants: the verdicts of its invariants by their names; the worst decides.
        complaints: sentences about what is wrong with the test itself, which fail it.
    """
    counted = f"{whole.k}/{whole.n} samples passed"
    if complaints:
        return replace(whole, word="FAIL", sentence=f"{counted}; {'; '.join(complaints)}")
    for word in ("FAIL", "INCONCLUSIVE"):
        names = ", ".join(repr(name) for name, each in invariants.items() if each.word == word)
        if names and _WORST.index(whole.word) > _WORST.index(word):
            return replace(whole, word=word, sentence=f"{counted}; {word} by invariant {names}")
    return whole


_WORST: Final[tuple[Word, ...]] = ("FAIL", "VOID", "INCOMPLETE", "INCONCLUSIVE", "PASS")


def incomplete(claim: Claim, counts: Counts) -> Verdict:
    """Say of samples that could not all be run that nothing is shown by the others."""
    text = f"{plural.counted(counts.total, 'sample')} ended before the test was stopped: nothing is shown"
    return _told(claim, counts.passed, counts.judged, "INCOMPLETE", text)


def _word(claim: Claim, bounds: Verdict) -> Word:
    assert claim.min_pass_rate is not None, "a claim without a rate is judged sample by sample"
    if bounds.lower >= claim.min_pass_rate - _SLACK:
        return "PASS"
    if bounds.upper <= claim.min_pass_rate + _SLACK:
        return "FAIL"
    return "PASS" if claim.mode == "guard" else "INCONCLUSIVE"


def _shown(claim: Claim, bounds: Verdict, word: Word) -> str:
    assert claim.min_pass_rate is not None, "a claim without a rate is judged sample by sample"
    rate, confidence = f"{claim.min_pass_rate:g}", f"{percent(claim.confidence)} confidence"
    if word == "FAIL":
        return f"shown: true pass rate < {rate} (bound {percent(bounds.upper)}, {confidence})"
    if bounds.lower >= claim.min_pass_rate - _SLACK:
        return f"shown: true pass rate >= {rate} (bound {percent(bounds.lower)}, {confidence})"
    between = f"the true pass rate is {_between(claim, bounds)}"
    if word == "PASS":
        return f"{rate} is not refuted, and a guard asks no more: {between}"
    more = samples_needed(bounds.n - bounds.k, claim.min_pass_rate, claim.alpha) - bounds.n
    needed = plural.counted(more, "more sample")
    return f"not settled: {between}; at least {needed}, all passing, would show {rate}"


def _shown_by(claim: Claim, plan: Plan, verdict: Verdict) -> str:
    """Say what a plan has shown; its FAIL may show no more than that the rate is below the target."""
    confidence = f"{percent(claim.confidence)} confidence"
    if verdict.word == "PASS":
        return f"shown: true pass rate >= {plan.design.p_lo:g} (bound {percent(verdict.lower)}, {confidence})"
    if verdict.word == "FAIL":
        below = plan.design.p_lo if verdict.upper <= plan.design.p_lo + _SLACK else plan.design.p_hi
        target = "" if below == plan.design.p_lo else ", the target"
        return f"shown: true pass rate < {below:g}{target} (bound {percent(verdict.upper)}, {confidence})"
    needed = samples_needed(verdict.n - verdict.k, plan.design.p_lo, claim.alpha)
    return (
        f"not settled: the true pass rate is {_between(claim, verdict)}; a run of {needed} samples with no "
        f"more failures would show {plan.design.p_lo:g}"
    )


def _every(claim: Claim, k: int, n: int, counted: str) -> Verdict:
    bounds = _told(claim, k, n, "FAIL", "")
    if k < n:
        between = _between(claim, bounds)
        text = f"{counted}, and without min_pass_rate every one has to; the true pass rate is {between}"
        return replace(bounds, sentence=text)
    shown = f"true pass rate >= {percent(bounds.lower)} ({percent(claim.confidence)} confidence)"
    return replace(bounds, word="PASS", sentence=f"{counted} -> {shown}")


def _at_any_time(claim: Claim, bounds: Verdict) -> Verdict:
    from llm_do_eval.stats.anytime import anytime_lower, anytime_upper

    lower, upper = (bound(bounds.k, bounds.n, claim.alpha) for bound in (anytime_lower, anytime_upper))
    return replace(bounds, lower=lower, upper=upper)


def _told(claim: Claim, k: int, n: int, word: Word, sentence: str) -> Verdict:
    lower = lower_bound(k, n, claim.alpha) if n else 0.0
    upper = upper_bound(k, n, claim.alpha) if n else 1.0
    return Verdict(word=word, k=k, n=n, lower=lower, upper=upper, sentence=sentence)


def _between(claim: Claim, verdict: Verdict) -> str:
    lower, upper = percent(verdict.lower), percent(verdict.upper)
    confidence = f"{percent(claim.confidence)} confidence"
    if verdict.k == verdict.n:
        return f"at least {lower} ({confidence})"
    if verdict.k == 0:
        return f"at most {upper} ({confidence})"
    return f"between {lower} and {upper} ({confidence} each)"
