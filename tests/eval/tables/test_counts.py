"""The tables that only count: agreement, transitions, tools, purity, outputs, workers."""

from __future__ import annotations

import random
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

from observed import call, failed, run_of, traced

from llm_do_eval.health import Health
from llm_do_eval.observation import Failure
from llm_do_eval.ratio import Ratio
from llm_do_eval.tables.agreement import Agreement
from llm_do_eval.tables.outputs import Outputs
from llm_do_eval.tables.purity import Purity
from llm_do_eval.tables.tools import ErrorClass, Tools, error_class
from llm_do_eval.tables.transitions import Transitions
from llm_do_eval.tables.workers import Workers

if TYPE_CHECKING:
    from llm_do_eval.observation import Run


def fill(table: Any, *runs: Run, **reading: Any) -> Any:
    for run in runs:
        table.add(traced(run, **reading))
    return table


def test_agreement_counts_equal_runs_of_a_cluster() -> None:
    look, book = call("look", {"n": 1}), call("book", {"n": 1})
    runs = [
        run_of(look, book, run="a"),
        run_of(look, call("book", {"n": 1.0}), run="b"),
        run_of(look, look, call("book", {"n": 2}), run="c"),
        run_of(run="d", cluster="c2"),
        run_of(run="e", cluster="c2"),
    ]
    rows = fill(Agreement(), *runs, writes=("book",)).rows()
    assert [astuple(row) for row in rows] == [
        ("names", 1, 2, 2, 4, 4, 5),
        ("names+args", 1, 2, 2, 4, 4, 5),
        ("set of names", 2, 2, 4, 4, 5, 5),
        ("write names", 2, 2, 4, 4, 5, 5),
        ("write names+args", 1, 2, 2, 4, 4, 5),
    ]


def test_names_do_not_run_into_each_other() -> None:
    rows = fill(
        Agreement(), run_of(call("ab"), call("c"), run="a"), run_of(call("a"), call("bc"), run="b")
    ).rows()
    assert rows[0].pairs_equal == 0


def test_without_effects_known_nothing_writes() -> None:
    rows = fill(Agreement(), run_of(call("book", 1), run="a"), run_of(call("book", 2), run="b")).rows()
    assert (rows[1].pairs_equal, rows[4].pairs_equal) == (0, 1)


def test_transitions_are_between_calls_of_one_caller() -> None:
    nested = run_of(call("plan", impl="worker"), call("x", parent="1"), call("y", parent="1"), call("z"))
    plain = run_of(call("x"), call("y"), call("x"), call("y"), run="b")
    rows = fill(Transitions(), nested, plain).rows()
    assert [astuple(row) for row in rows] == [("x", "y", 3, 2), ("plan", "z", 1, 1), ("y", "x", 1, 1)]


def test_tools_are_counted_by_runs_clusters_and_outcome() -> None:
    runs = [
        run_of(call("add"), failed("add", {}, "Error: no 12"), failed("add", {}, "Error: no 7"), run="a"),
        run_of(call("add", impl="stub"), call("say"), run="b", cluster="c2", offered=["add", "rest"]),
    ]
    add, say, rest = fill(Tools(), *runs).rows({"add": Ratio(1, 2)})
    assert (add.name, add.impl, add.calls, add.runs, add.clusters) == (
        "add",
        {"python": 3, "stub": 1},
        4,
        2,
        2,
    )
    assert (add.errors, add.error_classes) == (2, [ErrorClass("Error: no N", 2)])
    assert (add.purity, add.offered_runs, add.last) == (Ratio(1, 2), 2, Ratio(1, 4))
    assert (say.purity, say.offered_runs, say.last) == (None, 1, Ratio(1, 1))
    assert (rest.name, rest.impl, rest.calls, rest.offered_runs, rest.last) == ("rest", {}, 0, 1, Ratio(0, 0))


def test_offers_are_counted_for_each_worker() -> None:
    tools = fill(
        Tools(),
        run_of(call("add"), run="a", offered=["add", "sub"]),
        run_of(run="b", offered=["add", "sub"]),
        run_of(run="c", cluster="c2", offered=["add"]),
    )
    add, sub = tools.offers[("agent", "add")], tools.offers[("agent", "sub")]
    assert (add.runs, add.used_runs, add.clusters) == (3, 1, {'"c1"': True, '"c2"': False})
    assert (sub.runs, sub.used_runs, sub.clusters) == (2, 0, {'"c1"': False})


def test_a_tool_that_stands_for_other_calls_is_used_by_them() -> None:
    tools = fill(Tools(), run_of(call("poet", impl="worker", via="route"), run="a", offered=["route"]))
    assert tools.offers[("agent", "route")].used_runs == 1


def test_error_classes_mask_numbers_and_ids() -> None:
    messages = {
        "Error: flight HAT030 not available on date 2024-05-13": "Error: flight N not available on date N",
        "total price is 305, but paid 25.50": "total price is N, but paid N",
        "cannot\nread  /tmp/x1/y": "cannot read /tmp/N/y",
        "": "tool_error",
    }
    assert [error_class(Failure("tool_error", each)) for each in messages] == list(messages.values())
    assert error_class(None) == "failed without a message"
    assert len(error_class(Failure("t", "x" * 999))) == 200


