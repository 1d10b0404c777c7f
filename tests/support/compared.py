"""Counts in, entries of a session as `--llm-json` writes them out, and comparisons of such sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_do_eval.comparison.compare import Wishes, compare
from llm_do_eval.comparison.sessions import session_side

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from llm_do_eval.comparison.compare import Comparison


def entry(test: str, k: int, n: int, **fields: Any) -> dict[str, Any]:
    """The entry of a test whose first `k` of `n` samples passed; `recording` names the recorded answers."""
    model, recording = fields.pop("model", "openai:a"), fields.pop("recording", None)
    label, costs = fields.pop("label", None), fields.pop("costs", [0.001] * n)
    counts = {"name": "right", "k": k, "n": n}
    return {
        "test": test,
        "verdict": "PASS",
        "sentence": "",
        "stopped": False,
        "k": k,
        "n": n,
        "failures": {label: n - k} if label and n > k else {},
        "invariants": [counts],
        "evidence": {"recorded_at": fields.pop("at", "2026-01-02T03:04:05+00:00"), "model": model},
        "workers": {"triage": "1"},
        "samples": [
            {
                "index": index,
                "outcome": "pass" if index < k else "fail",
                "labels": [label] if label and index >= k else [],
                "cost_usd": cost,
                "latency_s": 0.5,
                "requests": 1,
                "recording": recording and f"{recording}{index}",
            }
            for index, cost in zip(range(n), costs, strict=True)
        ],
        **fields,
    }


def compared(
    base: Sequence[dict[str, Any]], candidate: Iterable[dict[str, Any]], **wishes: Any
) -> Comparison:
    return compare(session_side("base", base), session_side("candidate", candidate), Wishes(**wishes))
