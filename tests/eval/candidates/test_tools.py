"""Candidates made of calls: pure, terminal and unused tools."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from observed import call, candidates, failed, run_of

from llm_do_eval.ratio import Ratio

if TYPE_CHECKING:
    from collections.abc import Callable

    from llm_do_eval.observation import Run


def repeats(results: Callable[[int, int], Any], clusters: int = 20, **fields: Any) -> list[Run]:
    """In each cluster one argument set of its own, called in three runs; `results(cluster, run)`."""
    fields = {"effect": "read"} | fields
    return [
        run_of(call("f", {"n": n}, results(n, trial), **fields), run=f"{n}-{trial}", cluster=n)
        for n in range(clusters)
        for trial in range(3)
    ]


def pure(observed: list[Run], **wishes: Any) -> Any:
    (found,) = candidates("pure_tool", observed, **wishes)
    return found


def test_a_tool_that_repeats_itself_is_pure() -> None:
    found = pure(repeats(lambda n, _: n * n))
    assert (found.verdict, found.site, found.evidence.agree) == ("candidate", "tool:f", Ratio(20, 20))
    assert (found.evidence.clusters, found.evidence.null, found.evidence.chance) == (20, 0.0, 0.5**20)
    assert found.evidence.held_out is None


def test_few_repeats_could_be_coincidence() -> None:
    found = pure(repeats(lambda n, _: n * n, clusters=4))
    assert (found.verdict, found.needs_clusters) == ("needs-data", 3)
    assert pure(repeats(lambda n, _: n * n, clusters=7)).verdict == "candidate"


def test_a_tool_that_disagrees_with_itself_once_is_rejected() -> None:
    found = pure(repeats(lambda n, trial: n + (n == 3 and trial == 2)))
    assert (found.verdict, found.reason) == (
        "rejected",
        "only 19 of 20 repeated argument sets gave one result",
    )


def test_a_tool_that_always_says_the_same_is_no_evidence() -> None:
    found = pure(repeats(lambda _n, _: "ok"))
    assert found.verdict == "rejected"
    assert "hardly varies: it is equal in 100% of pairs" in found.reason


def test_a_frequent_result_is_no_evidence() -> None:
    assert pure(repeats(lambda n, _: "ok" if n % 10 else n)).verdict == "rejected"


def test_effects_forbid_remembering() -> None:
    assert pure(repeats(lambda n, _: n, effect="write")).verdict == "rejected"
    assert pure(repeats(lambda n, _: n, effect="unknown"), writes=("f*",)).verdict == "rejected"


def test_unknown_effects_have_to_be_told() -> None:
    found = pure(repeats(lambda n, _: n, effect="unknown"))
    assert (found.verdict, found.needs_clusters) == ("needs-data", 0)
    assert "--writes" in found.reason
    assert pure(repeats(lambda n, _: n, effect="unknown"), writes=("book",)).verdict == "candidate"


def test_one_argument_set_says_little() -> None:
    observed = [run_of(call("now", {}, 1, effect="read"), run=str(n), cluster=n) for n in range(30)]
    found = pure(observed)
    assert (found.verdict, found.needs_clusters) == ("needs-data", 1)


def test_workers_and_stubs_are_no_pure_tools() -> None:
    assert candidates("pure_tool", repeats(lambda n, _: n, impl="worker")) == []
    assert candidates("pure_tool", repeats(lambda n, _: n, impl="stub")) == []


def test_what_is_saved_are_repeats_within_a_run() -> None:
    observed = [
        run_of(*[call("f", {"n": n}, n, effect="read")] * 3, run=str(n), cluster=n) for n in range(10)
    ]
    assert pure(observed).saving.per_1000_runs == 2000


def ending(clusters: int, last: str = "hang_up") -> list[Run]:
    return [run_of(call("look"), call(last), run=str(n), cluster=n) for n in range(clusters)]


def terminal(observed: list[Run]) -> dict[str, Any]:
    return {each.site: each for each in candidates("terminal_tool", observed)}


def test_a_tool_after_which_nothing_is_called_is_terminal() -> None:
    found = terminal(ending(120))
    assert list(found) == ["tool:hang_up"]
    assert (found["tool:hang_up"].verdict, found["tool:hang_up"].evidence.agree) == (
        "candidate",
        Ratio(120, 120),
    )
    assert found["tool:hang_up"].saving.unit == "model requests"


def test_a_tool_that_ends_few_runs_needs_more() -> None:
    found = terminal(ending(14))["tool:hang_up"]
    assert (found.verdict, found.needs_clusters) == ("needs-data", 58)


def test_a_tool_that_is_followed_in_some_clusters_is_not_terminal() -> None:
    observed = ending(60)
    observed += [run_of(call("hang_up"), call("look"), run=f"x{n}", cluster=n) for n in range(20)]
    assert terminal(observed)["tool:hang_up"].verdict == "rejected"


def test_calls_of_code_do_not_end_a_model() -> None:
    observed = [
        run_of(call("plan"), call("look", parent="1"), call("add"), call("add"), run=str(n), cluster=n)
        for n in range(9)
    ]
    assert list(terminal(observed)) == ["tool:add"]


def offering(clusters: int, *called: str) -> list[Run]:
    return [
        run_of(*(call(name) for name in called), run=str(n), cluster=n, offered=["look", "drop"])
        for n in range(clusters)
    ]


def test_a_tool_that_nobody_called_is_unused() -> None:
    (found,) = candidates("unused_tool", offering(100, "look"))
    assert (found.id, found.site, found.verdict) == ("unused_tool:tool:drop:agent", "tool:drop", "candidate")
    assert "agent never called it in 100 runs that offered it" in found.reason


def test_a_few_offers_show_little() -> None:
    (found,) = candidates("unused_tool", offering(20, "look"))
    assert (found.verdict, found.needs_clusters) == ("needs-data", 52)


def test_one_call_is_a_use_also_a_failed_one() -> None:
    observed = [
        *offering(100, "look"),
        run_of(failed("drop", {}, "Error"), run="x", offered=["look", "drop"]),
    ]
    assert candidates("unused_tool", observed) == []


def test_without_offers_nothing_is_unused() -> None:
    assert candidates("unused_tool", ending(100)) == []


def test_a_coin_is_not_pure() -> None:
    rng = random.Random(2)
    assert pure(repeats(lambda _n, _: rng.randrange(2))).verdict == "rejected"
