"""How long a run took is how long it took when it was recorded, whenever and however fast it is replayed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from evals.standin import Reply, StandIn, ToolCall

if TYPE_CHECKING:
    import random
    from collections.abc import Generator
    from pathlib import Path

    from llm_suite import Suite

    from evals.standin import Request

pytest_plugins = ["pytester"]

TIMED = """
import json, pathlib

@pytest.mark.llm_samples(2)
async def test_timed(llm_do, sample):
    run = await llm_do.run("where is my order?")
    assert run.output
    seen = [run.latency_s, run.first_token_s, run.replayed]
    pathlib.Path(f"seen-{sample.index}.json").write_text(json.dumps(seen))
"""
# sample, seq: began, took, first byte; the second sample has two requests a day apart
TIMES = {
    (0, 0): ("2026-11-02T10:00:00.250+00:00", 1.5, 0.5),
    (0, 1): ("2026-11-02T10:00:02.000+00:00", 2.0, 0.75),
    (1, 0): ("2026-11-02T10:00:00.000+00:00", 1.0, 0.5),
    (1, 1): ("2026-11-03T10:00:00.000+00:00", 4.0, None),
}


def desk(request: Request, rng: random.Random) -> Reply:
    """Look an order up, then answer."""
    if not request.results:
        return Reply(tool_calls=(ToolCall("lookup_order", {"number": rng.randrange(10**9)}),))
    return Reply("on its way")


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Generator[StandIn]:
    with StandIn(desk) as running:
        for name, value in running.environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("LLM_DO_MODEL", "openai-chat:stand-in")
        yield running


def cassette(suite: Suite) -> Path:
    return suite.path / "cassettes" / "test_suite" / "test_timed.jsonl"


def seen(suite: Suite, sample: int) -> tuple[float, float | None, bool]:
    found = json.loads((suite.path / f"seen-{sample}.json").read_text(encoding="utf-8"))
    return found[0], found[1], found[2]


def date(suite: Suite) -> None:
    """Give the recorded answers the times of the table."""
    first, *rest = cassette(suite).read_text(encoding="utf-8").splitlines()
    lines = [first]
    for line in map(json.loads, rest):
        at, latency_s, first_byte_s = TIMES[line["sample"], line["seq"]]
        lines.append(json.dumps(line | {"at": at, "latency_s": latency_s, "first_byte_s": first_byte_s}))
    cassette(suite).write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_replayed_run_shows_the_recorded_times(suite: Suite, provider: StandIn) -> None:
    suite.run(TIMED, "--llm-record=rewrite").assert_outcomes(passed=1)
    latency_s, first_token_s, replayed = seen(suite, 0)
    assert first_token_s is not None
    assert 0 < first_token_s < latency_s
    assert not replayed

    date(suite)
    provider.stop()
    suite.again().assert_outcomes(passed=1)
    # the file has milliseconds; seconds since the epoch have 1e-7 of them in a float
    assert seen(suite, 0) == (pytest.approx(3.75, abs=1e-6), 0.75, True)
    assert seen(suite, 1) == (pytest.approx(5, abs=1e-6), None, True)

    lines = [line for run in suite.runs()[2:] for line in run if line["kind"] == "call"]
    roots = [line for line in lines if line["parent"] is None]
    assert sorted(line["latency_s"] for line in roots) == pytest.approx([3.75, 5], abs=1e-6)
    assert [line["replayed"] for line in roots] == [True, True]
    tools = [line for line in lines if line["parent"] is not None]
    assert [line["name"] for line in tools] == ["lookup_order"] * 2
    # a tool that asks nobody takes what it takes here
    assert all(line["latency_s"] < 1 and "replayed" not in line for line in tools)


def test_a_run_that_is_recorded_in_part_takes_what_it_takes_here(suite: Suite, provider: StandIn) -> None:
    suite.run(TIMED, "--llm-record=rewrite").assert_outcomes(passed=1)
    date(suite)
    content = cassette(suite).read_text(encoding="utf-8").splitlines()
    meta, kept = json.loads(content[0]), [line for line in content[1:] if json.loads(line)["seq"] == 0]
    lines = [json.dumps(meta | {"count": len(kept)}), *kept]
    cassette(suite).write_text("\n".join(lines) + "\n", encoding="utf-8")
    suite.again("--llm-record=new_episodes").assert_outcomes(passed=1)
    assert len(provider.requests) == 6
    for sample in range(2):
        latency_s, first_token_s, replayed = seen(suite, sample)
        assert not replayed
        assert first_token_s is not None
        assert latency_s != pytest.approx(3.75, abs=0.01)
