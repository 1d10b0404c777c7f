from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic_ai.messages import ModelResponse, TextPart
from pydantic_ai.usage import RequestUsage

from llm_do.errors import LimitReached
from llm_do.project.manifest import UsageLimits
from llm_do.state.budget import Budget, Spent, price_usd

PRICE = Decimal("0.25")


def response(
    model: str | None = "gpt-4o-mini", provider: str | None = "openai", *, tokens: int = 1000
) -> ModelResponse:
    usage = RequestUsage(input_tokens=tokens, output_tokens=tokens)
    return ModelResponse(parts=[TextPart("x")], usage=usage, model_name=model, provider_name=provider)


def test_a_known_model_has_a_price() -> None:
    price = price_usd(response())
    assert price is not None
    assert 0 < price < Decimal("0.01")
    assert price_usd(response(tokens=0)) == 0


@pytest.mark.parametrize(("model", "provider"), [("made-up", "openai"), (None, None), ("x", "nowhere")])
def test_an_unknown_one_has_none(model: str | None, provider: str | None) -> None:
    assert price_usd(response(model, provider)) is None


def test_responses_add_up() -> None:
    spent = Spent()
    spent.add(response(), PRICE)
    spent.add(response(tokens=5), Decimal(1))
    assert spent == Spent(2, 0, 1005, 1005, Decimal("1.25"))
    assert spent.tokens() == {"input_tokens": 1005, "output_tokens": 1005}
    spent.add(response("made-up"), None)
    assert (spent.requests, spent.cost_usd) == (3, None)
    spent.add(response(), PRICE)
    assert spent.cost_usd is None


def test_runs_add_up() -> None:
    total = Spent()
    first, second = (Budget(UsageLimits(), Spent(), total) for _ in range(2))
    for budget in (first, second, second):
        budget.add(response(), PRICE)
        budget.add_call()
    assert [(each.spent.requests, each.spent.calls) for each in (first, second)] == [(1, 1), (2, 2)]
    assert (total.requests, total.calls, total.input_tokens) == (3, 3, 3000)
    assert total.cost_usd == 3 * PRICE


@pytest.mark.parametrize(
    ("limits", "spent", "words"),
    [
        ({"requests": 2}, Spent(requests=2), "limit of 2 requests is used up; raise usage_limits.requests"),
        ({"requests": 0}, Spent(), "limit of 0 requests is used up"),
        ({"tokens": 10}, Spent(input_tokens=6, output_tokens=4), "limit of 10 tokens is used up; raise usa"),
        ({"cost_usd": 0.5}, Spent(cost_usd=Decimal("0.5")), "limit of $0.5 is used up; raise usage_lim"),
        ({"cost_usd": 0.5}, Spent(cost_usd=None), "cost_usd cannot be kept, its model's price is unkn"),
    ],
)
def test_a_used_up_limit_stops_the_next_request(limits: dict[str, Any], spent: Spent, words: str) -> None:
    with (
        pytest.raises(LimitReached) as caught,
        Budget(UsageLimits(**limits), spent, Spent()).request("writer"),
    ):
        pytest.fail("the request went out")
    assert str(caught.value).startswith("worker 'writer': ")
    assert words in str(caught.value)
    assert caught.value.error_class == "limit"


@pytest.mark.parametrize(
    ("limits", "spent"),
    [
        ({}, Spent(10**6, 0, 10**9, 10**9, None)),
        ({"requests": 2}, Spent(requests=1)),
        ({"tokens": 10}, Spent(input_tokens=9)),
        ({"cost_usd": 0.5}, Spent(cost_usd=Decimal("0.49"))),
    ],
)
def test_within_the_limits_requests_go_out(limits: dict[str, Any], spent: Spent) -> None:
    with Budget(UsageLimits(**limits), spent, Spent()).request("writer"):
        pass


def test_requests_under_way_count() -> None:
    budget = Budget(UsageLimits(requests=2), Spent(), Spent())
    with budget.request("a"), budget.request("b"), pytest.raises(LimitReached), budget.request("c"):
        pytest.fail("the request went out")
    with budget.request("d"):
        pass
