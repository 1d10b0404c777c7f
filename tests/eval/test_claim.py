"""What a number of samples can show, known before any is run."""

from __future__ import annotations

import pytest

from llm_do_eval.claim import Claim
from llm_do_eval.stats.bounds import lower_bound


@pytest.mark.parametrize(("rate", "needed"), [(0.8, 14), (0.9, 29), (0.95, 59), (0.99, 299), (0.999, 2995)])
def test_the_least_provable_number(rate: float, needed: int) -> None:
    claim = Claim(min_pass_rate=rate)
    assert claim.provable(needed)
    assert not claim.provable(needed - 1)
    assert f"Needs >= {needed} samples" in claim.too_few(needed - 1)


@pytest.mark.parametrize("confidence", [0.8, 0.9, 0.95, 0.99])
def test_provable_is_what_the_bound_says(confidence: float) -> None:
    for rate in (0.5, 0.8, 0.9, 0.95):
        claim = Claim(min_pass_rate=rate, confidence=confidence)
        shown = [lower_bound(n, n, claim.alpha) >= rate - 1e-12 for n in range(1, 150)]
        assert [claim.provable(n) for n in range(1, 150)] == shown


def test_the_sentence_names_what_to_change() -> None:
    assert Claim(min_pass_rate=0.95).too_few(20) == (
        "20 samples can never show 0.95: 20/20 shows only 0.861. Needs >= 59 samples (all passing). "
        'Raise the number of samples, lower min_pass_rate to 0.86, or use mode="guard"'
    )
    assert Claim(min_pass_rate=0.86).provable(20)


def test_without_a_rate_and_as_a_guard_every_number_will_do() -> None:
    assert Claim().provable(1)
    assert Claim(min_pass_rate=0.99, mode="guard").provable(1)


@pytest.mark.parametrize("rate", [0, 1, 1.0, -0.1, 1.5, float("nan")])
def test_a_rate_lies_between_0_and_1(rate: float) -> None:
    with pytest.raises(ValueError, match="min_pass_rate"):
        Claim(min_pass_rate=rate)


def test_a_target_is_a_rate_above_the_one_to_show() -> None:
    assert Claim(min_pass_rate=0.8, target=0.95).target == 0.95
    for rate, target in ((None, 0.9), (0.8, 0.8), (0.8, 1.0)):
        with pytest.raises(ValueError, match="target is"):
            Claim(min_pass_rate=rate, target=target)
