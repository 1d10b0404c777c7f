"""A report in, its page out: the same sections of tables for the terminal, Markdown and HTML."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llm_do.ui.escape import visible
from llm_do_eval.ratio import Ratio
from llm_do_eval.tables.origins import REPLAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_do_eval.candidates.candidate import Candidate, Saving, Verdict
    from llm_do_eval.report import Report
    from llm_do_eval.tables.origins import Origin


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its text, a share between 0 and 1 to draw, a verdict to colour."""

    text: str
    share: float | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column; numbers stand to the right, prose goes below its row."""

    name: str
    number: bool = False
    prose: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """One table with its title and a sentence on how to read it.

    `brief` is how many rows a terminal shows; a `folded` section is closed in HTML until it is opened.
    """

    key: str
    title: str
    note: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    brief: int
    folded: bool = False

    @property
    def plain(self) -> tuple[int, ...]:
        """The places of the columns that stand side by side."""
        return tuple(place for place, column in enumerate(self.columns) if not column.prose)

    @property
    def prose(self) -> tuple[int, ...]:
        """The places of the columns whose text goes below its row, as wide as the table."""
        return tuple(place for place, column in enumerate(self.columns) if column.prose)


@dataclass(frozen=True, slots=True)
class Page:
    """A title, the totals in one line, in another where they come from, and the sections."""

    title: str
    headline: str
    origin: str
    sections: tuple[Section, ...]


def page(report: Report) -> Page:
    """Lay a report out; sections without rows are left out."""
    data = report.data
    known = (
        f" · {data.ok_runs} of {data.ok_known} known outcomes ok" if data.ok_known else " · no outcome known"
    )
    proposed = [each for each in report.candidates if each.verdict != "rejected"]
    rejected = [each for each in report.candidates if each.verdict == "rejected"]
    sections = (
        _health(report),
        _candidates("candidates", "Candidates", proposed, brief=12),
        _tools(report),
        _errors(report),
        _agreement(report),
        _outputs(report),
        _arguments(report),
        _transitions(report),
        _candidates("rejected", "Rejected", rejected, brief=0),
    )
    return Page(
        title="What the workers did",
        headline=f"{data.runs} runs · {data.clusters} clusters · {data.calls} calls{known}",
        origin=_origin(data.origin),
        sections=tuple(section for section in sections if section.rows),
    )


def _origin(origin: Origin) -> str:
    """Say which runs are evidence about a model, of when and of which; a model's name is not trusted."""
    counts = (
        (origin.live, "live"),
        (origin.recorded, "recorded"),
        (origin.replayed, "replayed"),
        (origin.unasked, "without a provider"),
        (origin.unknown, "of unknown origin"),
    )
    parts = [", ".join(f"{count} {kind}" for count, kind in counts if count)]
    if origin.first and origin.last:
        parts.append(" to ".join(dict.fromkeys((origin.first, origin.last))))
    models = [f"{visible(row.model)} in {row.runs}" for row in origin.models[:_MODELS]]
    models += [f"{len(origin.models) - _MODELS} more models"] * (len(origin.models) > _MODELS)
    parts += [", ".join(models)] * bool(models)
    line = " · ".join(parts)
    return f"{line}. {REPLAY}" if origin.replayed else line


def _health(report: Report) -> Section:
    return _section(
        "health",
        "Health",
        "What to know about the input before reading on.",
        (Column("what"), Column("count", number=True), Column("note")),
        [(_text(each.kind), _number(each.count), _text(each.note)) for each in report.data.problems],
        brief=20,
    )


def _candidates(key: str, title: str, candidates: Sequence[Candidate], brief: int) -> Section:
    proposed = key == "candidates"
    note = (
        "Patterns that code could take over. The bound is the share of clusters that each is shown to hold "
        "for (95 % over all rules judged); what was mined is judged on clusters that did not suggest it."
        if proposed
        else "Patterns that were tried and do not hold, or hold for no good reason."
    )
    numbers = (Column(name, number=True) for name in ("holds", "clusters", "bound", "needs"))
    return _section(
        key,
        title,
        note,
        (*map(Column, ("verdict", "kind", "site")), *numbers, Column("saves in 1,000 runs"), _REASON),
        [_candidate_row(each) for each in candidates],
        brief=brief,
        folded=not proposed,
    )


def _candidate_row(each: Candidate) -> tuple[Cell, ...]:
    evidence = each.evidence
    return (
        Cell(each.verdict, verdict=each.verdict),
        _text(each.kind),
        _text(each.site),
        _ratio(evidence.agree),
        _number(evidence.clusters),
        _share(evidence.bound),
        _text("" if not each.needs_clusters else f"{each.needs_clusters} more"),
        _text(_saving(each.saving)),
        _text(each.reason),
    )


