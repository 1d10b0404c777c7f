from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from observed import call, failed, run_of, traced, user

from llm_do_eval.observation import Message
from llm_do_eval.ratio import Ratio
from llm_do_eval.tables.arguments import Arguments, ArgumentSample
from llm_do_eval.tables.context import contexts
from llm_do_eval.tables.sources import INPUT, sources

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llm_do_eval.observation import Run


def read(*runs: Run, free_text: Iterable[str] = (), limit: int = 50_000, **reading: Any) -> Arguments:
    sample = ArgumentSample(tuple(free_text), limit)
    for run in runs:
        sample.add(traced(run, **reading))
    return sample.read()


def origins(run: Run) -> list[tuple[str, bool, bool]]:
    """What each leaf of the run's calls is, in user text and in tool results."""
    (context,) = contexts(traced(run))
    return [
        (str(value), found.user, found.tool)
        for step, cut in zip(context.steps, context.cuts, strict=True)
        for value in step.call.input.values()
        for found in [context.origin(str(value), cut)]
    ]


def test_a_value_occurs_in_what_was_said_or_shown_before() -> None:
    run = run_of(
        user("Refund order A7 please"),
        call("look", {"order": "A7"}, '{"amount": 250, "to": "mia_li"}'),
        call("pay", {"amount": 250, "to": "mia", "note": "B9"}, "done"),
        user("B9"),
        call("pay", {"order": "A7", "note": "B9"}, "C1"),
    )
    assert origins(run) == [
        ("A7", True, False),
        ("250", False, True), ("mia", False, True), ("B9", False, False),
        ("A7", True, False), ("B9", True, False),
    ]  # fmt: skip


def test_calls_of_one_turn_do_not_see_each_others_results() -> None:
    run = run_of(call("a", {}, "X1", turn=1), call("b", {"v": "X1"}, turn=1), call("c", {"v": "X1"}, turn=2))
    assert origins(run) == [("X1", False, False), ("X1", False, True)]


def test_without_turns_every_call_is_its_own() -> None:
    lost = Message(run="", call="0", seq=0, role="tool", text="Z3")
    run = run_of(call("a", {}, "X1"), lost, call("b", {"v": "X1", "w": "Z3"}))
    blind = replace(run, calls=tuple(replace(each, turn=None) for each in run.calls))
    assert origins(blind) == [("X1", False, True), ("Z3", False, True)]


def test_texts_do_not_run_into_each_other() -> None:
    run = run_of(user("A"), user("7"), call("look", {"order": "A7"}), call("look", {"order": "A"}))
    assert [user for _, user, _ in origins(run)] == [False, True]


def test_results_are_read_as_the_model_read_them() -> None:
    run = run_of(
        call("a", {}, {"n": 1.5, "deep": ["x1"]}), failed("b", {}, "no flight Y2"),
        call("c", {"n": 1.5, "x": "x1", "y": "Y2"}),
    )  # fmt: skip
    assert [tool for _, _, tool in origins(run)] == [True, True, True]


def test_a_result_without_a_call_is_context_of_later_calls() -> None:
    lost = Message(run="", call="0", seq=0, role="tool", text="Z3")
    run = run_of(call("a", {"v": "Z3"}), lost, call("b", {"v": "Z3"}))
    assert [tool for _, _, tool in origins(run)] == [False, True]


def test_without_messages_the_input_is_what_the_user_said() -> None:
    run = run_of(call("a", {"v": "T4"}), input={"ticket": {"id": "T4"}})
    assert origins(run) == [("T4", True, False)]
    run = run_of(user("hello"), call("a", {"v": "T4"}), input={"ticket": {"id": "T4"}})
    assert origins(run) == [("T4", False, False)]


def test_every_model_has_its_own_context() -> None:
    run = run_of(
        user("X1"), call("plan", {"v": "X1"}, impl="worker"), call("look", {"v": "X1"}, "Y2", parent="2"),
        call("look", {"v": "Y2"}, parent="2"), call("end", {"v": "Y2"}),
    )  # fmt: skip
    found = {context.worker: context for context in contexts(traced(run))}
    assert [step.call.id for step in found["plan"].steps] == ["3", "4"]
    assert found["plan"].origin("X1", found["plan"].cuts[0]) == (True, False)
    assert found["plan"].origin("Y2", found["plan"].cuts[1]) == (False, True)
    assert found["agent"].origin("Y2", found["agent"].cuts[1]) == (False, False)


