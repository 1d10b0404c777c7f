"""The peak is at least as high as every rate of a fine grid, and is reached."""

from __future__ import annotations

import pytest

from llm_do_eval.plans import plan_for
from llm_do_eval.stats.curtailed import curtailed
from llm_do_eval.stats.operating import operating
from llm_do_eval.stats.peak import peak
from llm_do_eval.stats.plan import Design, Plan

PLANS = [plan_for(Design(0.8, 0.95)), plan_for(Design(0.9, 0.99)), curtailed(Design(0.8, 0.96), 20)]


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.cap)
def test_no_rate_takes_more_samples(plan: Plan) -> None:
    found = peak(plan)
    assert found.expected == operating(plan, found.rate).expected
    assert max(operating(plan, each / 100).expected for each in range(101)) <= found.expected + 1e-6
    assert found.expected <= plan.cap


def test_the_peaks_of_the_reference_designs_are_known() -> None:
    assert round(peak(PLANS[0]).expected, 1) == 35.2
    assert 0.8 < peak(PLANS[0]).rate < 0.95
