import dataclasses
import json

import pytest

from llm_do_eval.stats.plan import Design, Plan, Stop, default_target

DESIGN = Design(0.5, 0.9)
# of up to three samples: two in a row decide, else the third does
PLAN = Plan(DESIGN, pass_at=(1, 2, 2, 2), fail_at=(-1, -1, 0, 1))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((0.0, 0.9), "p_lo is 0.0, not between 0 and 1"),
        ((0.5, 1.0), "p_hi is 1.0, not between 0 and 1"),
        ((0.9, 0.9), "p_hi is 0.9, not above p_lo, which is 0.9"),
        ((0.9, 0.5), "p_hi is 0.5, not above p_lo, which is 0.9"),
        ((0.5, 0.9, 0.0), "alpha is 0.0, not between 0 and 0.5"),
        ((0.5, 0.9, 0.05, 0.5), "beta is 0.5, not between 0 and 0.5"),
        ((float("nan"), 0.9), "p_lo is nan, not between 0 and 1"),
    ],
)
def test_a_design_that_tells_nothing_apart_is_refused(values: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Design(*values)


@pytest.mark.parametrize(("p_lo", "target"), [(0.8, 0.96), (0.9, 0.98), (0.95, 0.99), (0.99, 0.998)])
def test_a_worker_in_order_fails_a_fifth_as_often_as_allowed(p_lo: float, target: float) -> None:
    assert default_target(p_lo) == target


def test_a_plan_decides_by_its_boundaries() -> None:
    assert PLAN.cap == 3
    words = {(n, k): PLAN.decide(n, k) for n in range(4) for k in range(n + 1)}
    assert words == {
        (0, 0): None,
        (1, 0): None,
        (1, 1): None,
        (2, 0): "FAIL",
        (2, 1): None,
        (2, 2): "PASS",
        (3, 0): "FAIL",
        (3, 1): "FAIL",
        (3, 2): "PASS",
        (3, 3): "PASS",
    }


@pytest.mark.parametrize(("n", "k"), [(4, 2), (2, 3), (2, -1)])
def test_a_plan_says_nothing_of_states_it_does_not_have(n: int, k: int) -> None:
    with pytest.raises(ValueError, match=f"{k} of {n} is no state of a plan of up to 3 samples"):
        PLAN.decide(n, k)


def test_the_first_decision_stands_whatever_comes_after() -> None:
    assert PLAN.first_stop([True]) is None
    assert PLAN.first_stop([True, False]) is None
    assert PLAN.first_stop([True, True]) == Stop(2, 2, "PASS")
    assert PLAN.first_stop([True, True, False, False, False]) == Stop(2, 2, "PASS")
    assert PLAN.first_stop([False, True, False]) == Stop(3, 1, "FAIL")


@pytest.mark.parametrize(
    ("pass_at", "fail_at", "message"),
    [
        ((1,), (-1,), "1 boundaries for PASS and 1 for FAIL"),
        ((1, 2, 2), (-1, -1), "3 boundaries for PASS and 2 for FAIL"),
        ((1, 3, 2), (-1, -1, 1), "PASS from 3 and FAIL up to -1 of 1"),
        ((1, 1, 2), (-1, 1, 1), "PASS from 1 and FAIL up to 1 of 1"),
        ((1, 2, 2), (-1, -2, 1), "PASS from 2 and FAIL up to -2 of 1"),
        ((0, 2, 2), (-1, -1, 1), "before its first sample"),
    ],
)
def test_boundaries_that_are_none_are_refused(
    pass_at: tuple[int, ...], fail_at: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Plan(DESIGN, pass_at, fail_at)


def test_a_plan_is_one_line_of_json_and_back() -> None:
    text = PLAN.to_json()
    assert "\n" not in text
    assert Plan.from_json(text) == PLAN


@pytest.mark.parametrize(
    "change",
    [
        {"pass_at": [1, 2, 2.0, 2]},
        {"pass_at": [1, True, 2, 2]},
        {"fail_at": "none"},
        {"fail_at": [-1, -1, 0]},
        {"design": {"p_lo": 0.5, "p_hi": 0.9}},
        {"design": {"p_lo": 0.5, "p_hi": 0.9, "alpha": "0.05", "beta": 0.05}},
        {"design": {"p_lo": 0.9, "p_hi": 0.5, "alpha": 0.05, "beta": 0.05}},
        {"extra": 1},
    ],
)
def test_json_that_is_no_plan_is_refused(change: dict[str, object]) -> None:
    value = dataclasses.asdict(PLAN) | change
    with pytest.raises(ValueError, match=r"\w"):
        Plan.from_json(json.dumps(value))


@pytest.mark.parametrize("text", ["", "[]", "{", "null"])
def test_text_that_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Plan.from_json(text)
