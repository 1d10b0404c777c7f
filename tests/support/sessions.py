"""Entries of a session's JSON for tests of what is shown of it, without any sampling."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from llm_do_eval.evidence import Evidence

EVIDENCE: dict[str, Any] = asdict(
    Evidence(
        recorded_at="2026-11-02T10:00:00+00:00",
        model="openai:some-model",
        replayed=True,
        distinct=20,
        cassette="cassettes/test_suite/test_a.jsonl",
        replayed_samples=20,
    )
)
FAMILY: dict[str, Any] = {
    "function": "test_suite.py::test_a",
    "model": None,
    "inputs": 3,
    "left_out": 0,
    "confidence": 0.95,
    "these_inputs": {"k": 27, "n": 30, "bound": 0.761, "approximate": False},
    "new_inputs": {"bound": 0.284, "method": "KG+", "approximate": True},
    "metrics": {},
}
SHOWN = {
    "PASS": (20, 20, 0.860891659332, 1.0),
    "INCONCLUSIVE": (19, 20, 0.783893835793, 0.997438621223),
    "FAIL": (3, 20, 0.0421, 0.3437),
    "VOID": (10, 18, 0.3421, 0.7546),
    "INCOMPLETE": (4, 5, 0.3426, 0.9898),
}


def entry(word: str = "PASS", test: str = "test_suite.py::test_a", **fields: Any) -> dict[str, Any]:
    """Make a sampled test whose verdict is `word`."""
    k, n, lower, upper = SHOWN[word]
    made: dict[str, Any] = {
        "test": test,
        "verdict": word,
        "k": k,
        "n": n,
        "bound": lower,
        "upper_bound": upper,
        "confidence": 0.95,
        "min_pass_rate": 0.8,
        "target": None,
        "mode": "prove",
        "stopped": False,
        "sentence": f"{k}/{n} samples passed; and so on",
        "outcomes": {"pass": k, "fail": n - k, "error": 0, "infra": 0},
        "failures": {},
        "invariants": [],
        "metrics": {},
        "evidence": dict(EVIDENCE),
        "usage": {"requests": n, "calls": 0, "input_tokens": 10, "output_tokens": 5},
        "cost_usd": None,
    }
    return made | fields


def named(name: str, word: str = "PASS", **fields: Any) -> dict[str, Any]:
    """Make an invariant whose verdict is `word`."""
    k, n, lower, upper = SHOWN[word]
    return {
        "name": name,
        "k": k,
        "n": n,
        "bound": lower,
        "upper_bound": upper,
        "verdict": word,
        "sentence": f"{k}/{n} held; and so on",
    } | fields
