"""A judgement and the calls that it covers in, the judgement with what is known of their outcomes out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from llm_do_eval.ratio import Ratio

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llm_do_eval.candidates.judgement import Judgement
    from llm_do_eval.tables.arguments import AskedCall


class WithOutcome(NamedTuple):
    """A judgement, and how many covered runs with a known outcome are ok; None: none is known."""

    judgement: Judgement
    correct: Ratio | None


def with_outcome(judgement: Judgement, calls: Iterable[AskedCall], min_correct: float) -> WithOutcome:
    """Turn a candidate into `harmful` where the runs that it covers mostly fail.

    A run may fail for another reason than one argument, so a verdict that is open stays open.
    """
    outcomes = {call.context.run: call.ok for call in calls}
    known = [ok for ok in outcomes.values() if ok is not None]
    correct = Ratio(sum(known), len(known)) if known else None
    if correct is None or correct.share >= min_correct or judgement.verdict != "candidate":
        return WithOutcome(judgement, correct)
    reason = f"only {correct} runs that it covers are ok; {judgement.reason}"
    return WithOutcome(replace(judgement, verdict="harmful", reason=reason, needs_clusters=None), correct)
