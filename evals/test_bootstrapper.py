"""A worker makes a worker: what it is given, what it reads, and that a later run needs nobody's word."""

import importlib.util
import shutil
from pathlib import Path

import pytest

from llm_do.runtime import Decision

EXAMPLE = Path(__file__).parent.parent / "examples/bootstrapper"
CREATED = Path("workers/generated/receipt_reader.worker")


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("bootstrapper", EXAMPLE / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(sample):
    """Give each sample a project of its own, since a run leaves a worker file behind."""

    def copied():
        leftovers = shutil.ignore_patterns(".llm-do", "workers", "__pycache__", "cassettes")
        return Path(shutil.copytree(EXAMPLE, sample.tmp_path / "project", ignore=leftovers))

    return copied


@pytest.mark.llm_samples(20, min_pass_rate=0.7)
async def test_a_reader_is_made_and_used(llm_do, script, project, invariant):
    root, events = project(), []
    report = await script.bootstrap(root, recorded_model=llm_do.model, on_event=events.append)
    made = (root / CREATED).read_text(encoding="utf-8")
    invariant("the sum", report.endswith("Sum: 58.00"))
    invariant("no rights", "toolsets:" not in made and "sandboxes:" not in made, must=True)
    decisions = [each for each in events if each["kind"] == "approval" and each["name"] == "create_worker"]
    invariant("asked twice at most", len(decisions) <= 2)
    again = await script.bootstrap(root, refuse, recorded_model=llm_do.model)
    invariant("a later run needs no word", again.count("\n") == 3)


@pytest.mark.llm_samples(20, min_pass_rate=0.8)
async def test_a_refused_reader_stays_unmade(llm_do, script, project, invariant):
    root = project()
    report = await script.bootstrap(root, refuse, recorded_model=llm_do.model)
    invariant("no file", not (root / CREATED).exists(), must=True)
    invariant("says so", "refused" in report)


def refuse(_request):
    return Decision("reject", note="not today")
