"""Calls that models asked for in, constant arguments out: arguments that have one value whatever is done."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from llm_do_eval.candidates.candidate import Candidate, Evidence, Saving
from llm_do_eval.candidates.fold import held_out, mining
from llm_do_eval.candidates.judgement import FLOOR, SAFE_FLOOR, Judgement, judge
from llm_do_eval.candidates.outcome import with_outcome
from llm_do_eval.comparable import comparable
from llm_do_eval.ratio import Ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_do_eval.tables.arguments import AskedCall

_LISTED: Final = 0.5


@dataclass(slots=True)
class _Path:
    """The values of one path: by cluster, and the calls that passed each."""

    clusters: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter[str]))
    calls: list[AskedCall] = field(default_factory=list["AskedCall"])
    writes: bool = False

    def constant(self) -> str:
        """Give the value of most clusters that may be mined."""
        votes = Counter(value for values in mining(self.clusters).values() for value in values)
        return min(votes, key=lambda value: (-votes[value], value))

    def agree(self) -> Ratio:
        """Count the values equal to the constant."""
        constant = self.constant()
        counts = self.clusters.values()
        return Ratio(sum(values[constant] for values in counts), sum(values.total() for values in counts))


def find(calls: Sequence[AskedCall], runs: int, min_correct: float) -> list[Candidate]:
    """Judge the modal value of paths where half of the values are equal, over two clusters or more."""
    paths: defaultdict[str, _Path] = defaultdict(_Path)
    for call in calls:
        for argument in call.arguments:
            path = paths[argument.path]
            path.clusters[call.context.cluster][comparable(argument.value)] += 1
            path.writes = path.writes or bool(call.step.writes)
            if not path.calls or path.calls[-1] is not call:
                path.calls.append(call)
    listed = {
        name: path
        for name, path in sorted(paths.items())
        if len(path.clusters) > 1 and path.agree().share >= _LISTED
    }
    return [_candidate(name, path, len(listed), runs, min_correct) for name, path in listed.items()]


def _candidate(name: str, path: _Path, rules: int, runs: int, min_correct: float) -> Candidate:
    constant, agree = path.constant(), path.agree()
    holds = {cluster: set(values) == {constant} for cluster, values in path.clusters.items()}
    judgement = _judgement(holds, rules, writes=path.writes)
    judgement, correct = with_outcome(judgement, path.calls, min_correct)
    return Candidate(
        id=f"constant_argument:arg:{name}",
        kind="constant_argument",
        site=f"arg:{name}",
        verdict=judgement.verdict,
        reason=f"is {constant:.80} in {agree} values: {judgement.reason}",
        evidence=Evidence(
            calls=len(path.calls),
            runs=len({call.context.run for call in path.calls}),
            clusters=len(holds),
            distinct=len({value for values in path.clusters.values() for value in values}),
            agree=agree,
            held_out=judgement.held_out,
            bound=judgement.bound,
            rules=rules,
            correct=correct,
        ),
        needs_clusters=judgement.needs_clusters,
        saving=Saving("arguments", 1000 * agree.k / runs),
    )


def _judgement(holds: dict[str, bool], rules: int, *, writes: bool) -> Judgement:
    floor = SAFE_FLOOR if writes else FLOOR
    judgement = judge(holds, rules=rules, held_out=held_out(holds), floor=floor)
    if not writes or judgement.verdict == "rejected":
        return judgement
    return replace(judgement, reason=f"safety-relevant, as its tool has effects; {judgement.reason}")
