"""Three stages of one name: a worker, code, and code that asks a worker; callers and tests stay the same."""

import pytest

EXAMPLE = "../examples/file_organizer"
CLEAR = {
    "Meeting Notes (FINAL) 12.03.2024.txt": "2024-03-12_meeting-notes-final.txt",
    "INVOICE  4711.TXT": "invoice-4711.txt",
    "Holiday Plan.md": "holiday-plan.md",
}
HARD = {
    "Minutes 24.04.02.txt": "2024-04-02_minutes.txt",
    "Release Notes 24.04.02.txt": "release-notes_v24.04.02.txt",
}

worker = pytest.param(id="worker", marks=pytest.mark.llm_project(EXAMPLE))
code = pytest.param(id="code", marks=pytest.mark.llm_project(f"{EXAMPLE}/stabilized.json"))
softened = pytest.param(id="softened", marks=pytest.mark.llm_project(f"{EXAMPLE}/softened.json"))


@pytest.mark.parametrize((), [worker, code, softened])
@pytest.mark.llm_samples(20, min_pass_rate=0.8)
async def test_python_caller_plans_clear_names(llm_do, invariant):
    run = await llm_do.run("plan_names", {"names": list(CLEAR)})
    for name, clean in CLEAR.items():
        invariant(name, run.output[name] == clean)
    assert run.tools.called == ["sanitize_filename"] * len(CLEAR)


@pytest.mark.parametrize((), [worker, softened])
@pytest.mark.llm_samples(20, min_pass_rate=0.7)
async def test_python_caller_plans_hard_names(llm_do, invariant):
    run = await llm_do.run("plan_names", {"names": list(HARD)})
    for name, clean in HARD.items():
        invariant(name, run.output[name] == clean)


@pytest.mark.llm_project(f"{EXAMPLE}/stabilized.json")
async def test_code_alone_reads_a_version_as_a_date(llm_do):
    run = await llm_do.run("plan_names", {"names": list(HARD)})
    assert run.output["Minutes 24.04.02.txt"] == HARD["Minutes 24.04.02.txt"]
    assert run.output["Release Notes 24.04.02.txt"] == "2024-04-02_release-notes.txt"  # the reason to soften


@pytest.mark.parametrize((), [worker, code, softened])
@pytest.mark.llm_samples(20, min_pass_rate=0.8)
async def test_llm_caller_moves_each_file_once(llm_do, stub, invariant):
    stub("move_file", "moved")
    run = await llm_do.run()
    moves = {call.input["path"]: call.input["to"] for call in run.calls.children if call.name == "move_file"}
    invariant("every file", sorted(moves) == [f"input/{name}" for name in sorted(CLEAR | HARD)])
    invariant("clear names", all(moves.get(f"input/{name}") == f"input/{CLEAR[name]}" for name in CLEAR))
    invariant("each once", run.tools.called.count("move_file") == len(moves))
    invariant("stays in its folder", all(to.startswith("input/") for to in moves.values()), must=True)
