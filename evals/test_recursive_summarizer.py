"""A worker that calls itself: the shape of the recursion, and what reaches the end of it."""

import re
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parent.parent / "examples/recursive_summarizer"
PARAGRAPHS = (EXAMPLE / "input/ferry.txt").read_text(encoding="utf-8").strip().split("\n\n")

pytestmark = pytest.mark.llm_project("../examples/recursive_summarizer")


@pytest.mark.llm_samples(20, min_pass_rate=0.7)
async def test_every_paragraph_is_summarized_once(llm_do, invariant):
    run = await llm_do.run()
    leaves = [call.input["input"] for call in calls_under(run.calls) if not call.children]
    invariant("no paragraph is lost", "\n\n".join(leaves).split("\n\n") == PARAGRAPHS)
    invariant("four leaves", len(leaves) == 4)
    invariant("at most four sentences", len(re.findall(r"[.!?](?:\s|$)", run.output)) <= 4)
    invariant("adds no number", set(numbers(run.output)) <= set(numbers(" ".join(PARAGRAPHS))), must=True)


def calls_under(call):
    return [each for child in call.children for each in (child, *calls_under(child))]


def numbers(text):
    return re.findall(r"\d+", text)
