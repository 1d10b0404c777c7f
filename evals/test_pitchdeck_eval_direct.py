"""The stand-alone script, imported: its runtime's requests go through the test's cassette like any others."""

import importlib.util
from pathlib import Path

import pytest

from llm_do.runtime import Runtime, build_entry

EXAMPLE = Path(__file__).parent.parent / "examples/pitchdeck_eval_direct"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("pitchdeck_eval_direct", EXAMPLE / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.llm_samples(20, min_pass_rate=0.8)
async def test_the_decks_are_evaluated_in_parallel(llm_do, script, invariant):
    ended = []
    entry, _ = build_entry(["pitch_evaluator.worker"], project_root=EXAMPLE, entry="pitch_evaluator")
    runtime = Runtime(project_root=EXAMPLE, recorded_model=llm_do.model, on_event=ended.append)
    evaluations = await script.evaluate(runtime, entry, script.DECKS)
    invariant("every deck", sorted(evaluations) == sorted(script.DECKS))
    invariant("one request a deck", runtime.usage.requests == len(script.DECKS))
    kinds = [event["kind"] for event in ended]
    invariant("all began before one ended", kinds.index("call") > max_index(kinds, "run"))
    scores = [score for each in evaluations.values() for score in each["scores"].values()]
    invariant("scores from 1 to 10", all(1 <= score <= 10 for score in scores), must=True)


def max_index(kinds, kind):
    return max(index for index, each in enumerate(kinds) if each == kind)
