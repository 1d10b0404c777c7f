"""Runs in, one report out: health, tools, agreement, arguments, outputs and candidates, as plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from llm_do.errors import FormatError
from llm_do_eval.candidates import (
    closed_argument,
    constant_argument,
    constant_output,
    determined_argument,
    label_set,
    pure_tool,
    terminal_tool,
    unused_tool,
)
from llm_do_eval.candidates.candidate import Candidate, Verdict, ranked
from llm_do_eval.tables.agreement import Agreement, AgreementRow
from llm_do_eval.tables.arguments import LEAF_LIMIT, Arguments, ArgumentSample
from llm_do_eval.tables.origins import Origin, Origins
from llm_do_eval.tables.outputs import OutputRow, Outputs, RepeatabilityRow
from llm_do_eval.tables.purity import Purity
from llm_do_eval.tables.tools import ToolRow, Tools
from llm_do_eval.tables.trace import Reading, Trace, trace
from llm_do_eval.tables.transitions import TransitionRow, Transitions
from llm_do_eval.tables.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llm_do_eval.candidates.closed_argument import JudgedArgument
    from llm_do_eval.health import Health, Problem
    from llm_do_eval.observation import Run

SCHEMA: Final = "llm-do-eval/report/v1"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a user asks of a report: how to read runs, and from where on a pattern is worth a row.

    `free_text` names argument paths `TOOL.PATH` to leave out of the argument analysis, `min_runs` the
    runs that a candidate's site must be seen in, `min_correct` the share of ok runs that code may fix
    for ever, `leaf_limit` the size of the argument sample.
    """

    reading: Reading = field(default_factory=Reading)
    free_text: tuple[str, ...] = ()
    min_runs: int = 1
    min_correct: float = 0.9
    leaf_limit: int = LEAF_LIMIT


@dataclass(frozen=True, slots=True)
class Totals:
    """How much was read. `calls` leaves roots out; `ok_known` counts runs with a known outcome."""

    runs: int
    clusters: int
    calls: int
    runs_without_calls: int
    ok_runs: int
    ok_known: int
    origin: Origin
    problems: list[Problem]


@dataclass(frozen=True, slots=True)
class ArgumentRow:
    """One argument path: how many leaves, how many stood in earlier text (user, tool), by coincidence."""

    path: str
    leaves: int
    derived: int
    null: float | None
    verdict: Verdict
    reason: str
    in_user: int
    in_tool: int


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the report says; `drift` stays empty until two periods are compared."""

    data: Totals
    tools: list[ToolRow]
    agreement: list[AgreementRow]
    transitions: list[TransitionRow]
    arguments: list[ArgumentRow]
    repeatability: list[RepeatabilityRow]
    outputs: list[OutputRow]
    drift: list[Any]
    candidates: list[Candidate]


def build(runs: Iterable[Run], wishes: Wishes, health: Health) -> Report:
    """Read runs once and report them; the same for every order of runs.

    Raises:
        FormatError: there is no run.
    """
    observed = _Observed(wishes)
    for run in runs:
        observed.add(trace(run, wishes.reading, health))
    if not observed.runs:
        raise FormatError("no finished run in the input; run a worker, or import transcripts, first")
    observed.workers.count(health)
    return observed.report(health)


def document(report: Report) -> dict[str, Any]:
    """Give the report as JSON data of schema `llm-do-eval/report/v1`."""
    data = asdict(report)
    data["transitions"] = [
        {"from": row.source, "to": row.target, "count": row.count, "runs": row.runs}
        for row in report.transitions
    ]
    return {"schema": SCHEMA} | data


class _Observed:
    """The tables of one report."""

    def __init__(self, wishes: Wishes) -> None:
        self._wishes = wishes
        self.runs = 0
        self._calls = 0
        self._without_calls = 0
        self._ok = 0
        self._known = 0
        self._clusters = set[str]()
        self._tools = Tools()
        self._purity = Purity()
        self._agreement = Agreement()
        self._transitions = Transitions()
        self._outputs = Outputs()
        self._origins = Origins()
        self._sample = ArgumentSample(wishes.free_text, wishes.leaf_limit)
        self.workers = Workers()

    def add(self, each: Trace) -> None:
        """Count one run."""
        self.runs += 1
        self._calls += len(each.steps)
        self._without_calls += not each.steps
        self._ok += each.ok is True
        self._known += each.ok is not None
        self._clusters.add(each.cluster)
        for table in (
            self._tools,
            self._purity,
            self._agreement,
            self._transitions,
            self._outputs,
            self._origins,
            self._sample,
            self.workers,
        ):
            table.add(each)

    def report(self, health: Health) -> Report:
        """Give what was counted."""
        arguments = self._sample.read()
        if self._sample.left_out:
            health.count("sampled-arguments", arguments.leaves)
        judged = closed_argument.judged(arguments.by_path)
        return Report(
            data=Totals(
                runs=self.runs,
                clusters=len(self._clusters),
                calls=self._calls,
                runs_without_calls=self._without_calls,
                ok_runs=self._ok,
                ok_known=self._known,
                origin=self._origins.row(),
                problems=health.problems(),
            ),
            tools=self._tool_rows(arguments),
            agreement=self._agreement.rows(),
            transitions=self._transitions.rows(),
            arguments=[_argument_row(each) for each in judged],
            repeatability=self._outputs.repeatability(),
            outputs=self._outputs.rows(),
            drift=[],
            candidates=self._candidates(arguments, judged),
        )

    def _tool_rows(self, arguments: Arguments) -> list[ToolRow]:
        repeated = {name: row.agreed for name, row in self._purity.rows().items() if row.agreed.n}
        return [
            replace(row, fully_derived=arguments.fully_derived.get(row.name))
            for row in self._tools.rows(repeated)
        ]

    def _candidates(self, arguments: Arguments, judged: list[JudgedArgument]) -> list[Candidate]:
        runs, min_correct = self.runs, self._wishes.min_correct
        sampled = runs - self._sample.left_out
        found = [
            *constant_output.find(self._outputs.sites, runs, min_correct),
            *label_set.find(self._outputs.sites, runs),
            *pure_tool.find(self._purity.rows(), self._tools.by_name, runs),
            *determined_argument.find(arguments, sampled, min_correct),
            *closed_argument.find(judged, sampled),
            *constant_argument.find(arguments.calls, sampled, min_correct),
            *terminal_tool.find(self._tools.by_name, runs),
            *unused_tool.find(self._tools.offers, runs),
        ]
        return ranked([each for each in found if each.evidence.runs >= self._wishes.min_runs])


def _argument_row(each: JudgedArgument) -> ArgumentRow:
    count = each.count
    return ArgumentRow(
        path=count.path,
        leaves=count.leaves,
        derived=count.derived,
        null=count.null,
        verdict=each.judgement.verdict,
        reason=each.judgement.reason,
        in_user=count.in_user,
        in_tool=count.in_tool,
    )
