"""Candidates made of what workers answer: constant outputs and label sets."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from observed import call, candidates, run_of

from llm_do_eval.candidates.judgement import FLOOR
from llm_do_eval.ratio import Ratio

if TYPE_CHECKING:
    from llm_do_eval.observation import Run


def runs(*outputs: Any, per_cluster: int = 1, **fields: Any) -> list[Run]:
    return [
        run_of(run=f"{n}-{trial}", cluster=n, input=n, output=output, **fields)
        for n, output in enumerate(outputs)
        for trial in range(per_cluster)
    ]


def constant(observed: list[Run], **wishes: Any) -> Any:
    (found,) = candidates("constant_output", observed, **wishes)
    return found


def labels(observed: list[Run], **wishes: Any) -> Any:
    (found,) = candidates("label_set", observed, **wishes)
    return found


def test_a_worker_that_always_says_the_same_is_constant() -> None:
    found = constant(runs(*["No"] * 200, ok=True, cost_usd=0.002, latency_s=0.5))
    assert (found.id, found.site, found.verdict) == (
        "constant_output:worker:agent",
        "worker:agent",
        "candidate",
    )
    assert found.evidence.bound >= FLOOR
    assert found.evidence.held_out.k == found.evidence.held_out.n > 58
    assert (found.evidence.clusters, found.evidence.distinct, found.evidence.agree) == (
        200,
        1,
        Ratio(200, 200),
    )
    assert (found.evidence.correct, found.needs_clusters) == (Ratio(200, 200), 0)
    assert (found.saving.per_1000_runs, found.saving.cost_usd, found.saving.latency_s) == (1000, 2.0, 500.0)


def test_repeats_of_one_input_are_no_clusters() -> None:
    found = constant(runs("No", per_cluster=300))
    assert (found.verdict, found.evidence.clusters, found.evidence.self_agreement) == ("needs-data", 1, 1.0)
    assert "only one input was seen" in found.reason
    assert found.needs_clusters > 100


def test_one_input_with_differing_answers_is_no_constant() -> None:
    trials = [
        run_of(run=str(trial), cluster="one", input="one", output="No" if trial % 3 else "Yes")
        for trial in range(60)
    ]
    found = constant(trials)
    assert (found.verdict, found.needs_clusters) == ("rejected", None)
    assert "40 of 60 calls: the answers to the inputs seen differ" in found.reason


def test_too_few_clusters_name_what_is_missing() -> None:
    found = constant(runs(*["No"] * 30))
    assert found.verdict == "needs-data"
    assert f"{found.needs_clusters} more clusters without a miss would show" in found.reason
    more = runs(*["No"] * (30 + found.needs_clusters + 60))
    assert constant(more).verdict == "candidate"


def test_consistent_and_wrong_is_harmful() -> None:
    wrong = [
        *runs(*["No"] * 60, ok=True),
        *(run_of(run=f"w{n}", cluster=n, output="No", ok=False) for n in range(60)),
    ]
    found = constant(wrong)
    assert (found.verdict, found.needs_clusters) == ("harmful", None)
    assert "right in only 60 of 120 runs" in found.reason
    assert constant(wrong, min_correct=0.5).verdict == "needs-data"


def test_few_wrong_answers_are_not_yet_harmful() -> None:
    found = constant(runs(*["No"] * 10, ok=False))
    assert found.verdict == "needs-data"
    assert "right in only 0 of 10 runs" in found.reason


def test_without_outcomes_nothing_is_harmful() -> None:
    found = constant(runs(*["No"] * 200))
    assert (found.verdict, found.evidence.correct) == ("candidate", None)


def test_frequent_is_not_constant() -> None:
    found = constant(runs(*["No"] * 170, *["Yes"] * 30))
    assert (found.verdict, found.evidence.agree) == ("rejected", Ratio(170, 200))
    assert "170 of 200 clusters" in found.reason


def test_one_other_answer_spoils_its_cluster() -> None:
    observed = runs(*["No"] * 20)
    observed += [run_of(run=f"x{n}", cluster=n, input=n, output="Yes") for n in range(9)]
    assert constant(observed).reason.endswith("holds in only 11 of 20 clusters")


def test_a_called_worker_is_a_site_and_has_no_outcome_of_its_own() -> None:
    observed = [
        run_of(call("label", {"n": n}, "spam", impl="worker"), run=str(n), cluster=n, output=n, ok=False)
        for n in range(200)
    ]
    found = {each.site: each for each in candidates("constant_output", observed)}
    assert found["worker:label"].verdict == "candidate"
    assert found["worker:label"].evidence.correct is None
    assert found["worker:agent"].verdict == "rejected"


def test_answers_from_a_short_list_are_labels() -> None:
    rng = random.Random(1)
    found = labels(runs(*(rng.choice(["a", "b", "c"]) for _ in range(250))))
    assert (found.verdict, found.evidence.distinct) == ("candidate", 3)
    assert '3 labels ("a", "b", "c")' in found.reason
    assert found.evidence.held_out.k == found.evidence.held_out.n


def test_structured_answers_are_labels_too() -> None:
    found = labels(runs(*({"queue": name, "n": 1} for name in ["x", "y"] * 120)))
    assert found.verdict == "candidate"


def test_new_answers_that_keep_coming_are_no_labels() -> None:
    assert "60 distinct outputs are more than 20" in labels(runs(*range(60))).reason
    found = labels(runs(*["a"] * 20, *range(15)))
    assert (found.verdict, found.needs_clusters) == ("rejected", None)
    assert "labels that no other cluster knows keep coming" in found.reason


def test_one_answer_is_no_list() -> None:
    found = labels(runs(*["a"] * 100))
    assert (found.verdict, found.reason) == ("rejected", "one output only, which is a constant and no choice")


def test_many_labels_need_clusters_for_each() -> None:
    found = labels(runs(*[n % 18 for n in range(120)]))
    assert found.verdict == "needs-data"
    assert "fewer than 5 clusters a label" in found.reason
    assert found.needs_clusters >= 15


def test_failed_and_stubbed_calls_are_no_answers() -> None:
    observed = [run_of(call("label", 1, "x", impl="stub"), run=str(n), cluster=n) for n in range(3)]
    assert candidates("constant_output", observed) == []
