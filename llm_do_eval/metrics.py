"""Names such as `pass^3` and a judged test in, what they amount to with bounds out: for a test, for a family.

Nothing here needs scipy before a metric is computed: names are read when pytest starts.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from llm_do_eval.verdict import Verdict

Kind = Literal["pass^", "pass@"]

_FORM = re.compile(r"(?P<kind>pass[\^@])(?P<k>[1-9]\d{0,5})")


@dataclass(frozen=True, slots=True)
class Metric:
    """`pass^k`, the chance that k samples all pass, or `pass@k`, the chance that at least one of k does."""

    kind: Kind
    k: int

    def __str__(self) -> str:
        return f"{self.kind}{self.k}"

    def of_test(self, verdict: Verdict) -> dict[str, float | None]:
        """Estimate it from the passes that a verdict counts; its bounds are those of the rate, transformed.

        The value is None where fewer than k samples were counted; the bounds hold all the same.
        """
        from llm_do_eval.stats.passk import estimate, of_rate

        value = estimate(self.kind, verdict.n, verdict.k, self.k)
        return {
            "value": None if math.isnan(value) else value,
            "bound": of_rate(self.kind, verdict.lower, self.k),
            "upper_bound": of_rate(self.kind, verdict.upper, self.k),
        }


def read_metrics(text: str) -> tuple[Metric, ...]:
    """Read a list such as `pass^3,pass@5`.

    Raises:
        ValueError: a name is none of these.
    """
    return tuple(dict.fromkeys(_read(name.strip()) for name in text.split(",")))


def over_family(metrics: Sequence[Mapping[str, Mapping[str, float | None]]], alpha: float) -> dict[str, Any]:
    """Give the mean of each metric over the tests of a family, with bounds for inputs like theirs.

    A metric that some test has no value of is left out: a mean over the others would be of other inputs.
    """
    from llm_do_eval.stats.passk import over_tasks

    names = [name for name in metrics[0] if all(name in each for each in metrics)]
    values = {name: [each[name]["value"] for each in metrics] for name in names}
    known = {name: cast("list[float]", each) for name, each in values.items() if None not in each}
    found = {name: over_tasks(each, alpha) for name, each in known.items()}
    return {
        name: {"value": each.value, "bound": each.lower, "upper_bound": each.upper}
        for name, each in found.items()
    }


def metric_lines(metrics: Mapping[str, Mapping[str, float | None]], confidence: float) -> Iterator[str]:
    """Say each metric with its bounds in a line."""
    from llm_do_eval.ratio import percent

    for name, each in metrics.items():
        value, low, high = each["value"], each["bound"] or 0.0, each["upper_bound"]
        told = "not estimated from so few samples" if value is None else percent(value)
        between = f"between {percent(low)} and {percent(1.0 if high is None else high)}"
        yield f"{name}: {told}, {between} ({percent(confidence)} confidence each)"


def _read(name: str) -> Metric:
    found = _FORM.fullmatch(name)
    if found is None:
        raise ValueError(f"{name!r} is no metric; known: pass^K (all of K pass) and pass@K (one of K passes)")
    return Metric(cast("Kind", found["kind"]), int(found["k"]))
