"""What a candidate is: a pattern at a site, its evidence, and a verdict that says what to do with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    from llm_do_eval.ratio import Ratio

Kind = Literal[
    "constant_output",
    "label_set",
    "pure_tool",
    "determined_argument",
    "closed_argument",
    "constant_argument",
    "terminal_tool",
    "unused_tool",
]
Verdict = Literal["candidate", "harmful", "needs-data", "rejected"]
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)
# what weighs most comes first: candidates of one verdict are ranked by it
Unit = Literal[
    "worker calls",
    "model requests",
    "tool calls",
    "arguments",
    "offered tools",
    "checked outputs",
    "checked arguments",
]
UNITS: Final[tuple[Unit, ...]] = get_args(Unit)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was counted. `agree`: calls in which the pattern holds, of all that it covers.

    `held_out` are clusters that did not take part in finding it, None where nothing had to be found;
    `bound` is the share of clusters that it is shown to hold for, at 95 % over all `rules` judged.
    `null` is how often it holds by coincidence, `chance` the probability that coincidence explains all
    clusters; `correct` counts known outcomes of covered calls, `self_agreement` is the worker with itself.
    """

    calls: int
    runs: int
    clusters: int
    distinct: int
    agree: Ratio
    held_out: Ratio | None
    bound: float
    rules: int
    null: float | None = None
    chance: float | None = None
    correct: Ratio | None = None
    self_agreement: float | None = None


@dataclass(frozen=True, slots=True)
class Saving:
    """What code would do instead of the model in 1,000 runs like these; None: nobody recorded it.

    Checked outputs and arguments stay with the model; code only refuses wrong ones.
    """

    unit: Unit
    per_1000_runs: float
    cost_usd: float | None = None
    latency_s: float | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One pattern at one site. `needs_clusters`: how many more clusters without a miss would settle it."""

    id: str
    kind: Kind
    site: str
    verdict: Verdict
    reason: str
    evidence: Evidence
    needs_clusters: int | None
    saving: Saving


def ranked(candidates: list[Candidate]) -> list[Candidate]:
    """Sort by verdict, by what is saved and how much of it at the lower bound, then by id."""
    return sorted(
        candidates,
        key=lambda each: (
            VERDICTS.index(each.verdict),
            UNITS.index(each.saving.unit),
            -each.saving.per_1000_runs * each.evidence.bound,
            each.id,
        ),
    )
