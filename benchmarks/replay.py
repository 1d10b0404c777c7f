"""250 replayed samples against the same loop on stock vcrpy: run it as `python benchmarks/replay.py`."""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import vcr
from pydantic_ai import Agent

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from evals.standin import StandIn, by_worker  # noqa: E402
from llm_do_eval.cassette import dummy_keys, sample, use  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLES = 250
PAIRS = 3


async def conversation(agent: Agent[Any, str], index: int) -> str:
    """One sample: a request of its own, so that stock vcrpy can tell the samples apart by their bodies."""
    with sample(index):
        return (await agent.run(f"Hello, I'm Guest{index}!")).output


async def conversations() -> list[str]:
    agent = Agent("openai-chat:stand-in", instructions="You are a friendly greeter.")
    return await asyncio.gather(*(conversation(agent, index) for index in range(SAMPLES)))


def ours(path: Path, mode: Any) -> list[str]:
    with use(path, mode=mode):
        return asyncio.run(conversations())


def stock(path: Path, mode: Any) -> list[str]:
    matched = ["method", "scheme", "host", "port", "path", "query", "body"]
    with vcr.VCR(match_on=matched, decode_compressed_response=True).use_cassette(str(path), record_mode=mode):
        return asyncio.run(conversations())


def seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, StandIn(by_worker) as provider:
        os.environ.update(provider.environ)
        our_file, stock_file = Path(folder, "ours.jsonl"), Path(folder, "stock.yaml")
        recorded = ours(our_file, "rewrite"), stock(stock_file, "once")
        provider.stop()
        assert ours(our_file, "none") == recorded[0], "every sample gets its own answer back"
        runs = [
            (seconds(lambda: ours(our_file, "none")), seconds(lambda: stock(stock_file, "none")))
            for _ in range(PAIRS)
        ]
    first, second = (statistics.median(column) for column in zip(*runs, strict=True))
    print(f"replay of {SAMPLES} samples ({PAIRS} alternating pairs)")
    print(f"  cpu_s: ours {first:.2f}, stock vcrpy {second:.2f}, ratio {first / second:.3f}")


if __name__ == "__main__":
    with dummy_keys():
        main()
