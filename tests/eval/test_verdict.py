"""Verdicts follow from the bounds, are wrong as rarely as they say, and say what they show."""

from __future__ import annotations

import math
from fnmatch import fnmatchcase

import pytest

from llm_do_eval.claim import Claim, infra_allowed
from llm_do_eval.invariant import Tally
from llm_do_eval.stats.bounds import lower_bound, upper_bound
from llm_do_eval.verdict import (
    Counts,
    Verdict,
    combined,
    incomplete,
    judge_infra,
    judge_invariant,
    judge_rate,
)

RATES = (0.5, 0.8, 0.9, 0.95, 0.99)
SIZES = (*range(1, 31), 59, 100, 150)


@pytest.mark.parametrize("rate", RATES)
def test_verdicts_are_the_tail_probabilities(rate: float) -> None:
    claim = Claim(min_pass_rate=rate)
    for n in SIZES:
        words = [judge_rate(claim, k, n).word for k in range(n + 1)]
        chances = distribution(n, rate)
        passes = [math.fsum(chances[k:]) <= 0.05 + 1e-12 for k in range(n + 1)]
        fails = [math.fsum(chances[: k + 1]) <= 0.05 + 1e-12 for k in range(n + 1)]
        expected = [
            "PASS" if passed else "FAIL" if failed else "INCONCLUSIVE"
            for passed, failed in zip(passes, fails, strict=True)
        ]
        assert words == expected
        assert not any(passed and failed for passed, failed in zip(passes, fails, strict=True))


def test_a_wrong_verdict_is_as_rare_as_promised() -> None:
    worst = 0.0
    for rate in RATES:
        claim = Claim(min_pass_rate=rate)
        for n in SIZES:
            words = [judge_rate(claim, k, n).word for k in range(n + 1)]
            chances = distribution(n, rate)
            for word in ("PASS", "FAIL"):
                wrong = math.fsum(chance for chance, each in zip(chances, words, strict=True) if each == word)
                worst = max(worst, wrong)
    assert 0.045 < worst <= 0.05 + 1e-12


def test_the_bounds_of_a_verdict_are_one_sided() -> None:
    verdict = judge_rate(Claim(min_pass_rate=0.75), 19, 20)
    assert (verdict.lower, verdict.upper) == (lower_bound(19, 20), upper_bound(19, 20))
    assert verdict.lower == pytest.approx(0.783893835793, abs=1e-9)
    wider = judge_rate(Claim(min_pass_rate=0.75, confidence=0.99), 19, 20)
    assert wider.lower == pytest.approx(lower_bound(19, 20, 0.01), abs=1e-12)


@pytest.mark.parametrize(
    ("claim", "k", "n", "word", "sentence"),
    [
        (Claim(), 20, 20, "PASS", "20/20 samples passed -> true pass rate >= 86.1 % (95 % confidence)"),
        (
            Claim(),
            0,
            20,
            "FAIL",
            "0/20 samples passed, and without min_pass_rate every one has to; the true pass rate is at most*",
        ),
        (
            Claim(min_pass_rate=0.9),
            20,
            20,
            "INCONCLUSIVE",
            "20/20 samples passed; not settled: *; at least 9 more samples, all passing, would show 0.9",
        ),
        (
            Claim(min_pass_rate=0.9, mode="guard"),
            29,
            29,
            "PASS",
            "29/29 samples passed; shown: true pass rate >= 0.9 (bound 90.2 %, 95 % confidence)",
        ),
        (
            Claim(min_pass_rate=0.9, mode="guard"),
            15,
            20,
            "FAIL",
            "15/20 samples passed; shown: true pass rate < 0.9 (bound 89.6 %, 95 % confidence)",
        ),
        (Claim(), 0, 0, "INCONCLUSIVE", "no sample was judged: nothing is shown"),
    ],
)
def test_the_sentence_says_what_was_shown(claim: Claim, k: int, n: int, word: str, sentence: str) -> None:
    verdict = judge_rate(claim, k, n)
    assert verdict.word == word
    assert fnmatchcase(verdict.sentence, sentence)
    assert verdict.holds == (word == "PASS")


def test_infrastructure_is_left_out_up_to_its_share() -> None:
    claim = Claim(min_pass_rate=0.8)
    assert judge_infra(claim, Counts(passed=20, infra=1), 20) is None
    more = judge_infra(claim, Counts(passed=18, infra=2), 20)
    assert more
    assert (more.word, more.k, more.n) == ("VOID", 18, 18)
    void = judge_infra(Claim(max_infra=0), Counts(passed=99, infra=1), 100)
    assert void
    assert void.word == "VOID"
    assert judge_infra(Claim(max_infra=1), Counts(infra=3), 3) is None
    assert judge_rate(Claim(max_infra=1), 0, 0).word == "INCONCLUSIVE"


@pytest.mark.parametrize(("samples", "allowed"), [(1, 0), (19, 0), (20, 1), (39, 1), (40, 2), (100, 5)])
def test_the_share_is_of_the_samples_asked_for(samples: int, allowed: int) -> None:
    assert infra_allowed(0.05, samples) == allowed


def test_errors_count_against_the_test() -> None:
    counts = Counts(passed=18, failed=1, errors=1)
    verdict = judge_rate(Claim(), counts.passed, counts.judged)
    assert (verdict.word, verdict.k, verdict.n) == ("FAIL", 18, 20)


def test_an_invariant_that_must_hold_fails_whatever_its_rate() -> None:
    claim = Claim(min_pass_rate=0.5)
    assert judge_invariant(claim, Tally("n", 19, 20)).word == "PASS"
    broken = judge_invariant(claim, Tally("n", 19, 20, violated_in=(7,)))
    assert (broken.word, broken.sentence) == (
        "FAIL",
        "19/20 held; it must always hold, and broke in sample 7",
    )


@pytest.mark.parametrize(
    ("whole", "invariants", "complaints", "word"),
    [
        ("PASS", [], [], "PASS"),
        ("PASS", ["PASS"], [], "PASS"),
        ("PASS", ["INCONCLUSIVE", "PASS"], [], "INCONCLUSIVE"),
        ("PASS", ["INCONCLUSIVE", "FAIL"], [], "FAIL"),
        ("INCONCLUSIVE", ["FAIL"], [], "FAIL"),
        ("INCONCLUSIVE", ["INCONCLUSIVE"], [], "INCONCLUSIVE"),
        ("VOID", ["INCONCLUSIVE"], [], "VOID"),
        ("VOID", ["FAIL"], [], "FAIL"),
        ("PASS", [], ["a stub was never used"], "FAIL"),
    ],
)
def test_the_worst_decides(whole: str, invariants: list[str], complaints: list[str], word: str) -> None:
    result = combined(verdict(whole), {each: verdict(each) for each in invariants}, complaints)
    assert result.word == word
    if complaints:
        assert result.sentence == "9/10 samples passed; a stub was never used"
    elif word == whole:
        assert result == verdict(whole)
    else:
        assert result.sentence == f"9/10 samples passed; {word} by invariant {word!r}"


def test_what_was_not_run_to_its_end_shows_nothing() -> None:
    assert incomplete(Claim(), Counts(passed=16)).word == "INCOMPLETE"


def distribution(n: int, rate: float) -> list[float]:
    """How probable 0 to n passes of n are, by their definition."""
    return [math.comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(n + 1)]


def verdict(word: str) -> Verdict:
    return Verdict(word=word, k=9, n=10, lower=0.6, upper=0.99, sentence="")  # pyright: ignore[reportArgumentType]
