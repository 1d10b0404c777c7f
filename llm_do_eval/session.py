"""Judged tests in, the session as JSON (`llm-do-eval/session/v1`) and where its samples came from out."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from llm_do_eval.dependence import dependences, observations, replays
from llm_do_eval.failurekind import failure_kind
from llm_do_eval.family import families
from llm_do_eval.invariant import Judged, tallies
from llm_do_eval.spread import spreads
from llm_do_eval.trajectory import Usage
from llm_do_eval.verdict import (
    Counts,
    Path,
    Verdict,
    combined,
    incomplete,
    judge_infra,
    judge_invariant,
    judge_plan,
    judge_rate,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from llm_do_eval.claim import Claim
    from llm_do_eval.evidence import Evidence
    from llm_do_eval.invariant import Tally
    from llm_do_eval.metrics import Metric
    from llm_do_eval.sample import Sample
    from llm_do_eval.spread import Spread
    from llm_do_eval.stats.plan import Plan
    from llm_do_eval.verdict import Looks

SCHEMA: Final = "llm-do-eval/session/v1"

Json = dict[str, Any]
_NONE: Final[Mapping[int, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledTest:
    """One sampled test after its last sample.

    `invariants` and their `numbers` stand by name, `failures` by label or kind, `metrics` by theirs;
    `warnings` are sentences about samples that are not independent. `workers` are the
    digests of the files of the workers that ran, by name.
    """

    test: str
    claim: Claim
    counts: Counts
    verdict: Verdict
    invariants: Mapping[str, Verdict]
    numbers: Mapping[str, Spread]
    failures: Mapping[str, int]
    metrics: Mapping[str, Mapping[str, float | None]]
    warnings: Sequence[str]
    usage: Usage
    cost_usd: float | None
    samples: Sequence[Sample] = ()
    workers: Mapping[str, str] = field(default_factory=dict[str, str])

    def to_json(
        self, evidence: Evidence, recordings: Mapping[int, str] = _NONE, function: str | None = None
    ) -> Json:
        """Write the test as an entry of the session's JSON; `bound` is the lower one, one-sided.

        `recordings` name the recorded answers of samples by their index; `function` is the id of the test
        function, which parametrized inputs have in common.
        """
        verdict, counts = self.verdict, self.counts
        return {
            "test": self.test,
            "function": function or self.test,
            "verdict": verdict.word,
            "k": verdict.k,
            "n": verdict.n,
            "bound": verdict.lower,
            "upper_bound": verdict.upper,
            "confidence": self.claim.confidence,
            "min_pass_rate": self.claim.min_pass_rate,
            "target": self.claim.target,
            "mode": self.claim.mode,
            "stopped": verdict.stopped,
            "sentence": verdict.sentence,
            "outcomes": {
                "pass": counts.passed,
                "fail": counts.failed,
                "error": counts.errors,
                "infra": counts.infra,
            },
            "failures": dict(self.failures),
            "invariants": [self._invariant_json(name, each) for name, each in self.invariants.items()],
            "metrics": dict(self.metrics),
            "warnings": list(self.warnings),
            "evidence": asdict(evidence),
            "usage": asdict(self.usage),
            "cost_usd": self.cost_usd,
            "workers": dict(self.workers),
            "samples": [
                _sample_json(each, recordings.get(each.index), asked=evidence.recorded_at is not None)
                for each in self.samples
                if each.outcome
            ],
        }

    def _invariant_json(self, name: str, verdict: Verdict) -> Json:
        spread = self.numbers.get(name)
        level = spread and spread.of.required
        return {
            "name": name,
            "k": verdict.k,
            "n": verdict.n,
            "bound": verdict.lower,
            "upper_bound": verdict.upper,
            "min_pass_rate": self.claim.min_pass_rate if level is None else level,
            "verdict": verdict.word,
            "sentence": verdict.sentence,
            **(spread.to_json(self.claim.alpha) if spread else {}),
        }


def judge_samples(
    test: str,
    claim: Claim,
    samples: Sequence[Sample],
    *,
    retried: Sequence[Sample] = (),
    plan: Plan | None = None,
    looks: Looks = "once",
    complaints: Sequence[str] = (),
    complete: bool = True,
    metrics: Sequence[Metric] = (),
) -> SampledTest:
    """Judge the samples of a test, those that got answers given before once.

    Args:
        test: its id.
        claim: what has to be shown.
        samples: by index, which is the order in which they were launched.
        retried: attempts of samples that a provider or the network has spoilt, before one had an outcome.
        plan: what stopped the test early, if anything did.
        looks: whether samples were added to others that had a verdict.
        complaints: what is wrong with the test as a whole, which fails it.
        complete: False where not all samples that are needed could be run, so that nothing is shown.
        metrics: what is computed beside the verdict.
    """
    everyone, counted = (*samples, *retried), observations(samples)
    ended = Counter(each.outcome for each in counted)
    infra = sum(each.outcome == "infra" for each in everyone)
    counts = Counts(passed=ended["pass"], failed=ended["fail"], errors=ended["error"], infra=infra)
    judged = [Judged(each.index, each.checks, counts=each in counted) for each in everyone if each.outcome]
    invariants = {
        each.name: _invariant(claim, each, counted, plan, looks) if complete else _unsettled(claim, each)
        for each in tallies(judged, sorted(claim.must_pass))
    }
    # a plan for the pass rate looks at these numbers too, unless all samples were run on their account
    often = plan is not None and any(each.outcome is None for each in samples)
    found = spreads([each.checks.numbers for each in counted], "often" if often else looks)
    numbers = {each.of.name: each for each in found}
    invariants |= {
        name: _number(claim, each, invariants.get(name), complete=complete) for name, each in numbers.items()
    }
    if claim.min_pass_rate is None:
        complaints = [*complaints, *_failed_again(samples)]
    whole = (
        judge_infra(claim, counts, len(samples)) or _whole(claim, counts, counted, plan, looks)
        if complete
        else incomplete(claim, counts)
    )
    costs = [each.cost_usd for each in everyone]
    return SampledTest(
        test=test,
        claim=claim,
        counts=counts,
        verdict=combined(whole, invariants, complaints) if complete else whole,
        invariants=invariants,
        numbers=numbers,
        failures=Counter(label for each in samples for label in _labels(each)),
        metrics={str(each): each.of_test(whole) for each in metrics if whole.word in _SHOWN},
        warnings=dependences(test, samples) if complete else [],
        usage=sum((each.usage for each in everyone), Usage()),
        cost_usd=None if None in costs else sum(cost for cost in costs if cost is not None),
        samples=samples,
        workers={name: spec for each in samples for name, spec in sorted(each.workers.items())},
    )


def _failed_again(samples: Sequence[Sample]) -> Iterator[str]:
    """Say which samples failed though they do not count: where each has to pass, one that fails is enough."""
    failed = [str(each.index) for each in replays(samples) if each.outcome != "pass"]
    if failed:
        yield f"sample {', '.join(failed)} failed with answers that had been given before"


def _whole(
    claim: Claim, counts: Counts, counted: Sequence[Sample], plan: Plan | None, looks: Looks
) -> Verdict:
    if plan is None:
        return judge_rate(claim, counts.passed, counts.judged, looks=looks)
    return judge_plan(claim, Path(plan, [each.outcome == "pass" for each in counted]))


def _invariant(
    claim: Claim, tally: Tally, counted: Sequence[Sample], plan: Plan | None, looks: Looks
) -> Verdict:
    path = [each.checks.held.get(tally.name, False) for each in counted]
    return judge_invariant(claim, tally, None if plan is None else Path(plan, path), looks=looks)


def _unsettled(claim: Claim, tally: Tally) -> Verdict:
    return incomplete(claim, Counts(passed=tally.k, failed=tally.n - tally.k))


_SHOWN: Final = ("PASS", "FAIL", "INCONCLUSIVE")


def _labels(sample: Sample) -> Sequence[str]:
    """Give the test's own names for the failures of a sample, else the kind that facts tell."""
    kind = failure_kind(sample)
    return sample.labels or ([] if kind is None else [kind])


def _number(claim: Claim, spread: Spread, kept: Verdict | None, *, complete: bool) -> Verdict:
    """Judge a number by its quantile; one that each sample has to keep is judged as an invariant already."""
    if kept is not None:
        return replace(kept, sentence=f"{kept.sentence}{spread.told()}")
    if not complete:
        return incomplete(claim, Counts(passed=spread.kept, failed=len(spread.numbers) - spread.kept))
    return spread.judge(claim)


def session_json(tests: Iterable[Json]) -> Json:
    """Put the entries of a session into one object, ordered by test, and together by test function."""
    ordered = sorted(tests, key=lambda each: each["test"])
    return {"schema": SCHEMA, "tests": ordered, "families": families(ordered)}


def _sample_json(sample: Sample, recording: str | None, *, asked: bool) -> Json:
    latency_s = sample.latency_s
    return {
        "index": sample.index,
        "outcome": sample.outcome,
        "labels": sample.labels,
        "cost_usd": sample.cost_usd,
        # where no provider was asked it would only tell of the machine
        "latency_s": round(latency_s, 6) if asked and latency_s is not None else None,
        "requests": sample.usage.requests,
        "recording": recording,
    }
