"""Repeated calls in, pure tools out: tools whose result depends on their arguments only.

Nothing is fitted here: the rule is fixed before the data is seen, so all clusters with a repeat are
evidence, and the question is whether their agreement could be coincidence. Coincidence is a tool that gives
equal results to different arguments; it is never taken to be rarer than one half.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from llm_do_eval.candidates.candidate import Candidate, Evidence, Saving, Verdict
from llm_do_eval.candidates.judgement import ALPHA, CHANCE
from llm_do_eval.stats.bounds import lower_bound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_do_eval.tables.purity import ToolPurity
    from llm_do_eval.tables.tools import ToolCount

_LEAST_NULL: Final = 0.5
_HARDLY_VARIES: Final = 0.75


class _Ruling(NamedTuple):
    verdict: Verdict
    reason: str
    needs_clusters: int | None


def find(purity: Mapping[str, ToolPurity], tools: Mapping[str, ToolCount], runs: int) -> list[Candidate]:
    """Judge every tool that is code and was called twice with equal arguments."""
    code = [row for name, row in purity.items() if row.agreed.n and not _is_model(tools[name])]
    return [_candidate(row, tools[row.tool], len(code), runs) for row in code]


def _is_model(tool: ToolCount) -> bool:
    return tool.impl["worker"] > 0


def _candidate(row: ToolPurity, tool: ToolCount, rules: int, runs: int) -> Candidate:
    units = min(row.agreed.n, len(row.clusters))
    null = None if row.same_anyway is None else max(row.same_anyway, _LEAST_NULL)
    chance = None if null is None else null**units
    ruling = _ruling(row, null, units)
    return Candidate(
        id=f"pure_tool:tool:{row.tool}",
        kind="pure_tool",
        site=f"tool:{row.tool}",
        verdict=ruling.verdict,
        reason=ruling.reason,
        evidence=Evidence(
            calls=row.calls,
            runs=tool.runs,
            clusters=len(row.clusters),
            distinct=row.distinct,
            agree=row.agreed,
            held_out=None,
            bound=lower_bound(sum(row.clusters.values()), len(row.clusters), ALPHA / rules),
            rules=rules,
            null=row.same_anyway,
            chance=chance,
        ),
        needs_clusters=ruling.needs_clusters,
        saving=Saving("tool calls", 1000 * row.in_one_run / runs),
    )


def _ruling(row: ToolPurity, null: float | None, units: int) -> _Ruling:
    sets = f"{row.agreed} repeated argument sets gave one result"
    veto = _veto(row, sets)
    if veto is not None:
        return _Ruling("rejected", veto, None)
    if null is None:
        return _Ruling("needs-data", f"{sets}, but no other arguments were seen", 1)
    missing = math.ceil(math.log(CHANCE) / math.log(null) - 1e-9) - units
    words = f"{sets}, over {len(row.clusters)} clusters"
    if missing > 0:
        return _Ruling(
            "needs-data", f"{words}; {missing} more with a repeat would rule out coincidence", missing
        )
    if row.writes is None:
        return _Ruling("needs-data", f"{words}; nobody said whether it has effects (--writes)", 0)
    return _Ruling("candidate", f"{words}; a result may be reused within a run until a repeat differs", 0)


def _veto(row: ToolPurity, sets: str) -> str | None:
    if row.writes:
        return f"it has effects, which a remembered result would skip; {sets}"
    if row.agreed.k < row.agreed.n:
        return f"only {sets}"
    if row.same_anyway is not None and row.same_anyway > _HARDLY_VARIES:
        pairs = f"{row.same_anyway:.0%} of pairs of different argument sets"
        return f"its result hardly varies: it is equal in {pairs} too"
    return None
