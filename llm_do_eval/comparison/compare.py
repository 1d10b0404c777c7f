"""Two sides in, every comparison of them judged out, and whether the candidate may replace the base."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from llm_do_eval.comparison.drafts import journal_drafts, session_drafts
from llm_do_eval.comparison.row import NonInferiority, Power
from llm_do_eval.comparison.sentences import say
from llm_do_eval.stats.multiplicity import benjamini_hochberg, holm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from llm_do_eval.comparison.contrast import Contrast
    from llm_do_eval.comparison.drafts import Draft
    from llm_do_eval.comparison.row import Row, Word
    from llm_do_eval.comparison.side import Key, Observed, Side

_SLACK: Final = 1e-12
_DROP: Final = 0.15
"""The drop whose power is told where no margin is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How to judge: `confidence` of each statement, and `margin` by which a rate may be lower, if any.

    `family` is how many comparisons gate, where more of them are made elsewhere.
    """

    confidence: float = 0.95
    margin: float | None = None
    family: int = 0

    @property
    def alpha(self) -> float:
        """How often a statement may be wrong."""
        return round(1 - self.confidence, 12)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All rows, those that gate first for each test, and the tests that only one side has."""

    rows: tuple[Row, ...]
    only_base: tuple[str, ...]
    only_candidate: tuple[str, ...]

    @property
    def refused(self) -> tuple[Row, ...]:
        """The rows for which the candidate may not replace the base."""
        return tuple(row for row in self.rows if is_refused(row))


def is_refused(row: Row) -> bool:
    """Tell whether a row shows a regression, or not the non-inferiority that was asked for."""
    missed = row.noninferiority is not None and not row.noninferiority.shown
    return row.gates and (row.word == "regression" or missed)


def family_size(matched: Iterable[Key]) -> int:
    """Count the comparisons that gate: one for each test, and one for each function with several inputs."""
    groups = Counter(key.group for key in matched)
    return groups.total() + sum(number > 1 for number in groups.values())


def compare(base: Side, candidate: Side, wishes: Wishes) -> Comparison:
    """Compare what both sides have.

    A test with parameters is compared alone and, with the other inputs of its function, input against input;
    runs of a worker by their clusters, or as a whole where these are not the same.
    """
    draft = session_drafts if base.source == "session" else journal_drafts
    ours, theirs = _by_group(base), _by_group(candidate)
    drafts = [
        each
        for group in sorted(ours.keys() & theirs.keys())
        for each in draft(group, ours[group], theirs[group])
    ]
    return Comparison(tuple(_judged(drafts, wishes)), _only(base, candidate), _only(candidate, base))


def _by_group(side: Side) -> dict[str, dict[str | None, Observed]]:
    groups: defaultdict[str, dict[str | None, Observed]] = defaultdict(dict)
    for key, observed in side.observed.items():
        groups[key.group][key.input] = observed
    return groups


def _only(side: Side, other: Side) -> tuple[str, ...]:
    names: Callable[[Key], str] = (lambda key: key.group) if side.source == "journal" else str
    known = {names(key) for key in other.observed}
    return tuple(dict.fromkeys(name for key in side.observed if (name := names(key)) not in known))


def _judged(drafts: Sequence[Draft], wishes: Wishes) -> Iterator[Row]:
    tested = [each for each in drafts if each.row.gates and each.row.p is not None]
    family = max(wishes.family, len(tested), 1)
    worse = _adjusted(drafts, family, lambda row: row.p)
    better = _adjusted(drafts, family, lambda row: row.p_better)
    for draft, p, p_better in zip(drafts, worse, better, strict=True):
        row = replace(draft.row, adjusted=p, adjusted_better=p_better)
        row = replace(row, word=_word(row, wishes.alpha))
        if draft.asks and wishes.margin is not None:
            row = replace(row, noninferiority=_noninferiority(draft.contrast, wishes.margin, wishes.alpha))
        if draft.contrast is not None:
            row = _bounded(row, draft.contrast, wishes, family)
        yield replace(row, sentence=say(row, wishes.confidence))


def _adjusted(
    drafts: Sequence[Draft], family: int, p_of: Callable[[Row], float | None]
) -> list[float | None]:
    """Adjust the p-values of rows that gate for the whole family, and those of the others as a list."""
    adjusted: list[float | None] = [None] * len(drafts)
    for gates in (True, False):
        known = {
            place: p
            for place, each in enumerate(drafts)
            if each.row.gates == gates and (p := p_of(each.row)) is not None
        }
        values = [*known.values()]
        padding = [1.0] * (family - len(values)) if gates else []
        found = holm(values + padding) if gates else benjamini_hochberg(values)
        for place, p in zip(known, found, strict=False):
            adjusted[place] = p
    return adjusted


def _word(row: Row, alpha: float) -> Word:
    if row.adjusted is None:
        return "not comparable"
    is_shown = row.adjusted <= alpha + _SLACK
    if row.what not in ("pass_rate", "invariant"):
        return "changed" if is_shown else "no change shown"
    if is_shown:
        return "regression"
    is_better = row.adjusted_better is not None and row.adjusted_better <= alpha + _SLACK
    return "improvement" if is_better else "no regression shown"


def _noninferiority(found: Contrast | None, margin: float, alpha: float) -> NonInferiority:
    p = None if found is None else found.p_not_inferior(margin)
    return NonInferiority(margin, p, p is not None and p <= alpha + _SLACK)


def _bounded(row: Row, found: Contrast, wishes: Wishes, family: int) -> Row:
    drop, power = wishes.margin or _DROP, None
    if row.gates and row.word == "no regression shown":
        power = found.power(drop, wishes.alpha / family)
    return replace(
        row,
        worse_by_up_to=found.largest_drop(wishes.alpha),
        power=None if power is None else Power(found.plausible_rate, drop, power),
    )
