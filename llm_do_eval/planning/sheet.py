"""Forecasts of tests in, the lines and the JSON of `pytest --llm-plan` out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from llm_do.ui.escape import visible
from llm_do_eval.planning.forecast import WHATS, total
from llm_do_eval.plural import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llm_do_eval.planning.forecast import Forecast, Quantity, What
    from llm_do_eval.planning.outlook import Outlook

SCHEMA: Final = "llm-do-eval/plan/v1"

_HEAD: Final = ("test", "design", "samples", "power", "requests", "minutes", "USD")
_SHORTEST: Final = 0.05


def document(forecasts: Sequence[Forecast], budget_usd: float | None) -> dict[str, Any]:
    """Write forecasts as one JSON object; numbers that nobody knows are null."""
    return {
        "schema": SCHEMA,
        "tests": [each.to_json() for each in forecasts],
        "totals": {what: total(forecasts, what).to_json() for what in WHATS},
        "budget_usd": budget_usd,
        "shortfalls": shortfalls(forecasts, budget_usd),
    }


def lines(forecasts: Sequence[Forecast], budget_usd: float | None) -> Iterator[str]:
    """Write a line for each test, aligned, then totals, what cannot be shown, and what a budget lacks."""
    table = [_HEAD, *map(_cells, forecasts), _total_cells(forecasts)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    yield "expected at the target (at most, in brackets); a sample takes what recorded ones took on average"
    for each in forecasts:
        if each.outlook.refusal is not None:
            end = "it is not run" if each.refused else "it cannot PASS"
            yield f"{visible(each.test)}: {each.outlook.refusal}; {end}"
        if each.note is not None:
            yield f"{visible(each.test)}: {visible(each.note)}"
    yield from shortfalls(forecasts, budget_usd)


def shortfalls(forecasts: Sequence[Forecast], budget_usd: float | None) -> list[str]:
    """Say in sentences what a budget does not cover; empty without a budget, or where it covers all."""
    if budget_usd is None:
        return []
    known, unknown = total(forecasts, "cost_usd")
    found: list[str] = []
    if known is not None and known.worst > budget_usd:
        short, most = known.expected - budget_usd, known.worst - budget_usd
        expected = f"{_usd(short)} USD as expected, and by " if short > 0 else ""
        found.append(f"--llm-budget={budget_usd:g} is short by {expected}{_usd(most)} USD at most")
    if unknown:
        tests = counted(unknown, "test")
        found.append(f"--llm-budget={budget_usd:g} may not suffice: the cost of {tests} is unknown")
    return found


def _cells(each: Forecast) -> tuple[str, ...]:
    outlook = each.outlook
    return (
        visible(each.test),
        outlook.design,
        _samples(outlook),
        str(outlook.power),
        *(_cell(each.quantity(what), what) for what in WHATS),
    )


def _total_cells(forecasts: Sequence[Forecast]) -> tuple[str, ...]:
    cells = [f"total, {counted(len(forecasts), 'test')}", "", "", ""]
    for what in WHATS:
        known, unknown = total(forecasts, what)
        more = f" + {unknown} unknown" if known is not None and unknown else ""
        cells.append(_cell(known, what) + more)
    return tuple(cells)


def _samples(outlook: Outlook) -> str:
    samples = outlook.samples
    if samples.at_target == samples.at_min_pass_rate == samples.most:
        return str(samples.most)
    rate, target = outlook.claim.min_pass_rate, outlook.power.rate
    return (
        f"{samples.at_target:.1f} at {target:g}, {samples.at_min_pass_rate:.1f} at {rate:g} ({samples.most})"
    )


def _cell(quantity: Quantity | None, what: What) -> str:
    if quantity is None:
        return "unknown"
    expected, worst = (_written(each, what) for each in quantity)
    return expected if expected == worst else f"{expected} ({worst})"


def _written(value: float, what: What) -> str:
    match what:
        case "requests":
            return f"{value:.0f}"
        case "minutes":
            return "< 0.1" if 0 < value < _SHORTEST else f"{value:.1f}"
        case "cost_usd":
            return _usd(value)


def _usd(amount: float) -> str:
    """Write dollars: cents from one dollar on, below it two digits that count."""
    if amount >= 1 or amount == 0:
        return f"{amount:.2f}"
    return f"{amount:.{1 - math.floor(math.log10(amount))}f}"