def _tools(report: Report) -> Section:
    numbers = ("calls", "runs", "clusters", "errors", "pure", "ends", "derived")
    return _section(
        "tools",
        "Tools",
        "Pure: argument sets seen twice that gave one result. Ends: calls after which their caller called "
        "nothing. Derived: calls whose arguments all stood in earlier text.",
        (Column("tool"), Column("as"), *(Column(name, number=True) for name in numbers)),
        [
            (
                _text(row.name),
                _text(", ".join(f"{impl} {count}" for impl, count in row.impl.items()) or "offered only"),
                _number(row.calls),
                _number(row.runs),
                _number(row.clusters),
                Cell(str(row.errors), row.errors / row.calls if row.calls else None),
                _ratio(row.purity),
                _ratio(row.last if row.calls else None),
                _ratio(row.fully_derived),
            )
            for row in report.tools
        ],
        brief=15,
    )


def _errors(report: Report) -> Section:
    rows = [
        (_text(tool.name), Cell(str(each.count), each.count / tool.calls), _text(each.text))
        for tool in report.tools
        for each in tool.error_classes
    ]
    return _section(
        "errors",
        "Errors by class",
        "Numbers and ids are masked.",
        (Column("tool"), Column("count", number=True), Column("error")),
        rows,
        brief=5,
    )


def _agreement(report: Report) -> Section:
    names = ("clusters all equal", "equal pairs", "runs in largest groups")
    return _section(
        "agreement",
        "Agreement",
        "How often runs of one cluster made the same calls, in five views; a cluster with one run agrees.",
        (Column("view"), *(Column(name, number=True) for name in names)),
        [
            (
                _text(row.view),
                _ratio(Ratio(row.clusters_all_equal, row.clusters)),
                _ratio(Ratio(row.pairs_equal, row.pairs)),
                _ratio(Ratio(row.modal, row.runs)),
            )
            for row in report.agreement
            if row.pairs
        ],
        brief=5,
    )


def _outputs(report: Report) -> Section:
    names = ("distinct", "most frequent", "ok", "repeated inputs", "self-agreement")
    return _section(
        "outputs",
        "Outputs",
        "Consistent is not correct: read both columns. Self-agreement is the limit for any code.",
        (Column("worker"), *(Column(name, number=True) for name in names)),
        [
            (
                _text(row.site),
                _number(row.distinct),
                _ratio(row.modal),
                _ratio(row.correct),
                _ratio(Ratio(repeats.repeated_inputs, repeats.inputs)),
                _share(repeats.agreement),
            )
            for row, repeats in zip(report.outputs, report.repeatability, strict=True)
        ],
        brief=10,
    )


def _arguments(report: Report) -> Section:
    return _section(
        "arguments",
        "Arguments",
        "Derived: the value stood in user text or a tool's result before the call. Null: it stands in as "
        "much text of other clusters, too.",
        (
            Column("verdict"),
            Column("path"),
            Column("derived", number=True),
            Column("null", number=True),
            _REASON,
        ),
        [
            (
                Cell(row.verdict, verdict=row.verdict),
                _text(row.path),
                _ratio(Ratio(row.derived, row.leaves)),
                _share(row.null),
                _text(row.reason),
            )
            for row in report.arguments
        ],
        brief=0,
    )


def _transitions(report: Report) -> Section:
    most = max((row.count for row in report.transitions), default=1)
    return _section(
        "transitions",
        "Transitions",
        "Which call followed which, of one caller.",
        (Column("from"), Column("to"), Column("count", number=True), Column("runs", number=True)),
        [
            (_text(row.source), _text(row.target), Cell(str(row.count), row.count / most), _number(row.runs))
            for row in report.transitions
        ],
        brief=0,
        folded=True,
    )


_REASON = Column("reason", prose=True)
_MODELS = 5


def _section(
    key: str,
    title: str,
    note: str,
    columns: tuple[Column, ...],
    rows: Sequence[tuple[Cell, ...]],
    *,
    brief: int,
    folded: bool = False,
) -> Section:
    return Section(key, title, note, columns, tuple(rows), brief, folded)


def _text(text: str) -> Cell:
    return Cell(visible(text))


def _number(value: int) -> Cell:
    return Cell(str(value))


def _ratio(ratio: Ratio | None) -> Cell:
    return Cell("") if ratio is None else Cell(str(ratio), ratio.share if ratio.n else None)


def _share(share: float | None) -> Cell:
    """Rounded down, so that a bound never looks better than it is."""
    return Cell("unknown") if share is None else Cell(f"{math.floor(share * 1000) / 1000:.3f}", share)


def _saving(saving: Saving) -> str:
    parts = [f"{saving.per_1000_runs:.0f} {saving.unit}"]
    if saving.cost_usd is not None:
        parts.append(f"${saving.cost_usd:.4g}")
    if saving.latency_s is not None:
        parts.append(f"{saving.latency_s:.4g} s")
    return ", ".join(parts)
