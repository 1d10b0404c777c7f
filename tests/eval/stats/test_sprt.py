import pytest

from llm_do_eval.stats.fixed import fixed_size, wald_bound
from llm_do_eval.stats.operating import keeps_errors, operating
from llm_do_eval.stats.optimal import default_cap, dual
from llm_do_eval.stats.plan import Design
from llm_do_eval.stats.sprt import tuned, wald_lines


def test_walds_lines_equal_the_example_of_the_nist_handbook() -> None:
    # there defects are counted: 1 % are to be accepted, 10 % refused
    lines = wald_lines(Design(0.90, 0.99, alpha=0.05, beta=0.10))
    assert round(lines.above, 3) == 0.939
    assert round(lines.below, 3) == 1.205
    assert round(1 - lines.slope, 4) == 0.0397


@pytest.mark.slow
@pytest.mark.parametrize(("p_lo", "p_hi"), [(0.7, 0.9), (0.8, 0.95), (0.9, 0.99)])
def test_the_tuned_test_keeps_its_errors_and_is_short_but_no_shorter_than_attainable(
    p_lo: float, p_hi: float
) -> None:
    design = Design(p_lo, p_hi)
    plan = tuned(design, cap=default_cap(design))
    assert plan is not None
    assert keeps_errors(plan)
    mean = (operating(plan, p_hi).expected + operating(plan, p_lo).expected) / 2
    assert dual(design, min_samples_for_fail=0).attainable <= mean <= 1.08 * wald_bound(design).mean


def test_lines_cannot_be_tuned_below_the_fixed_size() -> None:
    assert tuned(Design(0.7, 0.9), cap=fixed_size(0.7, 0.9).n // 2) is None
