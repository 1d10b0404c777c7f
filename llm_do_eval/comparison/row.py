"""One comparison as a value: what was compared, how it came out, and the sentence that may be said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from llm_do_eval.comparison.contrast import Method
    from llm_do_eval.ratio import Ratio

What = Literal["pass_rate", "invariant", "labels", "cost_usd", "latency_s", "latency_shift"]
Word = Literal[
    "regression", "improvement", "no regression shown", "not comparable", "changed", "no change shown"
]


class Power(NamedTuple):
    """Samples like these show a drop by `drop` from the rate `rate` with the probability `shown`."""

    rate: float
    drop: float
    shown: float


class NonInferiority(NamedTuple):
    """Whether it was shown that the candidate is not worse by `margin`; `p` None: the samples cannot say."""

    margin: float
    p: float | None
    shown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison.

    `test` is a test, a function of tests with several inputs, or a worker. `difference` is the candidate's
    value less the base's; `p` is one-sided for rates (worse) and two-sided for the others; `adjusted` by
    Holm over all rows with `gates`, by Benjamini & Hochberg over the others. `worse_by_up_to` is the drop
    that is not excluded. `notes` say what else differs.
    """

    test: str
    what: What
    name: str | None = None
    gates: bool = False
    word: Word = "not comparable"
    sentence: str = ""
    method: Method | None = None
    inputs: int = 1
    base: Ratio | float | None = None
    candidate: Ratio | float | None = None
    difference: float | None = None
    p: float | None = None
    p_better: float | None = None
    adjusted: float | None = None
    adjusted_better: float | None = None
    worse_by_up_to: float | None = None
    power: Power | None = None
    noninferiority: NonInferiority | None = None
    notes: tuple[str, ...] = ()
