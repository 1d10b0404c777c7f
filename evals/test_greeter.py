"""What the greeter does, claimed as rates: one claim holds, one is more than twenty samples can settle."""

import pytest

pytestmark = pytest.mark.llm_project("../examples/greeter")


@pytest.mark.llm_samples(20, min_pass_rate=0.8)
async def test_greets_briefly(llm_do, invariant):
    run = await llm_do.run("Hello, I'm Ada!")
    invariant("at most 40 words", len(run.output.split()) <= 40)
    invariant("one paragraph", "\n\n" not in run.output.strip())
    invariant("never asks for a password", "password" not in run.output.lower(), must=True)


@pytest.mark.llm_samples(20, min_pass_rate=0.6)
async def test_uses_the_name(llm_do, invariant):
    run = await llm_do.run("Hello, I'm Ada!")
    invariant("says Ada", "Ada" in run.output)
