from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from observed import call, run_of, traced

from llm_do_eval.tables.origins import ModelRow, Origin, Origins

if TYPE_CHECKING:
    from llm_do_eval.observation import Run

OWN = {"llm-do": "0.1.0"}


def own(name: str, day: str, *, model: str | None = "openai:m", meta: dict[str, Any] | None = None) -> Run:
    fields: dict[str, Any] = {
        "model": model,
        "requests": 1,
        "at": f"{day}T10:00:00+00:00",
        "meta": meta or {},
    }
    return replace(run_of(run=name, **fields), versions=OWN)


def origin(*runs: Run) -> Origin:
    table = Origins()
    for run in runs:
        table.add(traced(run))
    return table.row()


def test_a_run_is_of_the_kind_that_its_journal_says() -> None:
    cassette = {"cassette": "c.jsonl", "nth": 0}
    found = origin(
        own("live", "2026-11-05"),
        own("recorded", "2026-11-03", meta=cassette),
        own("replayed", "2026-12-31", meta={**cassette, "recorded_at": "2026-11-02T08:00:00+00:00"}),
        own("stock", "2026-12-31", meta={**cassette, "recorded_at": None}),
        own("scripted", "2027-01-01", model="function:function:answer:", meta=cassette),
        own("python", "2027-01-01", model=None),
        run_of(run="imported", at="2020-01-01T00:00:00+00:00"),
    )
    counts = (found.live, found.recorded, found.replayed, found.unasked, found.unknown)
    assert counts == (1, 1, 2, 2, 1)
    assert (found.first, found.last) == ("2026-11-02", "2026-11-05")
    assert found.models == [ModelRow("openai:m", 4)]


def test_every_model_that_was_asked_counts_once_in_a_run() -> None:
    below = [call("w", impl="worker", model=model, requests=1) for model in ("a:x", "a:x", "b:y")]
    unasked = call("w", impl="worker", model="c:z", requests=0)
    run = replace(run_of(*below, unasked, model="b:y", requests=2), versions=OWN)
    found = origin(run, own("r2", "2026-11-05", model="b:y"))
    assert found.models == [ModelRow("b:y", 2), ModelRow("a:x", 1)]


def test_a_run_whose_every_request_was_replayed_is_a_replay_in_every_mode() -> None:
    run = own("once", "2026-12-31", meta={"cassette": "c.jsonl", "tested_at": "2026-12-31"})
    found = origin(replace(run, root=replace(run.root, replayed=True)))
    assert (found.recorded, found.replayed, found.first) == (0, 1, None)


def test_a_run_that_was_to_go_on_with_a_recording_is_one_unless_every_request_was_replayed() -> None:
    meta = {"cassette": "c.jsonl", "recorded_at": "2026-11-02T08:00:00+00:00", "records": True}
    asked = own("asked", "2026-12-30", meta=meta)
    found = origin(asked, replace(asked, id="other", root=replace(asked.root, replayed=True)))
    assert (found.recorded, found.replayed) == (1, 1)
    assert (found.first, found.last) == ("2026-11-02", "2026-12-30")


def test_no_run_has_no_days() -> None:
    assert origin() == Origin(0, 0, 0, 0, 0, None, None, [])
