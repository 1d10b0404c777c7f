"""A design and integer boundaries in, a plan that says after each sample whether to stop and how out."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeGuard, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Word = Literal["PASS", "FAIL"]


@dataclass(frozen=True, slots=True)
class Design:
    """What a plan has to tell apart, and how rarely it may err.

    At a true rate of `p_lo` or less it may PASS with probability `beta` at most; at `p_hi` or more it may
    FAIL with probability `alpha` at most.

    Raises:
        ValueError: not `0 < p_lo < p_hi < 1`, or a probability of error that is not between 0 and 0.5.
    """

    p_lo: float
    p_hi: float
    alpha: float = 0.05
    beta: float = 0.05

    def __post_init__(self) -> None:
        for name in ("p_lo", "p_hi"):
            if not 0 < (rate := getattr(self, name)) < 1:
                raise ValueError(f"{name} is {rate}, not between 0 and 1")
        if not self.p_lo < self.p_hi:
            raise ValueError(f"p_hi is {self.p_hi}, not above p_lo, which is {self.p_lo}")
        for name in ("alpha", "beta"):
            if not 0 < (limit := getattr(self, name)) < 0.5:  # noqa: PLR2004 - a coin errs half the time
                raise ValueError(f"{name} is {limit}, not between 0 and 0.5")


def default_target(p_lo: float) -> float:
    """Give the rate that a worker in order is taken to have: it fails a fifth as often as `p_lo` allows."""
    return round(1 - (1 - p_lo) / 5, 12)


class Stop(NamedTuple):
    """Where a plan stopped: after `n` samples, of which `k` passed, with `word`."""

    n: int
    k: int
    word: Word


@dataclass(frozen=True, slots=True)
class Plan:
    """When to stop: after `n` samples at `pass_at[n]` passes or more, or at `fail_at[n]` passes or less.

    Both are indexed by `n` from 0 to `cap`. `pass_at[n]` is `n + 1` where no count passes, `fail_at[n]` is -1
    where none fails. Counts between them at `cap` stay undecided, which a plan that keeps both errors of its
    design does not need. Being integers, they decide the same everywhere.

    Raises:
        ValueError: boundaries that are no such thing.
    """

    design: Design
    pass_at: tuple[int, ...]
    fail_at: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.pass_at) != len(self.fail_at) or self.cap < 1:
            raise ValueError(
                f"{len(self.pass_at)} boundaries for PASS and {len(self.fail_at)} for FAIL, "
                f"not one each for every n from 0 to a cap"
            )
        for n, (passes, fails) in enumerate(zip(self.pass_at, self.fail_at, strict=True)):
            if not -1 <= fails < passes <= n + 1:
                raise ValueError(f"PASS from {passes} and FAIL up to {fails} of {n} are no boundaries")
        if self.pass_at[0] != 1 or self.fail_at[0] != -1:
            raise ValueError("a plan that is decided before its first sample")

    @property
    def cap(self) -> int:
        """The most samples it takes."""
        return len(self.pass_at) - 1

    def cut(self, samples: int) -> Plan:
        """Give the plan that takes `samples` at most, as was said beforehand; it errs no more often."""
        if samples >= self.cap:
            return self
        return Plan(self.design, self.pass_at[: samples + 1], self.fail_at[: samples + 1])

    def decide(self, n: int, k: int) -> Word | None:
        """Give the verdict after the first `n` samples, of which `k` passed, or None where it goes on.

        Raises:
            ValueError: not `0 <= k <= n <= cap`.
        """
        if not 0 <= k <= n <= self.cap:
            raise ValueError(f"{k} of {n} is no state of a plan of up to {self.cap} samples")
        if k >= self.pass_at[n]:
            return "PASS"
        return "FAIL" if k <= self.fail_at[n] else None

    def first_stop(self, outcomes: Iterable[bool]) -> Stop | None:
        """Give where samples, in the order they were launched, first decide; None where they do not yet.

        What comes after that sample changes nothing, so outcomes recorded in several runs of one plan are
        judged as one: their order is all it takes. Samples beyond `cap` are not looked at.
        """
        k = 0
        for n, passed in enumerate(islice(outcomes, self.cap), start=1):
            k += passed
            if (word := self.decide(n, k)) is not None:
                return Stop(n, k, word)
        return None

    def to_json(self) -> str:
        """Give one line of JSON that `from_json` reads."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """Read what `to_json` gave.

        Raises:
            ValueError: it is no plan.
        """
        value: object = json.loads(text)
        if not _is_object(value) or set(value) != {"design", "pass_at", "fail_at"}:
            raise ValueError("a plan is an object of design, pass_at and fail_at")
        return cls(
            design=_design(value["design"]),
            pass_at=_integers(value["pass_at"], "pass_at"),
            fail_at=_integers(value["fail_at"], "fail_at"),
        )


def _is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, dict)


def _design(value: object) -> Design:
    if not _is_object(value) or set(value) != {"p_lo", "p_hi", "alpha", "beta"}:
        raise ValueError("a design is an object of p_lo, p_hi, alpha and beta")
    if not all(type(each) is float for each in value.values()):
        raise ValueError("the rates and limits of a design are numbers between 0 and 1")
    return Design(**cast("dict[str, float]", value))


def _integers(value: object, name: str) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{name} is no list of whole numbers")  # noqa: TRY004 - what was read, not what was passed
    numbers = cast("list[object]", value)
    if not all(type(each) is int for each in numbers):
        raise ValueError(f"{name} is no list of whole numbers")
    return tuple(cast("list[int]", numbers))
