"""Interactions in, what the meta line of a cassette says of them out: models, usage, cost."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from llm_do.canonical import canonical_json
from llm_do_eval.cassette.wires.apis import asked_model, parts, resolved_model, usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llm_do_eval.cassette.interaction import Interaction

_LOWEST_ERROR: Final = 400


class _Priced(NamedTuple):
    """How the price list of pydantic-ai names an API, and where it looks for usage and model."""

    provider: str
    flavor: str = "default"
    usage: str = "usage"
    model: str = "model"


_PRICED: Final = {
    "openai-chat": _Priced("openai", "chat"),
    "openai": _Priced("openai", "responses"),
    "anthropic": _Priced("anthropic"),
    "google": _Priced("google", usage="usageMetadata", model="modelVersion"),
    "bedrock": _Priced("bedrock"),
}


def model_of(interactions: Sequence[Interaction]) -> str | None:
    """Return the model that the first of them asked for, `provider:name`."""
    return next(filter(None, (asked_model(each.request) for each in interactions)), None)


def described(interactions: Sequence[Interaction]) -> dict[str, Any]:
    """Describe interactions as the meta line does.

    `models` are the names by which models answered; `usage` counts requests and tokens, None where no answer
    told any; `cost_usd` is None where one price is unknown.
    """
    told = [usage(each) for each in interactions]
    return {
        "models": sorted({name for each in interactions if (name := resolved_model(each))}),
        "usage": {
            "requests": len(interactions),
            "input_tokens": _sum(told, "input_tokens"),
            "output_tokens": _sum(told, "output_tokens"),
        },
        "cost_usd": _cost_usd(interactions, told),
    }


def _sum(told: Sequence[Mapping[str, int] | None], key: str) -> int | None:
    counts = [each[key] for each in told if each is not None]
    return sum(counts) if counts else None


def _cost_usd(interactions: Sequence[Interaction], told: Sequence[Mapping[str, int] | None]) -> float | None:
    """Add up prices as the runtime does; an answer that failed is not charged."""
    total, known = None, dict[_Spent, float | None]()
    for each, tokens in zip(interactions, told, strict=True):
        if each.response.status >= _LOWEST_ERROR:
            continue
        spent = _spent(each) if tokens else None
        if spent is not None and spent not in known:
            known[spent] = _price_usd(spent)
        price = known[spent] if spent else None
        if price is None:
            return None
        total = price + (total or 0)
    return total if total is None else round(total, 9)


class _Spent(NamedTuple):
    """What a price depends on; samples of a test often have it in common. `usage` is JSON."""

    priced: _Priced
    model: str
    url: str
    usage: str
    hour: str


def _spent(interaction: Interaction) -> _Spent | None:
    provider, _, asked = (asked_model(interaction.request) or "").partition(":")
    priced = _PRICED.get(provider)
    if priced is None:
        return None
    return _Spent(
        priced,
        resolved_model(interaction) or asked,
        interaction.request.uri.partition("?")[0],
        canonical_json(_told(interaction, priced.usage)),
        (interaction.at or "")[: len("2026-11-02T10")],
    )


def _price_usd(spent: _Spent) -> float | None:
    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.usage import RequestUsage

    from llm_do.state.budget import price_usd

    owner, flavor, usage_key, model_key = spent.priced
    tokens = RequestUsage.extract(
        {model_key: spent.model, usage_key: json.loads(spent.usage)},
        provider=owner,
        provider_url=spent.url,
        provider_fallback=owner,
        api_flavor=flavor,
    )
    response = ModelResponse(
        [], usage=tokens, model_name=spent.model, provider_name=owner, provider_url=spent.url
    )
    with suppress(ValueError):  # nobody knows when, or a line was edited by hand
        response.timestamp = datetime.fromisoformat(f"{spent.hour}:00:00+00:00")
    price = price_usd(response)
    return None if price is None else float(price)


def _told(interaction: Interaction, key: str) -> dict[str, Any]:
    """Collect the usage of an answer; a stream tells it in parts, of which the last of a name counts."""
    found: dict[str, Any] = {}
    for part in parts(interaction.response):
        found |= part.get(key) or {}
    return found