def test_purity_compares_results_of_equal_arguments() -> None:
    runs = [
        run_of(call("f", {"a": 1}, '{"x": 1, "y": 2}'), call("f", {"a": 2}, "other"), run="a"),
        run_of(
            call("f", {"a": 1.0}, {"y": 2, "x": 1.0}), call("f", {"a": 3}, "other"), run="b", cluster="c2"
        ),
        run_of(call("g", {}, "1"), call("g", {}, "2"), call("g", {}, "1"), run="c"),
        run_of(call("once", {}, "1"), run="d"),
    ]
    rows = fill(Purity(), *runs).rows()
    f, g, once = rows["f"], rows["g"], rows["once"]
    assert (f.agreed, f.distinct, f.calls, f.clusters) == (Ratio(1, 1), 3, 4, {'"c1"': True, '"c2"': True})
    assert (f.in_one_run, f.same_anyway) == (0, 2 / 6)
    assert (g.agreed, g.distinct, g.clusters, g.in_one_run, g.same_anyway) == (
        Ratio(0, 1),
        1,
        {'"c1"': False},
        2,
        None,
    )
    assert (once.agreed, once.clusters) == (Ratio(0, 0), {})


def test_purity_leaves_out_what_never_ran_and_keeps_errors() -> None:
    run = run_of(
        failed("f", 1, "Error: no"), failed("f", 1, "Error: no"), failed("f", 1, "no", kind="denied"),
        call("f", 1, "stubbed", impl="stub"), call("f", 1, ok=None),
    )  # fmt: skip
    assert fill(Purity(), run).rows()["f"].agreed == Ratio(1, 1)


def test_purity_knows_whether_the_tool_has_effects() -> None:
    def writes(*effects: str) -> bool | None:
        return fill(Purity(), run_of(*(call("f", effect=each) for each in effects))).rows()["f"].writes

    assert [writes("read"), writes("read", "write"), writes("read", "unknown")] == [False, True, None]


def test_purity_does_not_depend_on_the_order_of_runs() -> None:
    rng = random.Random(5)
    runs = [
        run_of(
            *(call("f", rng.randrange(9), rng.randrange(3)) for _ in range(6)),
            run=f"r{n}",
            cluster=rng.randrange(5),
        )
        for n in range(12)
    ]
    rows = fill(Purity(), *runs).rows()
    for _ in range(5):
        rng.shuffle(runs)
        assert fill(Purity(), *runs).rows() == rows


def test_outputs_are_counted_by_worker() -> None:
    label = call("label", {"t": 1}, "spam", impl="worker")
    runs = [
        run_of(label, label, call("label", {"t": 1}, "ham", impl="worker"), run="a", output="No", ok=True),
        run_of(label, run="b", cluster="c2", output="No", ok=False, input="hi"),
        run_of(call("label", {}, "x", impl="stub"), run="c", output="Yes", input="hi"),
        run_of(run="d", error=Failure("timeout", "too slow"), input="hi"),
        run_of(run="e", ok=True),
    ]
    outputs = fill(Outputs(), *runs)
    agent, labels = outputs.rows()
    assert astuple(agent) == ("worker:agent", 2, Ratio(2, 3), Ratio(1, 2))
    assert astuple(labels) == ("worker:label", 2, Ratio(3, 4), None)
    agents, repeats = outputs.repeatability()
    assert astuple(agents) == ("worker:agent", 2, 1, 0.0, "known")
    assert astuple(repeats) == ("worker:label", 1, 1, 0.5, "known")


def test_repeatability_is_unknown_without_a_repeat() -> None:
    (row,) = fill(Outputs(), run_of(output="x")).repeatability()
    assert astuple(row) == ("worker:agent", 1, 0, None, "unknown")


def test_repeatability_is_the_mean_over_inputs() -> None:
    outputs = [("a", "x"), ("a", "x"), ("b", "x"), ("b", "y"), ("c", "x")]
    runs = [run_of(run=str(n), input=given, output=output) for n, (given, output) in enumerate(outputs)]
    (row,) = fill(Outputs(), *runs).repeatability()
    assert (row.inputs, row.repeated_inputs, row.agreement) == (3, 2, 0.5)


def test_workers_that_changed_are_counted() -> None:
    health = Health()
    workers = fill(
        Workers(),
        run_of(call("w", impl="worker", model="m1", spec="s1"), run="a", model="m1", spec="s"),
        run_of(call("w", impl="worker", model="m2", spec="s1"), run="b", model="m1", spec="t"),
        run_of(call("w", impl="python", model="m3"), run="c"),
    )
    workers.count(health)
    assert [(problem.kind, problem.count) for problem in health.problems()] == [
        ("mixed-models", 1),
        ("mixed-specs", 1),
    ]
