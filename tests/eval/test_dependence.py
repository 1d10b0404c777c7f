"""What was answered once counts once, and what speaks against independence is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm_do_eval.dependence import dependences, distinct, observations
from llm_do_eval.sample import Sample
from llm_do_eval.trajectory import Response

if TYPE_CHECKING:
    from llm_do_eval.sample import Outcome


def sample(
    index: int, *ids: str, outcome: Outcome | None = "pass", model: str = "m-1", varies: bool = True
) -> Sample:
    answers = [Response(each, "openai:m", model, varies=varies) for each in ids]
    return Sample(index, responses=answers, outcome=outcome)


def test_of_samples_with_one_answer_the_first_counts() -> None:
    samples = [sample(0, "a", outcome="fail"), sample(1, "a"), sample(2, "b"), sample(3), sample(4)]
    assert [each.index for each in observations(samples)] == [0, 2, 3, 4]
    assert distinct(samples) == 4
    assert dependences("t", samples) == [
        "1 of 5 samples got only answers that the provider had given before; each counts once, so 4 count"
    ]


def test_an_answer_to_a_sample_without_outcome_is_not_taken_from_the_next() -> None:
    samples = [sample(0, "a", outcome="infra"), sample(1, "a"), sample(2, "a", outcome=None)]
    assert [each.index for each in observations(samples)] == [1]


def test_settings_that_fix_the_answer_are_warned_of() -> None:
    fixed = [sample(i, f"a{i}", varies=False) for i in range(20)]
    [warning] = dependences("t", fixed)
    assert warning.startswith(
        "temperature 0 or a fixed seed: samples are not independent, and all 20 of them"
    )
    assert dependences("t", [*fixed, sample(20, "b")]) == []
    assert dependences("t", fixed[:1]) == []


def test_a_model_that_changes_under_its_name_splits_the_samples() -> None:
    old = [sample(i, f"a{i}", outcome="pass" if i else "fail") for i in range(4)]
    new = [sample(i, f"b{i}", model="m-2") for i in range(4, 6)]
    assert dependences("t", [*old, *new]) == [
        "openai:m stood for different models, each with a rate of its own: m-1 3/4, m-2 2/2 samples passed"
    ]
    assert dependences("t", old) == []


def outcomes(text: str) -> list[Sample]:
    return [sample(i, f"a{i}", outcome="pass" if each == "." else "fail") for i, each in enumerate(text)]


def test_a_rate_that_changes_on_the_way_is_warned_of_always_alike() -> None:
    drifting = outcomes("." * 20 + "F" * 20)
    first = dependences("t", drifting)
    assert first == dependences("t", drifting)
    assert [each.partition(" (")[0] for each in first] == [
        "outcomes stick together",
        "the rate changed on the way",
    ]
    assert all("20/20, then 0/20 passed): read the rate as an average over the run" in each for each in first)


def test_few_samples_and_a_single_failure_say_nothing_about_order() -> None:
    assert dependences("t", outcomes("." * 15 + "FFFF")) == []
    assert dependences("t", outcomes("." * 39 + "F")) == []
    assert dependences("t", outcomes(".F...F...." * 4)) == []
