"""Every tool of every toolset by every route: nothing happens without a decision, nor what was refused."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from routes import BY_MODELS, BY_PYTHON, ONCE_REGISTERED, play
from stage import Stage, changed
from toolkinds import GROUPS, READING, grouped
from witness import YES

from llm_do.runtime import Decision, RunApprovalPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from llm_do.runtime import Request

    Begin = Callable[[str], Stage]

LISTED = [group for group in GROUPS if not grouped(group).is_late]


def by(routes: Iterable[str]) -> Any:
    cases = [
        pytest.param(group, route, id=f"{group}, {route.replace('_', ' ')}")
        for group in GROUPS
        for route in routes
        if group in LISTED or route in ONCE_REGISTERED
    ]
    return pytest.mark.parametrize(("group", "route"), cases)


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Begin:
    def make(group: str) -> Stage:
        stage = Stage(tmp_path, grouped(group))
        monkeypatch.chdir(tmp_path / "cwd")
        return stage

    return make


def decided(stage: Stage, tag: str) -> list[tuple[str, str]]:
    """What was decided about the calls with a tag, and by whom."""
    calls = {each["id"] for each in stage.ended(tag)}
    return [
        (each["decision"], each["by"])
        for each in stage.witness.events
        if each["kind"] == "approval" and each["call"] in calls
    ]


@by(BY_MODELS)
def test_no_effect_lacks_its_decision(begin: Begin, group: str, route: str) -> None:
    stage = play(begin(group), route)
    assert stage.faults == []
    assert [tag for tag in stage.called if not stage.happened(tag)] == []
    free = {tag for tag, tool in stage.called.items() if tool in stage.kind.free}
    assert {tag for tag in stage.called if ("approve", "rule") in decided(stage, tag)} == free
    if group != "toolsets of Python":  # where a relay was asked about, and what it calls was not
        assert all(decided(stage, tag) == [("approve", "human")] for tag in stage.called.keys() - free)


@by(BY_PYTHON)
def test_no_effect_of_a_call_by_python_does(begin: Begin, group: str, route: str) -> None:
    stage = play(begin(group), route)
    assert stage.faults == []
    reached = set(stage.called)
    if route == "by_a_python_entry":  # such a tool is its worker's, and here is none
        reached = {tag for tag, tool in stage.called.items() if tool not in stage.kind.owned}
        refused = [told for told in stage.output if str(told).startswith("ToolError: unknown: ")]
        assert len(refused) == len(stage.called) - len(reached)
    assert {tag for tag in stage.called if stage.happened(tag)} == reached
    assert all(decided(stage, tag) == [("approve", "none")] for tag in reached)
    assert stage.touched <= reached


@pytest.mark.parametrize("group", LISTED)
def test_a_stub_takes_the_place_of_the_effect_and_not_of_the_decision(begin: Begin, group: str) -> None:
    stage = play(begin(group), "stubbed")
    assert stage.faults == []
    assert {each.path for each in stage.witness.sightings} == {
        f"project/stubbed/{tag}" for tag in stage.called
    }
    assert all(each["impl"] == "stub" for tag in stage.called for each in stage.ended(tag))


@pytest.mark.parametrize("group", LISTED)
def test_what_was_changed_runs_and_what_was_asked_does_not(begin: Begin, group: str) -> None:
    stage = play(begin(group), "modified")
    assert stage.faults == []
    assert [tag for tag in stage.called if not stage.happened(changed(tag))] == []
    assert stage.touched.isdisjoint(stage.called)
    lines = [each for each in stage.witness.events if each["kind"] == "approval" and each["by"] == "human"]
    assert {each["decision"] for each in lines} == {"modify"}
    assert [changed(each["asked"]) for each in lines] == [each["args"] for each in lines]
    assert len(lines) == len(stage.called)


@pytest.mark.parametrize("group", LISTED)
def test_a_yes_for_the_session_decides_about_each_call(begin: Begin, group: str) -> None:
    stage = play(begin(group), "for_the_session")
    assert stage.faults == []
    assert [tag for tag in stage.called if not stage.happened(tag) and stage.called[tag] in READING] == []
    assert all(len(stage.ended(tag)) == 2 for tag in stage.called)
    asked = Counter(json.dumps([each.tool, dict(each.args)]) for each in stage.asked)
    insisted = [each for each in asked if "create_worker" in each]
    assert {asked[each] for each in asked.keys() - set(insisted)} <= {1}
    assert {asked[each] for each in insisted} <= {2}


# -- nothing of what is refused


def refusals(stage: Stage, *, free: frozenset[str]) -> list[str]:
    """Say who refused, once nothing has happened but by tools that run unasked."""
    assert stage.faults == []
    open_to_all = {tag for tag, tool in stage.called.items() if tool in free}
    assert stage.touched <= open_to_all
    for tag in stage.called.keys() - open_to_all:
        assert YES.isdisjoint(decision for decision, _ in decided(stage, tag))
        assert not stage.happened(tag)
    return [each["by"] for each in stage.witness.events if each.get("decision") == "reject"]


@by(BY_MODELS)
def test_nothing_happens_where_all_is_rejected(begin: Begin, group: str, route: str) -> None:
    stage = play(begin(group), route, RunApprovalPolicy("reject_all"))
    assert set(refusals(stage, free=stage.kind.free)) == {"mode"}


@pytest.mark.parametrize("group", LISTED)
def test_nothing_happens_where_nobody_can_be_asked(begin: Begin, group: str) -> None:
    stage = play(begin(group), "in_one_response", ask=None)
    assert set(refusals(stage, free=stage.kind.free)) == {"none"}


@pytest.mark.parametrize("group", LISTED)
def test_nothing_happens_that_a_human_refuses(begin: Begin, group: str) -> None:
    async def refuse(_: Request) -> Decision:
        return Decision("reject")

    stage = play(begin(group), "by_a_worker_three_deep", ask=refuse)
    assert set(refusals(stage, free=stage.kind.free)) == {"human"}


@by(["by_its_worker", "by_a_worker_that_python_calls", *BY_PYTHON])
def test_nothing_happens_that_a_rule_rejects(begin: Begin, group: str, route: str) -> None:
    stage = begin(group)
    names = {*stage.kind.calls, *map(stage.kind.name, stage.kind.calls)}
    rules = [{"tool": name, "decision": "reject"} for name in sorted(names - {"relay"})]
    play(stage, route, RunApprovalPolicy("approve_all", rules=rules))
    told = refusals(stage, free=frozenset())
    reachable = stage.kind.calls.keys() - stage.kind.owned if route == "by_a_python_entry" else {"any"}
    assert set(told) == ({"rule"} if reachable else set())
