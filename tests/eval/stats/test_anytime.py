import math

import numpy as np
import pytest

from llm_do_eval.stats.anytime import (
    UNIFORM,
    Prior,
    anytime_lower,
    anytime_upper,
    evidence_above,
    evidence_below,
    prior_near,
)
from llm_do_eval.stats.bounds import lower_bound
from llm_do_eval.stats.fixed import critical
from llm_do_eval.stats.pool import Pool

ENOUGH = math.log(20)
N = 2000


def first_claims(q: float, prior: Prior) -> list[int]:
    """For every n up to N the least k that is evidence enough; n + 1 where none is."""
    found, k = [1], 0
    for n in range(1, N + 1):
        while k <= n and evidence_above(k, n, q, prior) < ENOUGH:
            k += 1
        found.append(k)
    return found


def ever(pass_at: list[int], q: float) -> float:
    """The probability, at the true rate q, of coming to a claim within N samples, which is exact."""
    last = np.full(N + 1, -1)
    pool = Pool(np.array(pass_at, dtype=np.int32)[:, None], last[:, None].astype(np.int32))
    return float(pool.ends(q).pass_[0])


@pytest.mark.parametrize(
    ("q", "prior", "reference"),
    [
        (0.9, UNIFORM, 0.040),
        (0.95, UNIFORM, 0.038),
        (0.99, UNIFORM, 0.027),
        (0.99, prior_near(0.99), 0.044),
    ],
)
def test_looking_after_every_sample_errs_as_rarely_as_said(q: float, prior: Prior, reference: float) -> None:
    error = ever(first_claims(q, prior), q)
    assert error <= 0.05
    assert math.isclose(error, reference, abs_tol=0.0015)


@pytest.mark.parametrize(("q", "error"), [(0.9, 0.31), (0.95, 0.27), (0.99, 0.17)])
def test_a_bound_for_one_look_does_not_hold_for_every_look(q: float, error: float) -> None:
    assert math.isclose(ever([1, *(critical(n, q) for n in range(1, N + 1))], q), error, abs_tol=0.005)


@pytest.mark.parametrize(
    ("q", "prior", "samples"),
    [(0.9, UNIFORM, 43), (0.95, UNIFORM, 88), (0.99, UNIFORM, 449), (0.99, prior_near(0.99), 329)],
)
def test_so_many_passes_in_a_row_are_evidence_enough(q: float, prior: Prior, samples: int) -> None:
    assert evidence_above(samples - 1, samples - 1, q, prior) < ENOUGH
    assert evidence_above(samples, samples, q, prior) >= ENOUGH


def test_evidence_below_is_the_mirror_of_evidence_above() -> None:
    for k, n, q in ((3, 17, 0.4), (17, 17, 0.4), (0, 5, 0.9)):
        mirrored = evidence_above(n - k, n, 1 - q)
        assert math.isclose(evidence_below(k, n, q), mirrored, abs_tol=1e-9)


def test_evidence_is_a_fair_bet_at_the_rate_itself() -> None:
    n, q = 30, 0.7
    for evidence in (evidence_above, evidence_below):
        mean = sum(
            math.comb(n, k) * q**k * (1 - q) ** (n - k) * math.exp(evidence(k, n, q)) for k in range(n + 1)
        )
        assert math.isclose(mean, 1, abs_tol=1e-9)


@pytest.mark.parametrize(("k", "n"), [(1, 1), (15, 15), (18, 20), (95, 100), (7, 50), (1, 400)])
def test_bounds_are_the_rates_that_the_evidence_refutes(k: int, n: int) -> None:
    lower, upper = anytime_lower(k, n), anytime_upper(k, n)
    assert 0 < lower < k / n
    assert lower <= lower_bound(k, n)
    for q in np.linspace(lower / 50, lower, 50):
        assert evidence_above(k, n, q) >= ENOUGH - 1e-9
    assert evidence_above(k, n, lower * (1 + 1e-9)) < ENOUGH
    assert math.isclose(upper, 1 - anytime_lower(n - k, n), abs_tol=1e-9)


def test_no_sample_shows_nothing() -> None:
    assert anytime_lower(0, 0) == 0
    assert anytime_upper(0, 0) == 1
    assert evidence_above(0, 0, 0.5) == pytest.approx(0)


def test_evidence_too_small_for_a_float_is_none() -> None:
    assert evidence_above(0, 5000, 0.9) == -math.inf


def test_what_is_no_count_or_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="6 of 5 is no count of passes"):
        evidence_above(6, 5, 0.5)
    with pytest.raises(ValueError, match=r"q must be between 0 and 1, not 1\.0"):
        evidence_below(5, 5, 1.0)
    with pytest.raises(ValueError, match=r"alpha must be between 0 and 1, not 0\.0"):
        anytime_lower(5, 5, 0.0)
    with pytest.raises(TypeError):
        anytime_lower(4.0, 5)  # pyright: ignore[reportArgumentType]
