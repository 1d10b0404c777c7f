import itertools
import math

import pytest

from llm_do_eval.stats.operating import errors, keeps_errors, needed, operating
from llm_do_eval.stats.plan import Design, Plan

DESIGN = Design(0.5, 0.9)
# two more passes than failures, or the other way round, decide; the fifth sample can only fail
PLAN = Plan(DESIGN, pass_at=(1, 2, 2, 4, 3, 4), fail_at=(-1, -1, 0, -1, 1, 3))
RATES = [0.0, 0.1, 0.5, 0.83, 1.0]


def near(value: float, expected: float) -> bool:
    return math.isclose(value, expected, rel_tol=0, abs_tol=1e-12)


def paths(p: float, given: tuple[bool, ...] = ()) -> list[tuple[float, tuple[bool, ...]]]:
    """Every sequence of outcomes that goes on from those given, with its probability."""
    rest = itertools.product([True, False], repeat=PLAN.cap - len(given))
    return [(math.prod(p if passed else 1 - p for passed in each), (*given, *each)) for each in rest]


@pytest.mark.parametrize("p", RATES)
def test_the_recursion_equals_the_enumeration_of_every_path(p: float) -> None:
    stops = [(share, PLAN.first_stop(path)) for share, path in paths(p)]
    result = operating(PLAN, p)
    assert near(result.pass_, sum(share for share, stop in stops if stop and stop.word == "PASS"))
    assert near(result.fail, sum(share for share, stop in stops if stop and stop.word == "FAIL"))
    assert near(result.pass_ + result.fail, 1)
    mean = sum(share * stop.n for share, stop in stops if stop)
    assert near(result.expected, mean)
    assert near(result.variance, sum(share * (stop.n - mean) ** 2 for share, stop in stops if stop))
    for n, share in enumerate(result.stops):
        assert near(share, sum(share for share, stop in stops if stop and stop.n == n))


def test_a_quantile_is_the_least_number_that_suffices() -> None:
    result = operating(PLAN, 0.5)
    assert result.stops == (0, 0, 0.5, 0, 0.25, 0.25)
    assert [result.quantile(share) for share in (0.1, 0.5, 0.51, 0.75, 0.76, 1.0)] == [2, 2, 4, 4, 5, 5]


def test_errors_are_those_at_the_two_rates_of_the_design() -> None:
    assert near(errors(PLAN).alpha, operating(PLAN, 0.9).fail)
    assert near(errors(PLAN).beta, operating(PLAN, 0.5).pass_)


def test_errors_are_kept_up_to_the_limit_and_no_further() -> None:
    alpha, beta = errors(PLAN)
    for limits, kept in (((alpha, beta), True), ((alpha - 1e-9, beta), False), ((alpha, beta - 1e-9), False)):
        assert keeps_errors(Plan(Design(0.5, 0.9, *limits), PLAN.pass_at, PLAN.fail_at)) is kept


@pytest.mark.parametrize("p", RATES)
@pytest.mark.parametrize("given", [(), (True,), (False, True), (True, False, True), (True, False, False)])
def test_needed_equals_the_share_of_paths_that_look_at_each_sample(p: float, given: tuple[bool, ...]) -> None:
    shares = needed(PLAN, len(given), sum(given), p)
    assert shares[0] == 1
    assert len(shares) == PLAN.cap - len(given)
    stops = [(share, PLAN.first_stop(path)) for share, path in paths(p, given)]
    for j, share in enumerate(shares, start=len(given)):
        assert near(share, sum(each for each, stop in stops if stop and stop.n > j))


def test_nothing_is_needed_once_it_is_decided() -> None:
    assert needed(PLAN, 2, 2, 0.9) == ()
    assert needed(PLAN, 5, 1, 0.9) == ()
    with pytest.raises(ValueError, match="6 of 5"):
        needed(PLAN, 5, 6, 0.9)
