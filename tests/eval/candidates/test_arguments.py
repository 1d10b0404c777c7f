"""Candidates made of what models pass to tools: determined, closed and constant arguments."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from observed import call, candidates, failed, run_of, traced, user

from llm_do_eval.candidates.determined_argument import null_of
from llm_do_eval.candidates.rules import find_rules
from llm_do_eval.candidates.text_pattern import shape_of
from llm_do_eval.ratio import Ratio
from llm_do_eval.tables.arguments import ArgumentSample

if TYPE_CHECKING:
    from collections.abc import Callable

    from llm_do_eval.observation import Run


def booking(
    clusters: int, passed: Callable[[int], Any], shown: Callable[[int], Any], **fields: Any
) -> list[Run]:
    """In each cluster a look-up that shows an owner, then a booking for whom the model passes."""
    return [
        run_of(
            call("look", {"order": n}, {"owner": shown(n), "n": 1}),
            call("book", {"user": passed(n)}, "done", **fields),
            run=f"r{n}",
            cluster=n,
        )
        for n in range(clusters)
    ]


def name(n: int) -> str:
    return f"user-{n}"


def determined(observed: list[Run], **wishes: Any) -> Any:
    (found,) = candidates("determined_argument", observed, **wishes)
    return found


def test_a_value_that_a_result_gave_is_determined() -> None:
    found = determined(booking(200, name, name))
    assert (found.verdict, found.site) == ("candidate", "arg:book.user")
    assert found.id == "determined_argument:arg:book.user:the last look.owner"
    assert (found.evidence.agree, found.evidence.distinct, found.evidence.null) == (Ratio(200, 200), 200, 0.0)
    assert found.evidence.chance < 0.01
    assert found.evidence.held_out.k == found.evidence.held_out.n


def test_few_clusters_name_how_many_more() -> None:
    found = determined(booking(8, name, name))
    assert (found.verdict, found.evidence.clusters) == ("needs-data", 8)
    assert f"{found.needs_clusters} more clusters without a miss would show" in found.reason


def test_a_value_that_never_varies_is_rejected_however_often_it_holds() -> None:
    found = determined(booking(200, lambda _: 0, lambda _: 0))
    assert (found.verdict, found.evidence.distinct, found.evidence.null) == ("rejected", 1, 1.0)
    assert "never varies" in found.reason
    assert found.needs_clusters is None


def test_two_frequent_values_that_meet_by_coincidence_are_rejected() -> None:
    rng = random.Random(4)

    def cabin(_: int) -> str:
        return "economy" if rng.random() < 0.99 else "business"

    found = determined(booking(400, cabin, cabin))
    assert found.verdict == "rejected"
    assert "the source of another cluster gives the same value in 9" in found.reason


def test_a_source_that_holds_too_rarely_is_rejected() -> None:
    found = determined(booking(100, name, lambda n: name(n) if n % 4 else "other"))
    assert (found.verdict, found.evidence.agree) == ("rejected", Ratio(75, 100))


def test_a_rule_below_one_half_is_not_listed() -> None:
    assert (
        candidates("determined_argument", booking(100, name, lambda n: name(n) if n % 3 == 0 else "x")) == []
    )


def test_determined_and_failing_is_harmful_once_it_is_shown() -> None:
    observed = [
        run_of(*run.calls, run=run.id, cluster=run.root.cluster, ok=False) for run in booking(200, name, name)
    ]
    found = determined(observed)
    assert (found.verdict, found.evidence.correct) == ("harmful", Ratio(0, 200))
    assert determined(observed, min_correct=0).verdict == "candidate"
    assert determined(observed[:8]).verdict == "needs-data"


def test_the_callers_input_is_a_source() -> None:
    observed = [
        run_of(
            call("read", {"path": f"f{n}.pdf"}),
            run=f"r{n}",
            cluster=n,
            input={"path": f"f{n}.pdf", "lang": "en"},
        )
        for n in range(250)
    ]
    found = candidates("determined_argument", observed)
    assert [(each.verdict, each.id.rpartition(":")[2]) for each in found] == [
        ("candidate", "the caller's input 'path'"),
        # the path is the only text that the user gave, so its shape is found there, too
        ("candidate", r"the only \b[a-z0-9]+\.[a-z]{3}\b in the user's text"),
    ]


def test_the_only_match_in_the_users_text_is_a_source() -> None:
    observed = [
        run_of(
            user(f"I am mia_li_{1000 + n} and no_one_else"),
            call("get", {"user": f"mia_li_{1000 + n}"}),
            user("zoe_li_1234 too"),
            call("get", {"user": f"mia_li_{1000 + n}"}),
            run=f"r{n}",
            cluster=n,
        )
        for n in range(200)
    ]
    found = determined(observed)
    assert found.verdict == "candidate"
    assert r"the only \b[a-z]{3}_[a-z]{2}_[0-9]{4}\b in the user's text" in found.reason
    # two matches stand before the second call of each run, where the rule gives nothing
    assert found.evidence.calls == 200


def test_only_successful_earlier_results_are_sources() -> None:
    observed = [
        run_of(
            call("look", {}, {"owner": name(n)}, turn=1),
            failed("look", {}, "Error"),
            call("book", {"user": name(n)}, turn=5),
            call("look", {}, {"owner": "later"}, turn=5),
            run=f"r{n}",
            cluster=n,
        )
        for n in range(200)
    ]
    assert determined(observed).verdict == "candidate"


def test_of_equal_fields_the_one_with_the_arguments_name_is_taken() -> None:
    observed = [
        run_of(
            call("look", {}, {"a": n, "user": n, "z": {"user": n}}),
            call("book", {"user": n}),
            run=f"r{n}",
            cluster=n,
        )
        for n in range(50)
    ]
    (rule,) = find_rules(sampled(observed))
    assert rule.source == "the last look.user"
    assert rule.tried == 3


def sampled(observed: list[Run]) -> Any:
    sample = ArgumentSample()
    for run in observed:
        sample.add(traced(run))
    return sample.read()


def test_the_null_is_the_share_of_other_clusters_with_the_same_value() -> None:
    (rule,) = find_rules(sampled(booking(10, lambda n: n % 2, lambda n: n % 2)))
    assert null_of(rule) == pytest.approx(4 / 9)  # pyright: ignore[reportUnknownMemberType]


@pytest.mark.parametrize(
    ("values", "pattern"),
    [
        (["mia_li_3668", "omar_rossi_1241", "a_b_0000"], r"\b[a-z]+_[a-z]+_[0-9]{4}\b"),
        (["NO6JO3", "AIXC49", "HKEG34"], r"\b[A-Z0-9]{6}\b"),
        (["2024-05-20", "2024-05-21", "2023-01-01"], r"\b[0-9]{4}\-[0-9]{2}\-[0-9]{2}\b"),
        (["a.b", "c.d", "e,f"], None),
        (["a.b", "c.d", "ef"], None),
        (["same", "same", "same"], None),
        (["ü1", "ü2", "ü3"], None),
        (["a", "b", ""], None),
        (["-a", "b-", "c-"], None),
    ],
)
def test_shapes(values: list[str], pattern: str | None) -> None:
    found = shape_of(values)
    assert (found.pattern if found else None) == pattern


def closed(observed: list[Run], path: str) -> Any:
    (found,) = (each for each in candidates("closed_argument", observed) if each.site == f"arg:{path}")
    return found


def test_a_value_that_was_always_read_before_is_closed() -> None:
    found = closed(booking(200, name, name), "book.user")
    assert (found.verdict, found.evidence.null) == ("candidate", 0.0)
    assert found.saving.unit == "checked arguments"


def test_a_value_that_stands_everywhere_is_not_closed() -> None:
    observed = [
        run_of(user(f"{n:03}: book by train"), call("book", {"by": "train"}), run=f"r{n}", cluster=n)
        for n in range(200)
    ]
    found = closed(observed, "book.by")
    assert found.verdict == "rejected"
    assert "100% of them stand in other clusters' texts too" in found.reason


def test_a_value_that_was_made_up_is_not_closed() -> None:
    found = closed(booking(60, lambda n: name(n) if n % 3 else f"new-{n}", name), "book.user")
    assert (found.verdict, found.evidence.agree) == ("rejected", Ratio(40, 60))


def constant(observed: list[Run], path: str, **wishes: Any) -> Any:
    (found,) = (
        each for each in candidates("constant_argument", observed, **wishes) if each.site == f"arg:{path}"
    )
    return found


def test_a_value_that_is_always_passed_is_constant() -> None:
    found = constant(booking(250, lambda _: False, name), "book.user")
    assert (found.verdict, found.evidence.distinct, found.evidence.agree) == ("candidate", 1, Ratio(250, 250))
    assert found.reason.startswith("is false in 250 of 250 values")


def test_arguments_of_tools_with_effects_need_99_percent() -> None:
    observed = booking(250, lambda _: "no", name)
    found = constant(observed, "book.user", writes=("book",))
    assert found.verdict == "needs-data"
    assert "safety-relevant" in found.reason
    assert "0.99 is wanted" in found.reason


def test_a_frequent_value_is_not_constant() -> None:
    found = constant(booking(100, lambda n: "no" if n % 5 else "yes", name), "book.user")
    assert (found.verdict, found.evidence.distinct) == ("rejected", 2)


def test_lists_are_constant_where_every_item_is() -> None:
    observed = booking(250, lambda n: ["x"] * (1 + n % 3), name)
    found = constant(observed, "book.user[]")
    assert (found.verdict, found.evidence.calls, found.evidence.agree.n) == ("candidate", 250, 499)


def test_constant_and_failing_is_harmful_once_it_is_shown() -> None:
    observed = [
        run_of(*run.calls, run=run.id, cluster=run.root.cluster, ok=False)
        for run in booking(250, lambda _: 1, name)
    ]
    assert constant(observed, "book.user").verdict == "harmful"
    assert constant(observed[:9], "book.user").verdict == "needs-data"


def test_free_text_is_left_out() -> None:
    assert candidates("constant_argument", booking(9, lambda _: 1, name), free_text=("book.user",)) == []
