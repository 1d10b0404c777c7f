"""What is known of one side of a comparison, as values: for each test or worker, what its samples did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

from llm_do_eval.ratio import Ratio

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

_T = TypeVar("_T")
Source = Literal["session", "journal"]


class Key(NamedTuple):
    """What was sampled, and on which input where it was sampled on several."""

    group: str
    input: str | None = None

    def __str__(self) -> str:
        return self.group if self.input is None else f"{self.group}[{self.input}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What answered: models, kinds of implementation, and the workers' files by name, as digests."""

    models: frozenset[str] = frozenset()
    impls: frozenset[str] = frozenset()
    workers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Evidence:
    """Which recorded answers samples are made of; samples of one name are the same samples.

    `spans` are names whose time is not known exactly: recorded between two times (seconds since 1970).
    `moments` are the times of named recordings.
    """

    names: frozenset[str] = frozenset()
    spans: Mapping[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    moments: Mapping[str, float] = field(default_factory=dict[str, float])

    def shares(self, other: Evidence) -> bool:
        """Tell whether any sample is in both."""
        return bool(self.names & other.names) or self._holds(other) or other._holds(self)

    def _holds(self, other: Evidence) -> bool:
        pairs = ((self.spans[name], moment) for name, moment in other.moments.items() if name in self.spans)
        return any(first <= moment <= last for (first, last), moment in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What the samples of one key did.

    `invariants` by name; `labels` one for each sample, empty where there are none to compare; `costs` (US
    dollars) and `latencies` (seconds) one for each sample, empty where one is not known. `infra` samples had
    no outcome. `flaw` is why they show nothing at all.
    """

    passed: Ratio
    invariants: Mapping[str, Ratio] = field(default_factory=dict[str, Ratio])
    labels: tuple[str, ...] = ()
    costs: tuple[float, ...] = ()
    latencies: tuple[float, ...] = ()
    origin: Origin = Origin()
    evidence: Evidence = Evidence()
    infra: int = 0
    flaw: str | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """One side: where it was read, what kind of source that is, and what was observed."""

    name: str
    source: Source
    observed: Mapping[Key, Observed]


def pooled(parts: Collection[Observed]) -> Observed:
    """Put what was observed on several inputs together, as if it were one without flaw."""
    names = dict.fromkeys(name for each in parts for name in each.invariants)
    return Observed(
        passed=_sum(each.passed for each in parts),
        invariants={
            name: _sum(each.invariants[name] for each in parts if name in each.invariants) for name in names
        },
        labels=_together([each.labels for each in parts]),
        costs=_together([each.costs for each in parts]),
        latencies=_together([each.latencies for each in parts]),
        origin=Origin(
            models=frozenset[str]().union(*(each.origin.models for each in parts)),
            impls=frozenset[str]().union(*(each.origin.impls for each in parts)),
            workers={name: text for each in parts for name, text in each.origin.workers.items()},
        ),
        evidence=Evidence(
            frozenset[str]().union(*(each.evidence.names for each in parts)),
            {name: span for each in parts for name, span in each.evidence.spans.items()},
            {name: moment for each in parts for name, moment in each.evidence.moments.items()},
        ),
        infra=sum(each.infra for each in parts),
    )


def _sum(ratios: Iterable[Ratio]) -> Ratio:
    together = list(ratios)
    return Ratio(sum(each.k for each in together), sum(each.n for each in together))


def _together(parts: Sequence[tuple[_T, ...]]) -> tuple[_T, ...]:
    return tuple(value for part in parts for value in part) if all(parts) else ()
