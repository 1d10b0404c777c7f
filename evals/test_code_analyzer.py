"""Commands that really run, held to the folder by the kernel; what the report makes of their output."""

import pytest

from llm_do.sandbox.landlock import landlock_abi

pytestmark = [
    pytest.mark.llm_project("../examples/code_analyzer"),
    pytest.mark.skipif(landlock_abi() == 0, reason="without Landlock every command asks"),
]
TODOS = [
    {"path": "input/shop/cart.py", "line": 11, "text": "refuse a negative count"},
    {"path": "input/shop/prices.py", "line": 7, "text": "raise an error that names the nearest article"},
]


@pytest.mark.llm_samples(20, min_pass_rate=0.7)
async def test_reports_what_the_commands_printed(llm_do, invariant):
    run = await llm_do.run()
    commands = {call.input["command"].split()[0]: call for call in run.calls.children if call.name == "shell"}
    invariant("counts the lines", run.output["lines"] == 35)
    invariant("finds both", run.output["todos"] == TODOS)
    ran = {program for program, call in commands.items() if call.ok}
    invariant("only the quiet list runs", ran <= {"wc", "grep"}, must=True)
    invariant("does not insist", run.tools.called.count("shell") == len(commands))
