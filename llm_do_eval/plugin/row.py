"""One entry of a session's JSON in, its rows and notes out: a row for the test, one for each invariant.

What is missing in an entry, or None, leaves its text empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from llm_do_eval.metrics import metric_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SLACK: Final = 1e-12
_NOTHING: Final = ("VOID", "INCOMPLETE")
_MOST_DECIMALS: Final = 6
_CENT: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one line says, in short texts that are not escaped.

    `passed` is k/n. `bounds` says where the true rate lies, each end one-sided, and is empty where nothing is
    shown about it; `shows` is what follows for the rate that was asked for. `cost` is "?" where a price is
    unknown, and empty for an invariant. `telling` says that the sentence holds more than the other texts.
    """

    word: str
    name: str
    passed: str
    bounds: str
    shows: str
    cost: str
    sentence: str
    telling: bool


@dataclass(frozen=True, slots=True)
class Rows:
    """The row of a test, and those of its invariants in the order of the session."""

    test: Row
    invariants: tuple[Row, ...]


class Asked(NamedTuple):
    """The rate that was asked for and the target above it; None where there is none."""

    rate: float | None
    target: float | None


def asked_of(entry: Mapping[str, Any], test: Mapping[str, Any]) -> Asked:
    """Give what was asked of a test or of one of its invariants.

    A quantile of numbers asks for a share of its own, and has no target.
    """
    rate = test.get("min_pass_rate")
    own = entry.get("min_pass_rate", rate)
    return Asked(own, test.get("target") if own == rate else None)


def rows_of(test: Mapping[str, Any]) -> Rows:
    """Put a test into rows."""
    invariants = test.get("invariants") or ()
    blamed = "by invariant" if any(each["verdict"] == "FAIL" for each in invariants) else "see below"
    return Rows(
        _row(test, test["test"], _shows(test, test, blamed), money(test.get("cost_usd"))),
        tuple(_row(each, _name(each), _shows(each, test, "not always"), "") for each in invariants),
    )


def notes_of(test: Mapping[str, Any]) -> Iterator[str]:
    """Say what else is known of a test, a sentence each: metrics, kinds of failures, warnings."""
    yield from metric_lines(test.get("metrics") or {}, test.get("confidence") or 0.95)
    if failures := test.get("failures"):
        yield "failures: " + ", ".join(f"{label} in {count}" for label, count in sorted(failures.items()))
    yield from (f"warning: {warning}" for warning in test.get("warnings") or ())


def percent(share: float) -> str:
    """Say a share in percent, and never 0 or 100 where it is not: more decimals then."""
    shown = round(share * 100, 1)
    decimals = 1
    while shown in (0, 100) and share not in (0, 1) and decimals < _MOST_DECIMALS:
        decimals += 1
        shown = round(share * 100, decimals)
    return f"{shown:g}" if decimals == 1 else f"{shown:.{decimals}f}"


def money(cost_usd: float | None) -> str:
    """Say an amount in dollars, small ones with two digits that count; "?" where it is unknown."""
    if cost_usd is None:
        return "?"
    if cost_usd == 0:
        return "$0"
    if cost_usd >= _CENT:
        return f"${cost_usd:.2f}"
    return f"${cost_usd:.2g}" if cost_usd >= _CENT / 100 else f"under ${_CENT / 100:g}"


def _row(entry: Mapping[str, Any], name: str, shows: str, cost: str) -> Row:
    return Row(
        word=entry["verdict"],
        name=name,
        passed=f"{entry['k']}/{entry['n']}",
        bounds=_bounds(entry),
        shows=shows,
        cost=cost,
        sentence=entry.get("sentence") or "",
        telling=entry["verdict"] != "PASS" or "values" in entry,
    )


def _name(invariant: Mapping[str, Any]) -> str:
    """Name an invariant; one over numbers with its limit."""
    limit = invariant.get("limit")
    return invariant["name"] if limit is None else f"{invariant['name']} {invariant['side']} {limit:g}"


def _bounds(entry: Mapping[str, Any]) -> str:
    lower, upper = entry.get("bound"), entry.get("upper_bound")
    if entry["verdict"] in _NOTHING or not entry["n"] or lower is None:
        return ""
    if upper is None or entry["k"] == entry["n"]:
        return f">= {percent(lower)} %"
    if entry["k"] == 0:
        return f"<= {percent(upper)} %"
    return f"{percent(lower)}-{percent(upper)} %"


def _shows(entry: Mapping[str, Any], test: Mapping[str, Any], blamed: str) -> str:
    rate = asked_of(entry, test).rate
    if entry["verdict"] == "FAIL":
        return _refuted(entry, asked_of(entry, test)) or blamed
    if entry["verdict"] != "PASS":
        return "not yet" if entry["verdict"] == "INCONCLUSIVE" else "nothing"
    if rate is None:
        return ""
    guarded = test.get("mode") == "guard" and (entry.get("bound") or 0) < rate - _SLACK
    return f"not < {rate:g}" if guarded else f">= {rate:g}"


def _refuted(entry: Mapping[str, Any], asked: Asked) -> str:
    """Name the lowest rate that was refuted: a plan that stopped may have refuted the target alone."""
    upper = entry.get("upper_bound")
    if asked.rate is None:
        return "not all" if entry["k"] < entry["n"] else ""
    return next((f"< {rate:g}" for rate in asked if rate and upper and upper <= rate + _SLACK), "")
