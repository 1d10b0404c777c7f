"""What an interrupted run leaves: every ended sample, once, for the same claim only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from llm_do.errors import FormatError, UsageError
from llm_do_eval.failurekind import failure_kind
from llm_do_eval.number import number
from llm_do_eval.sample import Sample
from llm_do_eval.sampling.ledger import Ledger
from llm_do_eval.trajectory import Response, Usage

if TYPE_CHECKING:
    from pathlib import Path

    from llm_do_eval.sample import Outcome

ABOUT = {"test": "t", "samples": 20, "min_pass_rate": 0.8}


def ended(index: int, outcome: Outcome) -> Sample:
    sample = Sample(index, usage=Usage(2, 1, 30, 4), cost_usd=0.25, spent_usd=0.125, models={"m"})
    sample.checks.check("kept", condition=True, must=True, label=None)
    sample.checks.check("told", condition=outcome == "pass", must=False, label="hallucination")
    sample.responses.append(Response(f"id-{index} None", "p:m", "m-1", varies=False))
    sample.checks.measure(number("cost", 0.5, 1))
    sample.checks.measure(number("latency", index, 2, quantile=0.5))
    sample.tools_misused = True
    sample.end(AssertionError("no") if outcome == "fail" else None, outcome)
    sample.outcome = outcome
    return sample


def test_ended_samples_come_back_as_they_were(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "folder" / "t.jsonl", ABOUT)
    ledger.begin()
    kept = [ended(4, "pass"), ended(0, "fail")]
    for each in kept:
        ledger.append(each)
    restored = Ledger(ledger.path, ABOUT).restore()
    for before, after in zip(kept, restored, strict=True):
        for name in (
            "index",
            "outcome",
            "usage",
            "cost_usd",
            "spent_usd",
            "models",
            "responses",
            "tools_misused",
        ):
            assert getattr(after, name) == getattr(before, name)
        for name in ("held", "must", "broken", "numbers"):
            assert getattr(after.checks, name) == getattr(before.checks, name)
        assert after.labels == before.labels
        assert failure_kind(after) == failure_kind(before)
    assert failure_kind(restored[1]) == "assertion"
    assert restored[1].reasons == ["invariant 'told' is false", "AssertionError: no"]


def test_a_sample_without_outcome_is_run_again(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "t.jsonl", ABOUT)
    ledger.begin()
    ledger.append(ended(0, "infra"))
    ledger.append(ended(1, "pass"))
    assert [each.index for each in ledger.restore()] == [1]


def test_every_cut_of_the_last_line_drops_it_and_the_file_goes_on(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "t.jsonl", ABOUT)
    ledger.begin()
    ledger.append(ended(0, "pass"))
    whole = ledger.path.read_bytes()
    ledger.append(ended(1, "fail"))
    longer = ledger.path.read_bytes()
    for size in range(len(whole), len(longer)):
        ledger.path.write_bytes(longer[:size])
        assert [each.index for each in ledger.restore()] == [0]
        ledger.append(ended(2, "pass"))
        assert [each.index for each in ledger.restore()] == [0, 2]


def test_another_claim_is_refused_by_what_differs(tmp_path: Path) -> None:
    Ledger(tmp_path / "t.jsonl", ABOUT).begin()
    with pytest.raises(UsageError, match=r"samples 20, and now it is 40; resume it as it was, or start anew"):
        Ledger(tmp_path / "t.jsonl", ABOUT | {"samples": 40}).restore()


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "t.jsonl", ABOUT)
    ledger.begin()
    ledger.path.write_text(ledger.path.read_text() + "no\n")
    with pytest.raises(FormatError, match=r"t\.jsonl:2: is no JSON"):
        ledger.restore()


def test_nothing_was_left_where_there_is_no_file_and_after_the_verdict(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "t.jsonl", ABOUT)
    assert ledger.restore() == []
    ledger.begin()
    ledger.append(ended(0, "pass"))
    ledger.remove()
    ledger.remove()
    assert ledger.restore() == []


def test_starting_anew_forgets_what_was_left(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "t.jsonl", ABOUT)
    ledger.begin()
    ledger.append(ended(0, "pass"))
    ledger.begin()
    assert ledger.restore() == []


def test_no_secret_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_API_KEY", "sk-geheim-0123456789")
    ledger = Ledger(tmp_path / "t.jsonl", ABOUT)
    ledger.begin()
    sample = Sample(0)
    sample.end(RuntimeError("rejected: sk-geheim-0123456789"), "error")
    ledger.append(sample)
    assert "geheim" not in ledger.path.read_text()
    assert "RuntimeError: rejected" in ledger.path.read_text()
