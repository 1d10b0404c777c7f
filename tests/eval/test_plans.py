import json
from pathlib import Path

import pytest

from llm_do_eval.plans import SHIPPED, TABLE, plan_for, table
from llm_do_eval.stats.fixed import fixed_size, wald_bound
from llm_do_eval.stats.operating import keeps_errors, operating
from llm_do_eval.stats.optimal import CapTooSmall, rules_for, solve
from llm_do_eval.stats.plan import Design, Plan, default_target

ASKED = Design(0.3, 0.9)


def lines() -> list[str]:
    return TABLE.read_text(encoding="utf-8").splitlines()


def test_the_table_holds_a_plan_for_each_of_its_designs() -> None:
    plans = [Plan.from_json(line) for line in lines()]
    assert tuple(plan.design for plan in plans) == SHIPPED
    assert all(default_target(design.p_lo) == design.p_hi for design in SHIPPED[:7])


@pytest.mark.parametrize("design", SHIPPED, ids=str)
def test_a_shipped_plan_keeps_its_errors_within_half_as_many_samples_again(design: Design) -> None:
    plan = plan_for(design)
    assert plan.design == design
    assert keeps_errors(plan)
    assert plan.cap <= 1.5 * fixed_size(design.p_lo, design.p_hi).n
    assert rules_for(design).allow(plan)
    assert all(fails == -1 for fails in plan.fail_at[:5])


@pytest.mark.parametrize(
    ("p_lo", "p_hi", "over"), [(0.7, 0.9, 1.05), (0.8, 0.95, 1.05), (0.9, 0.99, 1.07)], ids=str
)
def test_shipped_plans_are_nearly_as_short_as_walds_bound(p_lo: float, p_hi: float, over: float) -> None:
    plan = plan_for(Design(p_lo, p_hi))
    at_hi, at_lo = operating(plan, p_hi), operating(plan, p_lo)
    assert (at_hi.expected + at_lo.expected) / 2 <= over * wald_bound(plan.design).mean
    passing = [operating(plan, p / 100).pass_ for p in range(1, 100)]
    assert passing == sorted(passing)


@pytest.mark.parametrize("index", [index for index, design in enumerate(SHIPPED) if design.p_lo <= 0.6])
def test_solving_again_gives_a_small_plan_of_the_table_byte_for_byte(index: int) -> None:
    assert solve(SHIPPED[index]).to_json() == lines()[index]


@pytest.mark.slow
def test_solving_again_gives_the_whole_table_byte_for_byte() -> None:
    assert table() == TABLE.read_text(encoding="utf-8")


def test_the_table_answers_only_what_it_was_made_for(tmp_path: Path) -> None:
    shipped = plan_for(Design(0.5, 0.9), cache=tmp_path)
    assert plan_for(Design(0.5, 0.9), cap=19, cache=tmp_path) == shipped
    assert list(tmp_path.iterdir()) == []
    assert plan_for(Design(0.5, 0.9), cap=14, cache=tmp_path).cap <= 14
    assert plan_for(Design(0.5, 0.9), looks=4).decide(5, 0) is None
    assert plan_for(Design(0.5, 0.9), min_samples_for_fail=0).fail_at[4] >= 0
    assert len(list(tmp_path.iterdir())) == 1


def test_a_solved_plan_is_kept_and_found_again(tmp_path: Path) -> None:
    cache = tmp_path / "new" / "plans"
    plan = plan_for(ASKED, cache=cache)
    (file,) = cache.iterdir()
    assert Plan.from_json(file.read_text(encoding="utf-8")) == plan == solve(ASKED)
    # another plan that keeps the errors stands for it: so it is the file that is read
    other = solve(ASKED, min_samples_for_fail=6)
    file.write_text(other.to_json(), encoding="utf-8")
    assert other != plan
    assert plan_for(ASKED, cache=cache) == other


@pytest.mark.parametrize(
    "harm", ["torn", "other design", "too many errors", "no plan", "early stop", "binary"]
)
def test_a_cached_plan_that_cannot_be_trusted_is_solved_again(harm: str, tmp_path: Path) -> None:
    plan = plan_for(ASKED, cache=tmp_path, looks=2)
    (file,) = tmp_path.iterdir()
    text = file.read_text(encoding="utf-8")
    value = json.loads(text)
    if harm == "torn":
        value = text[: len(text) // 2]
    elif harm == "other design":
        value["design"]["alpha"] = 0.04
    elif harm == "too many errors":
        value["pass_at"][2] = 1
    elif harm == "no plan":
        value["fail_at"][2] = 99
    elif harm == "early stop":
        value = json.loads(solve(ASKED).to_json())
    harmed = value if isinstance(value, str) else json.dumps(value)
    file.write_bytes(b"\xff\xfe\x00" if harm == "binary" else harmed.encode())
    assert plan_for(ASKED, cache=tmp_path, looks=2) == plan
    assert file.read_text(encoding="utf-8") == text
    assert [each.name for each in tmp_path.iterdir()] == [file.name]


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert plan_for(ASKED, cache=blocked) == solve(ASKED)
    assert blocked.read_text() == ""


def test_a_cap_too_small_is_told_and_not_cached(tmp_path: Path) -> None:
    with pytest.raises(CapTooSmall):
        plan_for(ASKED, cap=3, cache=tmp_path)
    assert list(tmp_path.iterdir()) == []
