"""Metrics are read by name, and computed from what a verdict counts."""

from __future__ import annotations

import pytest

from llm_do_eval.claim import Claim
from llm_do_eval.metrics import Metric, metric_lines, over_family, read_metrics
from llm_do_eval.verdict import judge_rate


def test_a_list_of_names_is_read() -> None:
    assert read_metrics("pass^3, pass@5,pass^3") == (Metric("pass^", 3), Metric("pass@", 5))
    assert [str(each) for each in read_metrics("pass^3,pass@5")] == ["pass^3", "pass@5"]


@pytest.mark.parametrize(
    "name", ["", "pass", "pass^0", "pass^", "pass@-1", "f1", "pass^3;pass@5", "pass@1.5"]
)
def test_other_names_are_refused_with_those_known(name: str) -> None:
    with pytest.raises(ValueError, match=r"is no metric; known: pass\^K .* and pass@K"):
        read_metrics(f"pass^3,{name}")


def test_the_bounds_are_those_of_the_rate() -> None:
    verdict = judge_rate(Claim(), 20, 20)
    found = Metric("pass^", 5).of_test(verdict)
    assert found["value"] == 1.0
    assert found["bound"] == pytest.approx(0.473, abs=5e-4)
    assert found["upper_bound"] == 1.0
    few = Metric("pass@", 5).of_test(judge_rate(Claim(), 1, 4))
    assert few["value"] is None
    assert few["bound"] == pytest.approx(1 - 0.95 ** (5 / 4))


def test_a_metric_is_said_with_its_bounds() -> None:
    metrics: dict[str, dict[str, float | None]] = {
        "pass^3": {"value": 0.5, "bound": 0.25, "upper_bound": 0.75}
    }
    assert list(metric_lines(metrics, 0.9)) == ["pass^3: 50 %, between 25 % and 75 % (90 % confidence each)"]
    metrics["pass^3"] |= {"value": None}
    assert "not estimated from so few samples" in next(metric_lines(metrics, 0.9))


def test_a_family_has_the_mean_of_what_all_its_tests_have() -> None:
    one = {"pass^2": {"value": 0.2}, "pass@9": {"value": None}, "pass^1": {"value": 1.0}}
    two = {"pass^2": {"value": 0.6}, "pass@9": {"value": 1.0}}
    found = over_family([one, two], 0.05)
    assert list(found) == ["pass^2"]
    assert found["pass^2"]["value"] == pytest.approx(0.4)
    assert 0 < found["pass^2"]["bound"] < 0.2
    assert 0.8 < found["pass^2"]["upper_bound"] < 1
