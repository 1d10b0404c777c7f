"""Traces in, what workers answered out: distinct outputs, the most frequent one, repeatability."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from llm_do_eval.comparable import comparable, fingerprint, parsed
from llm_do_eval.ratio import Ratio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_do_eval.observation import Call
    from llm_do_eval.tables.trace import Trace

_TEXT_CHARS: Final = 120
_TEXTS_KEPT: Final = 64


@dataclass(frozen=True, slots=True)
class OutputRow:
    """One worker's outputs; `correct` counts its outputs of runs with a known outcome, None: none has."""

    site: str
    distinct: int
    modal: Ratio
    correct: Ratio | None


@dataclass(frozen=True, slots=True)
class RepeatabilityRow:
    """How often two outputs of one input are equal, averaged over inputs seen twice; None: none was."""

    site: str
    inputs: int
    repeated_inputs: int
    agreement: float | None
    verdict: Literal["known", "unknown"]


@dataclass(slots=True)
class OutputSite:
    """The outputs of one worker, by cluster and by input, as fingerprints; `texts` shows some of them.

    `outcomes` holds, by output, how many of its runs have a known outcome and how many of these are ok.
    """

    clusters: defaultdict[str, Counter[bytes]] = field(default_factory=lambda: defaultdict(Counter[bytes]))
    inputs: defaultdict[bytes, Counter[bytes]] = field(default_factory=lambda: defaultdict(Counter[bytes]))
    outcomes: defaultdict[bytes, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    counts: Counter[bytes] = field(default_factory=Counter[bytes])
    texts: dict[bytes, str] = field(default_factory=dict[bytes, str])
    runs: int = 0
    cost_nanousd: int = 0
    priced: int = 0
    latency_us: int = 0
    timed: int = 0

    def correct(self, outputs: set[bytes]) -> Ratio | None:
        """Count the known outcomes of some outputs; None where none is known."""
        found = [self.outcomes[output] for output in outputs if output in self.outcomes]
        return Ratio(sum(ok for ok, _ in found), sum(known for _, known in found)) if found else None

    def agreement(self) -> float | None:
        """Average over repeated inputs the share of equal pairs, `sum v(v-1) / (n(n-1))`."""
        shares = [_equal_pairs(outputs) for outputs in self.inputs.values() if outputs.total() > 1]
        return math.fsum(shares) / len(shares) if shares else None

    def modal(self) -> bytes:
        """Give the most frequent output, the least of several."""
        return min(self.counts, key=lambda output: (-self.counts[output], output))


class Outputs:
    """Counts what worker calls answered; calls that failed, stubs and stabilized code are left out."""

    def __init__(self) -> None:
        self.sites: defaultdict[str, OutputSite] = defaultdict(OutputSite)

    def add(self, trace: Trace) -> None:
        """Count one run."""
        seen: set[str] = set()
        for call in _answered(trace):
            name = f"worker:{call.name}"
            self._count(self.sites[name], call, trace)
            seen.add(name)
        for name in seen:
            self.sites[name].runs += 1

    def rows(self) -> list[OutputRow]:
        """Give one row a worker."""
        return [
            OutputRow(
                site=name,
                distinct=len(site.counts),
                modal=Ratio(site.counts[site.modal()], site.counts.total()),
                correct=site.correct(set(site.counts)),
            )
            for name, site in sorted(self.sites.items())
        ]

    def repeatability(self) -> list[RepeatabilityRow]:
        """Give one row a worker."""
        rows: list[RepeatabilityRow] = []
        for name, site in sorted(self.sites.items()):
            repeated = sum(outputs.total() > 1 for outputs in site.inputs.values())
            verdict = "known" if repeated else "unknown"
            rows.append(RepeatabilityRow(name, len(site.inputs), repeated, site.agreement(), verdict))
        return rows

    def _count(self, site: OutputSite, call: Call, trace: Trace) -> None:
        text = comparable(parsed(call.output))
        output = fingerprint(text)
        site.counts[output] += 1
        if output not in site.texts and (len(site.texts) < _TEXTS_KEPT or site.counts[output] > 1):
            site.texts[output] = text if len(text) <= _TEXT_CHARS else f"{text[:_TEXT_CHARS]}…"
        site.clusters[trace.cluster][output] += 1
        site.inputs[fingerprint(comparable(call.input))][output] += 1
        if call is trace.run.root and trace.ok is not None:
            site.outcomes[output][0] += trace.ok
            site.outcomes[output][1] += 1
        # integers, because a sum of floats depends on their order
        if call.cost_usd is not None:
            site.cost_nanousd += round(call.cost_usd * 1e9)
            site.priced += 1
        if call.latency_s is not None:
            site.latency_us += round(call.latency_s * 1e6)
            site.timed += 1


def _answered(trace: Trace) -> Iterator[Call]:
    for call in (trace.run.root, *(step.call for step in trace.steps)):
        if call.impl == "worker" and call.error is None and call.output is not None:
            yield call


def _equal_pairs(outputs: Counter[bytes]) -> float:
    total = outputs.total()
    return sum(times * (times - 1) for times in outputs.values()) / (total * (total - 1))
