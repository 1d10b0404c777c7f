from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from observed import call, run_of

from llm_do.errors import FormatError
from llm_do_eval.comparison.compare import Wishes, compare
from llm_do_eval.comparison.runs import journal_side
from llm_do_eval.health import Health
from llm_do_eval.observation import Failure, Sample
from llm_do_eval.ratio import Ratio
from llm_do_eval.tables.trace import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from llm_do_eval.comparison.compare import Comparison
    from llm_do_eval.comparison.row import Row
    from llm_do_eval.observation import Run


def runs(side: str, number: int, *, ok: Callable[[int], bool] = lambda _: True, **fields: Any) -> list[Run]:
    """Two runs of each input, and how each ended."""
    fields = {"model": "openai:a", "requests": 1, "latency_s": 1.0, "cost_usd": 0.01} | fields
    return [
        run_of(run=f"{side}{n}", cluster=n // 2, ok=ok(n), output="yes" if ok(n) else "no", **fields)
        for n in range(number)
    ]


def compared(base: Iterable[Run], candidate: Iterable[Run], **wishes: Any) -> Comparison:
    sides = [journal_side(name, each, Reading(), Health()) for name, each in (("a", base), ("b", candidate))]
    return compare(sides[0], sides[1], Wishes(**wishes))


def gate(comparison: Comparison) -> Row:
    [found] = [row for row in comparison.rows if row.gates]
    return found


def test_a_worker_is_compared_input_against_input() -> None:
    comparison = compared(runs("a", 40), runs("b", 40, ok=lambda n: n % 3 > 0))
    found = gate(comparison)
    assert (found.test, found.method, found.inputs) == ("agent", "sign_flip", 20)
    assert (found.word, found.base, found.candidate) == ("regression", Ratio(40, 40), Ratio(26, 40))
    assert [row.what for row in comparison.rows] == [
        "pass_rate",
        "labels",
        "cost_usd",
        "latency_s",
        "latency_shift",
    ]


def test_a_worker_against_code_names_both() -> None:
    code = runs("b", 40, impl="stabilized", model=None, requests=0, cost_usd=0.0, latency_s=0.001)
    comparison = compared(runs("a", 40), code)
    assert gate(comparison).notes == ("impl: worker -> stabilized", "model: openai:a -> none")
    words = {row.what: row.word for row in comparison.rows}
    assert words["cost_usd"] == words["latency_shift"] == "changed"


def test_other_inputs_are_compared_as_a_whole() -> None:
    moved = [run_of(run=f"b{n}", cluster=f"other {n}", ok=n > 5) for n in range(20)]
    found = gate(compared(runs("a", 20), moved))
    assert (found.method, found.inputs) == ("barnard", 1)
    assert found.notes[-1] == "most inputs are not the same: a difference may be that of the inputs"


def test_a_few_other_inputs_are_left_out() -> None:
    found = gate(compared(runs("a", 40), runs("b", 44)))
    assert (found.inputs, found.candidate) == (20, Ratio(40, 40))
    assert found.notes == ("4 runs on inputs that only one side has are left out",)


def test_runs_that_are_in_both_are_nothing_to_compare() -> None:
    same = runs("a", 20)
    assert "the same recording" in gate(compared(same, same[:10])).sentence


@pytest.mark.parametrize(
    ("recorded_at", "same"), [("2026-01-01T00:00:01+00:00", True), ("2026-01-05T00:00:01+00:00", False)]
)
def test_a_replay_of_what_the_base_recorded_is_the_same(recorded_at: str, *, same: bool) -> None:
    def sampled(side: str, at: str, **meta: Any) -> list[Run]:
        return [
            run_of(
                run=f"{side}{n}",
                ok=True,
                at=at,
                latency_s=2.0,
                sample=Sample("t::a", n),
                meta={"cassette": "c.jsonl", **meta},
            )
            for n in range(3)
        ]

    base = sampled("a", "2026-01-01T00:00:01+00:00", tested_at="2026-01-01T00:00:00.900+00:00")
    replay = sampled("b", "2026-01-09T00:00:00+00:00", recorded_at=recorded_at)
    assert ("the same recording" in gate(compared(base, replay)).sentence) is same


def test_faults_of_a_provider_are_no_outcome_and_too_many_void() -> None:
    def down(number: int) -> list[Run]:
        error = Failure("RunFailed", "503", "infra")
        return [run_of(run=f"down{n}", cluster=n, ok=False, error=error) for n in range(number)]

    found = gate(compared(runs("a", 40), [*runs("b", 40), *down(2)]))
    assert found.candidate == Ratio(40, 40)
    voided = gate(compared(runs("a", 40), [*runs("b", 40), *down(5)]))
    assert voided.sentence == "not comparable: candidate: 5 of 45 runs ended in infrastructure errors"


def test_runs_without_outcome_say_what_to_do() -> None:
    unknown = [run_of(run=f"b{n}", cluster=n) for n in range(4)]
    assert gate(compared(runs("a", 4), unknown)).sentence == (
        "not comparable: candidate: of no run it is known whether it passed; say so with --ok"
    )


def test_long_outputs_are_no_labels() -> None:
    talk = [run_of(run=f"b{n}", cluster=n // 2, ok=True, output="so " * 40) for n in range(20)]
    assert all(row.what != "labels" for row in compared(runs("a", 20), talk).rows)


def test_workers_that_changed_are_named() -> None:
    comparison = compared(
        [run_of(call("look"), run=f"a{n}", cluster=n, ok=True, spec="1") for n in range(4)],
        [run_of(call("look"), run=f"b{n}", cluster=n, ok=True, spec="2") for n in range(4)],
    )
    assert gate(comparison).notes == ("worker 'agent' changed",)


def test_no_run_is_nothing_to_read() -> None:
    with pytest.raises(FormatError, match="no finished run"):
        journal_side("a.jsonl", [], Reading(), Health())
