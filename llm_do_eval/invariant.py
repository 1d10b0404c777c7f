"""Named conditions of one sample in; over all samples, how often each name held out."""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from llm_do_eval.number import Number


@dataclass(frozen=True, slots=True)
class Broken:
    """A condition that was false: `label` is the test's own name for this kind of failure."""

    name: str
    label: str | None = None


@dataclass(eq=False, slots=True)
class Checks:
    """The conditions and numbers of one sample.

    A name that is checked more than once holds if it always does; of its numbers the worst is kept.
    """

    held: dict[str, bool] = field(default_factory=dict[str, bool])
    must: set[str] = field(default_factory=set[str])
    broken: list[Broken] = field(default_factory=list[Broken])
    numbers: dict[str, Number] = field(default_factory=dict[str, "Number"])

    @property
    def reasons(self) -> list[str]:
        """Why the sample fails by its invariants, in one line each."""
        missed = {name: each.why() for name, each in self.numbers.items() if not each.holds}
        return [
            f"invariant {missed.get(name, f'{name!r} is false')}"
            for name, held in self.held.items()
            if not held
        ]

    def measure(self, measured: Number, *, must: bool = False, label: str | None = None) -> bool:
        """Note a number and return whether it keeps to its limit.

        Raises:
            ValueError: its name had a number with another side or quantile before, or a claim about a
                quantile is one that every sample must keep.
        """
        name, before = measured.name, self.numbers.get(measured.name, measured)
        other = (before.side, before.quantile) != (measured.side, measured.quantile)
        if other or (measured.quantile is not None and name in self.held):
            raise _clash(name)
        if must and measured.quantile is not None:
            raise ValueError(f"invariant {name!r}: give must or quantile, which allows some beyond the limit")
        self.numbers[name] = before.worse(measured)
        if measured.quantile is not None:
            return measured.holds
        return self.check(name, measured.holds, must=must, label=label)

    def check(self, name: str, condition: Any, *, must: bool, label: str | None) -> bool:
        """Note a condition and return whether it holds; NaN does not.

        Raises:
            TypeError: the condition is something to await, which would always count as true.
            ValueError: the name is that of a claim about a quantile.
        """
        if name in self.numbers and self.numbers[name].quantile is not None:
            raise _clash(name)
        if inspect.isawaitable(condition):
            if inspect.iscoroutine(condition):
                condition.close()
            raise TypeError(f"invariant {name!r} got something to await, not a condition; await it first")
        holds = bool(condition) and not (isinstance(condition, float) and math.isnan(condition))
        self.held[name] = self.held.get(name, True) and holds
        if must:
            self.must.add(name)
        if not holds:
            self.broken.append(Broken(name, label))
        return holds


@dataclass(frozen=True, slots=True)
class Tally:
    """One name over the samples of a test: it held in `k` of `n`.

    `missed` of the others ended before they came to it; `violated_in` are the samples in which it was false
    though it must hold.
    """

    name: str
    k: int
    n: int
    missed: int = 0
    violated_in: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """The checks of one sample, and whether the sample counts (one without an outcome does not)."""

    index: int
    checks: Checks
    counts: bool


def tallies(samples: Sequence[Judged], must_pass: Iterable[str] = ()) -> list[Tally]:
    """Count every name over all samples, in the order in which names were first met.

    A sample that ended before a name counts against it. One that broke a condition which must hold is a
    violation even where the sample itself does not count.
    """
    names = dict.fromkeys(name for each in samples for name in each.checks.held)
    names |= dict.fromkeys(must_pass)
    must = {name for each in samples for name in each.checks.must} | set(must_pass)
    counted = [each for each in samples if each.counts]
    return [
        Tally(
            name,
            sum(each.checks.held.get(name, False) for each in counted),
            len(counted),
            sum(name not in each.checks.held for each in counted),
            tuple(each.index for each in samples if name in must and each.checks.held.get(name) is False),
        )
        for name in names
    ]


def _clash(name: str) -> ValueError:
    return ValueError(f"invariant {name!r} claims something else than before; give each its own name")
