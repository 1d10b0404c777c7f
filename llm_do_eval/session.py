"""Judged tests in, the session as JSON (`llm-do-eval/session/v1`) and as lines for a terminal out."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from llm_do_eval.invariant import Judged, tallies
from llm_do_eval.plural import counted
from llm_do_eval.trajectory import Usage
from llm_do_eval.verdict import Counts, Verdict, combined, incomplete, judge, judge_invariant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from llm_do_eval.claim import Claim
    from llm_do_eval.sample import Sample
    from llm_do_eval.verdict import Word

SCHEMA: Final = "llm-do-eval/session/v1"

Json = dict[str, Any]
# the name of a test may hold the same words
_SET_ASIDE: Final = re.compile(r"\.jsonl\.unclean(?:\.\d+)?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where the samples came from.

    `recorded_at` is when a provider first answered (ISO 8601), None where no provider was asked; `replayed`
    says that every answer was recorded before, `replayed_samples` counts the samples of which that is true;
    `distinct` counts the samples' conversations, equal ones once; `cassette` is relative to the root folder,
    and `saved` says that it was recorded just now; `unplayed` counts its requests that no sample sent;
    `scrubbed` counts the bodies recorded just now that held a secret, which was replaced; `interrupted` is
    the record mode that goes on with a recording which was interrupted, None for any other; `set_aside` is
    where the answers are that a recording had received which was killed before, relative to the root folder.
    """

    recorded_at: str | None = None
    model: str | None = None
    replayed: bool = False
    distinct: int = 0
    cassette: str | None = None
    saved: bool = False
    unplayed: int = 0
    scrubbed: int = 0
    replayed_samples: int = 0
    interrupted: str | None = None
    set_aside: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledTest:
    """One sampled test after its last sample; `invariants` by name, `failures` by label."""

    test: str
    claim: Claim
    counts: Counts
    verdict: Verdict
    invariants: Mapping[str, Verdict]
    failures: Mapping[str, int]
    usage: Usage
    cost_usd: float | None

    def to_json(self, evidence: Evidence) -> Json:
        """Write the test as an entry of the session's JSON; `bound` is the lower one, one-sided."""
        verdict, counts = self.verdict, self.counts
        return {
            "test": self.test,
            "verdict": verdict.word,
            "k": verdict.k,
            "n": verdict.n,
            "bound": verdict.lower,
            "upper_bound": verdict.upper,
            "confidence": self.claim.confidence,
            "min_pass_rate": self.claim.min_pass_rate,
            "target": self.claim.target,
            "mode": self.claim.mode,
            "stopped": False,
            "sentence": verdict.sentence,
            "outcomes": {
                "pass": counts.passed,
                "fail": counts.failed,
                "error": counts.errors,
                "infra": counts.infra,
            },
            "failures": dict(self.failures),
            "invariants": [_invariant_json(name, each) for name, each in self.invariants.items()],
            "metrics": {},
            "evidence": asdict(evidence),
            "usage": asdict(self.usage),
            "cost_usd": self.cost_usd,
        }


def judge_samples(
    test: str, claim: Claim, samples: Sequence[Sample], *, complaints: Sequence[str], complete: bool
) -> SampledTest:
    """Judge the samples of a test.

    `complaints` are what is wrong with the test as a whole, which fails it. Where not all samples could be
    run (`complete` is false) nothing is shown.
    """
    ended = Counter(each.outcome for each in samples)
    counts = Counts(passed=ended["pass"], failed=ended["fail"], errors=ended["error"], infra=ended["infra"])
    judged = [
        Judged(each.index, each.checks, counts=each.outcome in ("pass", "fail", "error"))
        for each in samples
        if each.outcome is not None
    ]
    tallied = tallies(judged, sorted(claim.must_pass))
    invariants = {
        each.name: judge_invariant(claim, each)
        if complete
        else incomplete(claim, Counts(passed=each.k, failed=each.n - each.k))
        for each in tallied
    }
    whole = judge(claim, counts) if complete else incomplete(claim, counts)
    costs = [each.cost_usd for each in samples]
    return SampledTest(
        test=test,
        claim=claim,
        counts=counts,
        verdict=combined(whole, invariants, complaints) if complete else whole,
        invariants=invariants,
        failures=Counter(label for each in samples for label in each.labels),
        usage=sum((each.usage for each in samples), Usage()),
        cost_usd=None if None in costs else sum(cost for cost in costs if cost is not None),
    )


def session_json(tests: Iterable[Json]) -> Json:
    """Put the entries of a session into one object, ordered by test."""
    return {"schema": SCHEMA, "tests": sorted(tests, key=lambda each: each["test"])}


class Line(NamedTuple):
    """One line for a terminal, and the verdict that it tells, if it tells one."""

    text: str
    verdict: Word | None = None


def lines_of(test: Json) -> Iterator[Line]:
    """Say one test of a session in lines: its verdict, its invariants, its evidence."""
    yield Line(f"{test['verdict']} {test['test']}: {test['sentence']}", test["verdict"])
    for each in test["invariants"]:
        yield Line(f"  {each['verdict']} {each['name']}: {each['sentence']}", each["verdict"])
    if test["failures"]:
        told = ", ".join(f"{label} in {count}" for label, count in sorted(test["failures"].items()))
        yield Line(f"  failures: {told}")
    yield Line(f"  {evidence_line(test)}")


def evidence_line(test: Json) -> str:
    """Say where the samples of a test came from."""
    evidence, outcomes = test["evidence"], test["outcomes"]
    model = evidence["model"] or "no model"
    number = f"n={sum(outcomes.values())}"
    day = (evidence["recorded_at"] or "")[:10]
    if evidence["replayed"]:
        return f"recorded {day}, {model}, {number}, replayed{_replayed(evidence)}"
    if evidence["saved"]:
        old = f", {evidence['replayed_samples']} replayed" if evidence["replayed_samples"] else ""
        return f"recorded {day}, {model}, {number}{old}; {evidence['cassette']}: {_saved(evidence)}"
    return f"live {day}, {model}, {number}" if day else f"{model}, {number}, no provider asked"


def _replayed(evidence: Json) -> str:
    """Say what is wrong with a recording that was replayed."""
    mode, unplayed = evidence["interrupted"], evidence["unplayed"]
    part = f" from an interrupted recording; --llm-record={mode} goes on with it" if mode else ""
    left = counted(unplayed, "recorded request")
    were = "was" if unplayed == 1 else "were"
    return f"{part}; {left} {were} not sent again: record anew" if unplayed else part


def _saved(evidence: Json) -> str:
    """Say what to do with what was recorded just now."""
    name, mode = evidence["cassette"], evidence["interrupted"]
    told = "review before committing"
    if mode:
        told = f"interrupted; --llm-record={mode} goes on with it"
    elif name.endswith(".journal"):
        told = "interrupted; the next recording sets it aside"
    elif _SET_ASIDE.search(name):
        told = "set aside, because samples ended in error or infra"
    if evidence["scrubbed"]:
        told += f"; secrets were replaced in {evidence['scrubbed']} of its bodies"
    if evidence["set_aside"]:
        told += f"; what a killed recording had received is in {evidence['set_aside']}"
    return told


def _invariant_json(name: str, verdict: Verdict) -> Json:
    return {
        "name": name,
        "k": verdict.k,
        "n": verdict.n,
        "bound": verdict.lower,
        "upper_bound": verdict.upper,
        "verdict": verdict.word,
        "sentence": verdict.sentence,
    }
