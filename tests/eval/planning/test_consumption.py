"""What a recorded sample took, and what nobody knows of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from recorded import exchange, write

from llm_do.errors import FormatError
from llm_do_eval.cassette.interaction import Body
from llm_do_eval.planning.consumption import Consumption, consumption

if TYPE_CHECKING:
    from pathlib import Path

    from llm_do_eval.cassette.interaction import Interaction

PRICE_USD = 10 * 0.15e-6 + 5 * 0.6e-6
"""What `exchange` costs by the price list: 10 tokens in and 5 out."""


def unpriced(interaction: Interaction) -> Interaction:
    answer = json.loads(interaction.response.body.value) | {"model": "stand-in"}
    body = Body("text", json.dumps(answer))
    asked = {**interaction.request.body.value, "model": "stand-in"}
    return replace(
        interaction,
        request=replace(interaction.request, body=Body("json", asked)),
        response=replace(interaction.response, body=body),
    )


def test_it_is_the_mean_over_the_recorded_samples(tmp_path: Path) -> None:
    talk = [exchange("a", "b"), exchange("a", "b", sample=1), exchange("c", "d", sample=1, seq=1)]
    later = replace(talk[2], at="2026-11-02T10:00:03+00:00", latency_s=2.0)
    taken = consumption(write(tmp_path / "c.jsonl", [*talk[:2], later]))
    assert taken is not None
    assert (taken.samples, taken.requests, taken.model) == (2, 1.5, "openai-chat:gpt-4o-mini")
    # the second sample asked at 10:00:01 and got its last answer at 10:00:05
    assert taken.latency_s == pytest.approx((0.25 + 4) / 2)
    assert taken.cost_usd == pytest.approx(1.5 * PRICE_USD)


def test_requests_at_the_same_time_take_the_time_of_one(tmp_path: Path) -> None:
    talk = [exchange("a", "b", seq=seq) for seq in range(3)]
    taken = consumption(write(tmp_path / "c.jsonl", talk))
    assert taken is not None
    assert (taken.requests, taken.latency_s) == (3, pytest.approx(0.25))


def test_an_unknown_price_is_none_and_not_nothing(tmp_path: Path) -> None:
    taken = consumption(
        write(tmp_path / "c.jsonl", [exchange("a", "b"), unpriced(exchange("a", "b", seq=1))])
    )
    assert taken is not None
    assert taken.cost_usd is None


def test_a_price_that_became_known_later_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "c.jsonl", [exchange("a", "b")])
    first, rest = path.read_text("utf-8").split("\n", 1)
    assert json.loads(first)["cost_usd"] is not None
    path.write_text(json.dumps(json.loads(first) | {"cost_usd": None}) + "\n" + rest, encoding="utf-8")
    taken = consumption(path)
    assert taken is not None
    assert taken.cost_usd == pytest.approx(PRICE_USD)


def test_unknown_times_are_none(tmp_path: Path) -> None:
    timeless = replace(exchange("a", "b", sample=1), latency_s=None)
    taken = consumption(write(tmp_path / "c.jsonl", [exchange("a", "b"), timeless]))
    assert taken is not None
    assert (taken.latency_s, taken.samples) == (None, 2)


def test_where_nothing_is_recorded_nothing_is_known(tmp_path: Path) -> None:
    assert consumption(tmp_path / "none.jsonl") is None
    assert consumption(write(tmp_path / "empty.jsonl", [])) is None


def test_a_torn_cassette_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text("torn", encoding="utf-8")
    with pytest.raises(FormatError, match="torn"):
        consumption(path)


def test_a_cassette_of_stock_vcrpy_is_one_sample(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "interactions:\n- request: {method: GET, uri: 'https://example.org/', body: null, headers: {}}\n"
        "  response: {status: {code: 200, message: OK}, headers: {}, body: {string: hi}}\n"
        "version: 1\n",
        encoding="utf-8",
    )
    assert consumption(path) == Consumption(samples=1, requests=1)
