from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from observed import call, failed, run_of, traced

from llm_do_eval.condition import condition
from llm_do_eval.health import Health
from llm_do_eval.tables.trace import Reading, trace


def test_calls_go_depth_first_in_the_order_in_which_they_started() -> None:
    run = run_of(
        call("plan", impl="worker"), call("read"), call("look", parent="1"), call("add", parent="2"),
        call("look", parent="1"),
    )  # fmt: skip
    steps = traced(run).steps
    assert [step.call.id for step in steps] == ["1", "3", "5", "2", "4"]
    assert [step.caller.name for step in steps] == ["agent", "plan", "plan", "agent", "read"]
    assert [step.asked for step in steps] == [True, True, True, True, False]
    assert [step.last for step in steps] == [False, False, True, True, True]


def test_calls_without_their_caller_are_the_entrys_own() -> None:
    run = run_of(call("a", parent="9"), call("b", parent="2"), call("c", parent="4"), call("d", parent="3"))
    health = Health()
    steps = trace(run, Reading(), health).steps
    assert [step.call.name for step in steps] == ["a", "b", "c", "d"]
    assert [step.caller.name for step in steps] == ["agent", "agent", "agent", "c"]
    assert [(problem.kind, problem.count) for problem in health.problems()] == [
        ("missing-outcome", 1), ("orphan-call", 3),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "cluster"),
    [
        (None, "7"),
        ("input.ticket", '"t1"'),
        ("meta.n", "1"),
        ("name", '"agent"'),
        ("meta.none", '{"ticket":"t1"}'),
    ],
)
def test_the_cluster_is_the_importers_or_a_path(key: str | None, cluster: str) -> None:
    run = run_of(cluster=7, input={"ticket": "t1"}, meta={"n": 1.0})
    assert traced(run, cluster=key).cluster == cluster


def test_the_default_cluster_is_the_canonical_entry_input() -> None:
    same = [run_of(cluster=None, input=each) for each in ({"a": 1, "b": 2}, {"b": 2.0, "a": 1})]
    assert len({traced(run).cluster for run in same}) == 1
    long = traced(run_of(cluster=None, input={"text": "x" * 1000})).cluster
    assert len(long) == 64


def test_a_missing_cluster_key_is_counted() -> None:
    health = Health()
    trace(run_of(ok=True), Reading(cluster="meta.task"), health)
    assert [problem.kind for problem in health.problems()] == ["missing-cluster"]


@pytest.mark.parametrize(
    ("text", "ok"),
    [(None, True), ("meta.reward == 1", False), ("meta.x == 1", None), ('output == "No"', True)],
)
def test_the_outcome_is_the_roots_or_a_condition(text: str | None, *, ok: bool | None) -> None:
    run = run_of(ok=True, output="No", meta={"reward": 0})
    assert traced(run, ok=None if text is None else condition(text)).ok is ok


@pytest.mark.parametrize(
    ("effect", "globs", "writes"),
    [
        ("read", ("book",), False),
        ("write", (), True),
        ("unknown", (), None),
        ("unknown", ("b*", "x"), True),
        ("unknown", ("x",), False),
    ],
)
def test_effects_come_from_the_line_else_from_globs(
    effect: Any, globs: tuple[str, ...], *, writes: bool | None
) -> None:
    run = run_of(call("book", effect=effect))
    assert traced(run, writes=globs).steps[0].writes is writes


def test_only_what_ran_is_evidence_of_a_tool() -> None:
    run = run_of(
        call("add"),
        failed("add", {}, "Error"),
        failed("add", {}, "no", kind="denied"),
        call("add", impl="stub"),
        call("add", ok=None),
    )
    assert [step.ran for step in traced(run).steps] == [True, True, False, False, False]


def test_what_the_importer_noticed_is_passed_on() -> None:
    health = Health()
    trace(replace(run_of(ok=True), problems={"repeated-id": 2, "of-its-own": 1}), Reading(), health)
    found = health.problems()
    assert [(problem.kind, problem.count) for problem in found] == [("of-its-own", 1), ("repeated-id", 2)]
    assert found[0].note == "reported by the importer"