def test_calls_made_by_code_are_no_choices_of_a_model() -> None:
    run = run_of(call("read", impl="python"), call("add", {"v": 1}, parent="1"))
    assert [context.worker for context in contexts(traced(run))] == ["agent"]


def test_leaves_are_counted_by_path() -> None:
    book = call("book", {"to": ["A1", "zz"], "fast": True, "why": "because A1"})
    found = read(run_of(user("A1"), book), free_text=["book.why"], writes=("book",))
    count = found.by_path["book.to[]"]
    assert list(found.by_path) == ["book.to[]"]
    assert (count.leaves, count.derived, count.in_user, count.in_tool, count.writes) == (2, 1, 1, 0, True)
    assert (len(count.calls), count.values, count.clusters, count.null) == (
        1,
        {"A1", "zz"},
        {'"c1"': False},
        None,
    )
    assert [argument.path for argument in found.calls[0].arguments] == ["book.to[]", "book.to[]", "book.fast"]


def test_a_call_with_free_text_is_never_fully_derived() -> None:
    calls = [call("book", {"to": "A1"}), call("book", {"to": "zz"}), call("book", {"to": "A1", "why": "A1"})]
    found = read(run_of(user("A1"), *calls, call("list")), free_text=["book.why"])
    assert found.fully_derived == {"book": Ratio(1, 3)}


def test_the_null_is_the_text_of_other_clusters() -> None:
    runs = [
        run_of(
            user(f"order A{n} by train"),
            call("look", {"order": f"A{n}", "by": "train"}),
            run=f"r{n}",
            cluster=n,
        )
        for n in range(8)
    ]
    found = read(*runs)
    assert found.by_path["look.order"].null == 0
    assert found.by_path["look.by"].null == 1
    assert found.by_path["look.by"].compared == 16


def test_the_null_reads_no_more_text_than_the_call_had() -> None:
    runs = [
        run_of(user("go"), call("look", {"by": "train"}), user(f"{n} by train"), run=f"r{n}", cluster=n)
        for n in range(4)
    ]
    assert read(*runs).by_path["look.by"].null == 0


def test_runs_of_the_same_cluster_are_no_null() -> None:
    runs = [run_of(user("x train"), call("look", {"by": "train"}), run=f"r{n}") for n in range(4)]
    assert read(*runs).by_path["look.by"].null is None


def many(count: int) -> list[Run]:
    return [
        run_of(user("x"), *(call("look", {"a": "x", "b": n}) for n in range(4)), run=f"r{each}", cluster=each)
        for each in range(count)
    ]


def test_many_leaves_are_sampled_in_any_order() -> None:
    runs = many(60)
    sample = ArgumentSample(limit=100)
    for run in runs:
        sample.add(traced(run))
    found = sample.read()
    assert (found.leaves, sample.left_out) == (104, 47)
    random.Random(3).shuffle(runs)
    again = read(*runs, limit=100)
    assert [context.run for context in again.contexts] == [context.run for context in found.contexts]
    assert again.by_path == found.by_path


def test_few_leaves_are_all_read() -> None:
    sample = ArgumentSample(limit=100)
    for run in many(12):
        sample.add(traced(run))
    assert (sample.read().leaves, sample.left_out) == (96, 0)


def test_sources_are_the_last_successful_results() -> None:
    run = run_of(
        call("get", {}, '{"id": "A", "n": 1.0, "list": [1], "none": null, "deep": {"x": true}}'),
        call("get", {}, {"id": "B"}, turn=2),
        call("count", {}, "3", turn=2),
        failed("get", {}, "Error"),
        call("end"),
        input={"ticket": 7},
    )
    (context,) = contexts(traced(run))
    seen = [{tool: dict(fields.values) for tool, fields in each.items()} for each in sources(context)]
    first = {"id": '"A"', "n": "1", "deep.x": "true"}
    entry = {INPUT: {"ticket": "7"}}
    assert seen == [
        entry,
        entry | {"get": first},
        entry | {"get": first},
        entry | {"get": {"id": '"B"'}, "count": {"": "3"}},
        entry | {"get": {"id": '"B"'}, "count": {"": "3"}},
    ]


def test_values_lead_back_to_their_fields() -> None:
    (context,) = contexts(traced(run_of(call("get", {}, {"a": 1, "b": {"c": 1}}), call("end"))))
    *_, last = sources(context)
    assert last["get"].paths == {"1": ("a", "b.c")}
