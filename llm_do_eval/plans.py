"""A design in, its plan out: from the table that is shipped, from a cache on disk, or solved."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Final

from llm_do.errors import UsageError
from llm_do_eval.delivery import deliver
from llm_do_eval.stats.operating import keeps_errors
from llm_do_eval.stats.optimal import MIN_SAMPLES_FOR_FAIL, rules_for, solve
from llm_do_eval.stats.plan import Design, Plan

if TYPE_CHECKING:
    from llm_do_eval.stats.stopping import Rules

SHIPPED: Final = (
    Design(0.5, 0.9),
    Design(0.6, 0.92),
    Design(0.7, 0.94),
    Design(0.8, 0.96),
    Design(0.9, 0.98),
    Design(0.95, 0.99),
    Design(0.99, 0.998),
    Design(0.5, 0.95),
    Design(0.7, 0.9),
    Design(0.8, 0.95),
    Design(0.8, 0.99),
    Design(0.9, 0.99),
)
"""The designs of the table: common rates with their default targets, then with others."""

TABLE: Final = Path(__file__).with_name("plans.jsonl")
"""One plan a line, in the order of `SHIPPED`; `benchmarks/plans.py --write` makes it."""


def plan_for(
    design: Design,
    *,
    cap: int | None = None,
    looks: int = 1,
    min_samples_for_fail: int = MIN_SAMPLES_FOR_FAIL,
    cache: Path | None = None,
) -> Plan:
    """Give the plan that `solve` finds, without solving where it is known.

    A plan in the folder `cache` is used only if it fits what was asked and keeps its errors exactly; else it
    is solved again and written. A folder that cannot be written costs time only.

    Raises:
        CapTooSmall: no plan within the cap keeps the errors.
        ValueError: a number out of its range.
    """
    rules = rules_for(design, cap=cap, looks=looks, min_samples_for_fail=min_samples_for_fail)
    if design in SHIPPED and rules == rules_for(design):
        return Plan.from_json(TABLE.read_text(encoding="utf-8").splitlines()[SHIPPED.index(design)])
    file = None if cache is None else cache / _name(design, rules)
    if file is not None and (known := _cached(file, design, rules)) is not None:
        return known
    plan = solve(design, cap=rules.cap, looks=looks, min_samples_for_fail=min_samples_for_fail)
    if file is not None:
        with suppress(UsageError):
            deliver(str(file), [plan.to_json(), "\n"])
    return plan


def table() -> str:
    """Give the text of the table, every plan solved."""
    return "".join(f"{solve(design).to_json()}\n" for design in SHIPPED)


def _name(design: Design, rules: Rules) -> str:
    numbers = (*astuple(design), rules.cap, rules.looks, rules.min_samples_for_fail)
    return f"{'-'.join(map(str, numbers))}.json"


def _cached(file: Path, design: Design, rules: Rules) -> Plan | None:
    try:
        plan = Plan.from_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return plan if plan.design == design and rules.allow(plan) and keeps_errors(plan) else None
