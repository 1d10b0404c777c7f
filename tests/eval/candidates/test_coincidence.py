"""Data in which nothing depends on anything must not yield a single candidate."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from observed import call, run_of, user

from llm_do_eval.health import Health
from llm_do_eval.report import Wishes, build

if TYPE_CHECKING:
    from llm_do_eval.observation import Call, Run

CLUSTERS = 150


def noise(seed: int) -> list[Run]:
    """Frequent answers, frequent and constant arguments, moody tools: each drawn on its own."""
    rng = random.Random(seed)

    def often(value: str, *others: str) -> str:
        return value if rng.random() < 0.9 else rng.choice(others)

    def look() -> Call:
        shown = {"cabin": often("economy", "business"), "bags": 0, "seat": rng.randrange(40), "ok": True}
        return call("look", {"day": rng.randrange(7)}, shown, effect="read")

    def book() -> Call:
        given = {"cabin": often("economy", "business"), "bags": often("0", "1"), "seat": rng.randrange(40)}
        return call("book", given, often("done", "full"), effect="write")

    def pay() -> Call:
        return call("pay", {"ticket": rng.randrange(10**6)}, often("paid", "late"), effect="read")

    def run(cluster: int) -> Run:
        later = [look(), *([pay()] if rng.random() < 0.9 else [])]
        rng.shuffle(later)
        return run_of(
            user(f"Fly {often('economy', 'business')}, seat {rng.randrange(40)}"),
            *(look(), book(), *later),
            run=f"r{cluster}",
            cluster=f"{seed}-{cluster}",
            input=cluster,
            offered=["pay", "look"],
            output=often("No", str(rng.random())),
            ok=True,
        )

    return [run(cluster) for cluster in range(CLUSTERS)]


@pytest.mark.parametrize("seed", range(12))
def test_noise_yields_no_candidate(seed: int) -> None:
    report = build(noise(seed), Wishes(), Health())
    assert [each.id for each in report.candidates if each.verdict in ("candidate", "harmful")] == []
    assert len(report.candidates) > 8
