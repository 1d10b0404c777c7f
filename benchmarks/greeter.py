"""The greeter, headless, against a plain pydantic-ai script that makes the same call to the same server."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pairs import compare

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from evals.standin import StandIn, by_worker  # noqa: E402

WORKER = ROOT / "examples/greeter/main.worker"
PLAIN = f"""
import asyncio
from pydantic_ai import Agent
agent = Agent("openai-chat:stand-in", instructions={WORKER.read_text().split("---")[2].strip()!r})
print(asyncio.run(agent.run("Hello, I'm Ada!")).output)
"""

if __name__ == "__main__":
    with StandIn(by_worker) as provider:
        environment = os.environ | provider.environ | {"LLM_DO_MODEL": "openai-chat:stand-in"}
        compare(
            "greeter headless / plain pydantic-ai",
            [
                *(sys.executable, "-m", "llm_do", str(ROOT / "examples/greeter"), "Hello, I'm Ada!"),
                *("--headless", "--no-journal"),
            ],
            [sys.executable, "-c", PLAIN],
            pairs=7,
            environment=environment,
        )
