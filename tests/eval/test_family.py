"""Inputs of one test function together: what they show of themselves, and of inputs like them."""

from __future__ import annotations

from typing import Any

import pytest

from llm_do_eval.family import families, family_lines
from llm_do_eval.stats.bounds import lower_bound


def entry(name: str, k: int, n: int, verdict: str = "PASS", **fields: Any) -> dict[str, Any]:
    return {
        "test": f"t.py::test_a[{name}]",
        "function": "t.py::test_a",
        "verdict": verdict,
        "k": k,
        "n": n,
        "stopped": False,
        "confidence": 0.95,
        "metrics": {},
        "evidence": {"model": "m"},
        **fields,
    }


def test_inputs_that_all_pass_say_less_about_others_than_about_themselves() -> None:
    [family] = families([entry(str(i), 4, 4) for i in range(5)])
    assert family["these_inputs"] == {"k": 20, "n": 20, "bound": lower_bound(20, 20), "approximate": False}
    assert family["new_inputs"]["bound"] == pytest.approx(0.05 ** (1 / 5))
    assert list(family_lines(family)) == [
        "t.py::test_a (m): 5 inputs, 20/20 samples passed",
        "  these inputs: mean pass rate >= 86.1 % (pooled, 95 % confidence)",
        "  inputs like these: pass rate >= 54.9 % (approximate, KG+, 5 inputs, 95 % confidence)",
    ]


def test_samples_that_a_plan_stopped_are_pooled_approximately() -> None:
    [family] = families([entry("a", 4, 4), entry("b", 4, 4, stopped=True)])
    assert family["these_inputs"]["approximate"] is True
    assert "(pooled, approximate after early stops, 95 % confidence)" in list(family_lines(family))[1]


def test_inputs_of_which_nothing_is_shown_are_left_out_and_counted() -> None:
    tests = [
        entry("a", 4, 4),
        entry("b", 2, 4, "FAIL"),
        entry("c", 1, 1, "VOID"),
        entry("d", 0, 0, "INCOMPLETE"),
    ]
    [family] = families(tests)
    assert (family["inputs"], family["left_out"], family["these_inputs"]["k"]) == (2, 2, 6)
    assert "2 more left out: nothing was shown of them" in next(family_lines(family))
    assert families(tests[1:]) == []


def test_other_models_are_another_family() -> None:
    tests = [
        entry(f"{name}-{model}", 4, 4, evidence={"model": model}) for name in "ab" for model in ("m", None)
    ]
    assert [(each["model"], each["inputs"]) for each in families(tests)] == [(None, 2), ("m", 2)]
    assert next(family_lines(families(tests)[0])) == "t.py::test_a: 2 inputs, 8/8 samples passed"


def test_a_test_without_inputs_is_no_family() -> None:
    alone = entry("a", 4, 4, function="t.py::test_b", test="t.py::test_b")
    assert families([alone, entry("a", 4, 4)]) == []


def test_metrics_are_averaged_over_inputs() -> None:
    tests = [
        entry(str(i), 4, 4, metrics={"pass^3": {"value": value}}) for i, value in enumerate((0.25, 0.75))
    ]
    [family] = families(tests)
    assert family["metrics"]["pass^3"]["value"] == 0.5
    assert list(family_lines(family))[-1].startswith("  mean over inputs, pass^3: 50 %, between ")
