"""Designs in, the expected samples of their plans beside what else could be done, all exact, out.

    python benchmarks/plans.py [--write]

Exits with 1 where a plan takes more than 1.05, 1.05 and 1.07 times Wald's bound, which no test is below.
`--write` solves the table that is shipped, and replaces it.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from llm_do_eval.plans import SHIPPED, TABLE, plan_for, table
from llm_do_eval.stats.fixed import fixed_size, wald_bound
from llm_do_eval.stats.operating import errors, operating
from llm_do_eval.stats.optimal import default_cap, dual, solve
from llm_do_eval.stats.plan import Design
from llm_do_eval.stats.sprt import tuned

if TYPE_CHECKING:
    from llm_do_eval.stats.plan import Plan

TARGETS = {Design(0.7, 0.9): 1.05, Design(0.8, 0.95): 1.05, Design(0.9, 0.99): 1.07}


class Row(NamedTuple):
    """What a plan does: expected samples at both rates, and their mean over Wald's bound."""

    at_hi: float
    at_lo: float
    ratio: float


def measured(plan: Plan) -> Row:
    """Measure one plan by the exact recursion."""
    at_hi = operating(plan, plan.design.p_hi).expected
    at_lo = operating(plan, plan.design.p_lo).expected
    return Row(at_hi, at_lo, (at_hi + at_lo) / 2 / wald_bound(plan.design).mean)


def show(name: str, plan: Plan, note: str = "") -> float:
    """Print the row of a plan and give its ratio."""
    row, (alpha, beta) = measured(plan), errors(plan)
    print(
        f"  {name:<24} {row.at_hi:8.2f} {row.at_lo:8.2f} {row.ratio:7.3f} {alpha:8.4f} {beta:7.4f} "
        f"{plan.cap:5d} {note}"
    )
    return row.ratio


def compare(design: Design, limit: float) -> bool:
    """Print what can be done for one design, and tell whether both plans are within the limit."""
    bound, size = wald_bound(design), fixed_size(design.p_lo, design.p_hi)
    print(
        f"{design.p_hi:g} from {design.p_lo:g}: no test is below {bound.mean:.2f} samples, on average of both"
    )
    print(f"  {'':<24} {'at p_hi':>8} {'at p_lo':>8} {'/ bound':>7} {'alpha':>8} {'beta':>7} {'cap':>5}")
    print(f"  {f'fixed, {size.k} of {size.n}':<24} {size.n:8d} {size.n:8d} {size.n / bound.mean:7.3f}")
    lines = tuned(design, cap=default_cap(design))
    if lines is not None:
        show("SPRT, tuned, truncated", lines)
    ratios: list[float] = []
    for least in (0, 5):
        start = time.perf_counter()
        plan = solve(design, min_samples_for_fail=least)
        seconds = time.perf_counter() - start
        over = measured(plan).ratio * bound.mean / dual(design, min_samples_for_fail=least).attainable
        note = f"x{over:.3f} of the attainable, solved in {seconds:.1f} s"
        ratios.append(show(f"plan, no FAIL before {least}", plan, note))
    return max(ratios) <= limit


def main() -> int:
    """Compare the designs with a target, then show the plans that are shipped."""
    if "--write" in sys.argv[1:]:
        TABLE.write_text(table(), encoding="utf-8")
    kept = [compare(design, limit) for design, limit in TARGETS.items()]
    print("shipped")
    for design in SHIPPED:
        start = time.perf_counter()
        plan_for(design)
        read = time.perf_counter() - start
        start = time.perf_counter()
        plan = solve(design)
        note = f"read in {read * 1000:.1f} ms, solved in {time.perf_counter() - start:.1f} s"
        show(f"{design.p_hi:g} from {design.p_lo:g}", plan, note)
    print("within the targets" if all(kept) else "over a target")
    return 0 if all(kept) else 1


if __name__ == "__main__":
    raise SystemExit(main())
