"""What sampling costs: a sample beside a bare run of pydantic-ai, and many samples beside one.

Exits with 1 where a sample on an in-memory model costs over 1.3 of a bare run of the same model (CPU time of
whole processes, the difference of many samples and one), or where 20 samples at once, each of 3 requests that
take 200 ms, take over 1.5 of one.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

from pairs import timed

sys.path.insert(0, str(Path(__file__).parents[1]))

from evals.standin import Reply, Request, StandIn, ToolCall

MANY = 400
PAIRS = 9
MOST_COST = 1.3
MOST_WALL = 1.5
SAMPLES = 20
LATENCY_S = 0.2

MODEL = """
from pydantic_ai.messages import ModelResponse, TextPart
from pydantic_ai.models.function import FunctionModel

async def answer(messages, info):
    return ModelResponse(parts=[TextPart("done")])

MODEL = FunctionModel(answer)
"""

FILES = {
    "w.worker": "---\nname: w\nentry: true\n---\nGo.\n",
    "looker.worker": "---\nname: looker\ntoolsets: [tools]\n---\nLook twice.\n",
    "tools.py": """
from pydantic_ai.toolsets import FunctionToolset
from llm_do.toolsets.approval import set_toolset_approval_config

tools = FunctionToolset()

@tools.tool_plain
def look() -> str:
    return "seen"

set_toolset_approval_config(tools, {"look": {"pre_approved": True}})
""",
    "project.json": '{"version": 1, "worker_files": ["*.worker"], "python_files": ["tools.py"]}',
    "model.py": MODEL,
    "pytest.ini": """
[pytest]
llm_project = .
pythonpath = .
asyncio_default_fixture_loop_scope = function
""",
    "test_memory.py": """
import pytest
from model import MODEL

@pytest.mark.llm_samples(1)
async def test_it(llm_do):
    llm_do.use_model(MODEL)
    assert (await llm_do.run("w", "x")).output == "done"
""",
    "test_wall.py": """
import pytest

async def test_imports(llm_do):
    assert (await llm_do.run("looker", "x")).output == "done"

@pytest.mark.llm_samples(1)
async def test_it(llm_do):
    assert (await llm_do.run("looker", "x")).output == "done"
""",
    "bare.py": """
import asyncio, sys
from pydantic_ai import Agent
from model import MODEL

async def main(count):
    for _ in range(count):
        assert (await Agent(MODEL, instructions="Go.").run("x")).output == "done"

asyncio.run(main(int(sys.argv[1])))
""",
}


def main() -> int:
    """Print both ratios; 1 where one is over its bound."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in FILES.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        return max(_cost(Path(folder)), _wall(Path(folder)))


def _cost(folder: Path) -> int:
    ratios: list[float] = []
    for index in range(PAIRS + 1):
        sides = [lambda: _sample_s(folder), lambda: _bare_s(folder)]
        first = index % 2
        times = {first: sides[first](), 1 - first: sides[1 - first]()}
        # the first pair finds files that were never read
        ratios += [times[0] / times[1]] if index else []
    ratio = statistics.median(ratios)
    print(f"a sample in memory / a bare run: {ratio:.2f} (at most {MOST_COST}; {PAIRS} pairs, CPU time)")
    return int(ratio > MOST_COST)


def _sample_s(folder: Path) -> float:
    def spent_s(count: int) -> float:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
        more = ["--rootdir", str(folder), str(folder / "test_memory.py"), f"--llm-samples={count}"]
        return timed([*command, *more]).cpu_s

    return (spent_s(MANY + 1) - spent_s(1)) / MANY


def _bare_s(folder: Path) -> float:
    def spent_s(count: int) -> float:
        return timed([sys.executable, str(folder / "bare.py"), str(count)]).cpu_s

    return (spent_s(MANY + 1) - spent_s(1)) / MANY


def _wall(folder: Path) -> int:
    with StandIn(_looks_twice, latency_s=LATENCY_S) as provider:
        rounds = [(_wall_s(folder, provider, SAMPLES), _wall_s(folder, provider, 1)) for _ in range(PAIRS)]
    ratio = statistics.median(many / one for many, one in rounds)
    one_s = statistics.median(one for _, one in rounds)
    print(f"{SAMPLES} samples at once / one: {ratio:.2f} (at most {MOST_WALL}; one takes {one_s:.2f} s)")
    return int(ratio > MOST_WALL)


def _looks_twice(request: Request, _: object) -> Reply:
    return Reply("done") if len(request.results) == 2 else Reply(tool_calls=(ToolCall("look", {}),))


def _wall_s(folder: Path, provider: StandIn, count: int) -> float:
    report = folder / "junit.xml"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
        "--rootdir",
        str(folder),
    ]
    more = [f"--llm-samples={count}", f"--llm-concurrency={SAMPLES}", "--llm-record=live"]
    subprocess.run(
        [
            *command,
            *more,
            f"--junitxml={report}",
            "-o",
            "junit_duration_report=call",
            folder / "test_wall.py",
        ],
        env=provider.environ | {"LLM_DO_MODEL": "openai-chat:stand-in", "PATH": "/usr/bin:/bin"},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    cases = ET.parse(report).getroot().iter("testcase")
    return next(float(each.attrib["time"]) for each in cases if each.attrib["name"] == "test_it")


if __name__ == "__main__":
    sys.exit(main())
