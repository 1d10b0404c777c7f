"""Claims about quantiles are three-way, and the values that they were judged by are kept."""

from __future__ import annotations

import math
from typing import Any

import pytest

from llm_do_eval.claim import Claim
from llm_do_eval.number import number
from llm_do_eval.spread import Spread, spreads

CLAIM = Claim()
SURE = "95 % confidence"


def spread(*values: float | None, limit: float = 8, **claimed: Any) -> Spread:
    [found] = spreads([{"x": number("x", value, limit, **claimed)} for value in values])
    return found


@pytest.mark.parametrize(
    ("values", "word", "sentence"),
    [
        (
            [5.0] * 59,
            "PASS",
            f"59/59 at most 8; shown: p95 at most 8 (bound 5, {SURE}); median 5 (5 to 5)",
        ),
        (
            [5.0] * 20,
            "INCONCLUSIVE",
            (
                "20/20 at most 8; not settled: 20 samples can never show p95; "
                "it needs >= 59 (all at most 8); median 5 (5 to 5)"
            ),
        ),
        (
            [5.0] * 58 + [9.0],
            "INCONCLUSIVE",
            (
                "58/59 at most 8; not settled: at least 34 more samples, all at most 8, would show p95; "
                "median 5 (5 to 9)"
            ),
        ),
        (
            [5.0] * 10 + [9.0] * 10,
            "FAIL",
            f"10/20 at most 8; shown: p95 not at most 8 (bound 9, {SURE}); median 5 (5 to 9)",
        ),
    ],
)
def test_a_quantile_is_shown_refuted_or_open(values: list[float], word: str, sentence: str) -> None:
    verdict = spread(*values, quantile=0.95).judge(CLAIM)
    assert (verdict.word, verdict.sentence) == (word, sentence)


@pytest.mark.parametrize(
    ("values", "word"), [([0.9] * 59, "PASS"), ([0.9] * 30, "INCONCLUSIVE"), ([0.1] * 9, "FAIL")]
)
def test_a_low_quantile_is_reached_where_nearly_all_values_are(values: list[float], word: str) -> None:
    found = spread(*values, limit=0.5, side="at least", quantile=0.05)
    assert found.judge(CLAIM).word == word
    if word == "PASS":
        assert "shown: p5 at least 0.5 (bound 0.9" in found.judge(CLAIM).sentence


def test_the_rate_of_the_test_does_not_matter_and_its_confidence_does() -> None:
    values = [5.0] * 59
    assert spread(*values, quantile=0.95).judge(Claim(min_pass_rate=0.999, target=0.9995)).word == "PASS"
    assert spread(*values, quantile=0.95).judge(Claim(confidence=0.99)).word == "INCONCLUSIVE"
    guarded = spread(*values[:20], quantile=0.95).judge(Claim(min_pass_rate=0.5, mode="guard"))
    assert guarded.word == "PASS"
    assert "p95 at most 8 is not refuted, and a guard asks no more" in guarded.sentence


def test_a_wrong_verdict_about_a_quantile_is_as_rare_as_promised() -> None:
    for level in (0.5, 0.9, 0.95):
        for n in (5, 20, 59, 100):
            words = [
                spread(*[1.0] * k, *[9.0] * (n - k), quantile=level).judge(CLAIM).word for k in range(n + 1)
            ]
            chances = [math.comb(n, k) * level**k * (1 - level) ** (n - k) for k in range(n + 1)]
            for wrong in ("PASS", "FAIL"):
                assert (
                    math.fsum(c for c, word in zip(chances, words, strict=True) if word == wrong)
                    <= 0.05 + 1e-9
                )


def test_what_is_no_number_and_what_never_came_count_against_it() -> None:
    numbers = [{"x": number("x", value, 8, quantile=0.5)} for value in (1.0, math.nan, None)]
    [found] = spreads([*numbers, {}])
    verdict = found.judge(CLAIM)
    assert (verdict.k, verdict.n, found.missed) == (1, 4, 1)
    assert found.values == [1.0, None, None, None]
    assert verdict.sentence.startswith("1/4 at most 8 (1 sample never came to it)")
    assert found.to_json(0.05)["values"]["quantile"] is None


def test_the_values_are_kept_with_what_they_show() -> None:
    values = [float(each) for each in range(1, 60)]
    assert spread(*values, limit=59, quantile=0.95).to_json(0.05) == {
        "side": "at most",
        "limit": 59.0,
        "quantile": 0.95,
        "values": {"each": values, "min": 1.0, "median": 30.0, "max": 59.0, "quantile": 57.0, "bound": 59.0},
    }
    ordinary = spread(3.0, 1.0, 2.0).to_json(0.05)
    assert ordinary["quantile"] is None
    assert ordinary["values"] | {"each": []} == {
        "each": [],
        "min": 1.0,
        "median": 2.0,
        "max": 3.0,
        "quantile": None,
        "bound": None,
    }


def test_limits_that_differ_are_each_kept_and_none_is_told() -> None:
    samples = [{"x": number("x", value, value + 1, quantile=0.5)} for value in (1.0, 2.0, 3.0, 4.0, 5.0)]
    [found] = spreads(samples)
    assert (found.limit, found.kept) == (None, 5)
    assert found.judge(CLAIM).sentence.startswith(
        "5/5 at most their limits; shown: p50 at most their limits (95 %"
    )


def test_of_different_claims_the_hardest_counts() -> None:
    [found] = spreads([{"x": number("x", 1, 8, quantile=level)} for level in (0.5, 0.95, 0.9)])
    assert found.of.quantile == 0.95


def test_no_sample_shows_nothing() -> None:
    assert spreads([]) == []
    empty = Spread(number("x", 1, 8, quantile=0.5), ())
    assert empty.judge(CLAIM).word == "INCONCLUSIVE"
    assert empty.told() == ""
