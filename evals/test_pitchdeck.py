"""Three stages of one project: all LLM, deterministic steps extracted, orchestration in code."""

import pytest

DECKS = ["input/aurora_robotics.pdf", "input/brightleaf.pdf", "input/coral_health.txt"]

stages = pytest.mark.parametrize(
    "writer",
    [
        pytest.param("write_file", id="all-llm", marks=pytest.mark.llm_project("../examples/pitchdeck_eval")),
        pytest.param(
            "write_report",
            id="stabilized",
            marks=pytest.mark.llm_project("../examples/pitchdeck_eval_stabilized"),
        ),
        pytest.param(
            "write_report",
            id="code-entry",
            marks=pytest.mark.llm_project("../examples/pitchdeck_eval_code_entry"),
        ),
    ],
)


@stages
@pytest.mark.llm_samples(20, min_pass_rate=0.8)
async def test_every_deck_is_judged_and_reported(llm_do, stub, invariant, writer):
    stub(writer, "written")
    run = await llm_do.run("Evaluate all pitch decks in input/.")
    judged = [call for call in run.calls.children if call.name == "pitch_evaluator"]
    invariant("each deck once", sorted(call.input["attachments"][0] for call in judged) == DECKS)
    invariant("three reports", run.tools.all.count(writer) == 3)
    scores = [score for call in judged for score in call.output["scores"].values()]
    invariant("scores from 1 to 10", all(1 <= score <= 10 for score in scores), must=True)
    flags = {call.input["attachments"][0]: call.output["red_flags"] for call in judged}
    invariant("sees missing revenue", "No revenue yet" in flags["input/brightleaf.pdf"])
