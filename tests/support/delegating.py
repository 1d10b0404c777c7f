"""Workers that call and make others: what the tests of delegation share."""

from __future__ import annotations

import json
from typing import Any

from scripted import Bench, Script, call

from llm_do.project.creation import MARKER

POET: dict[str, Any] = {"name": "poet", "instructions": "Rhyme.", "description": "Rhymes."}
FILE = f"---\n{MARKER}\nname: poet\ndescription: Rhymes.\n---\nRhyme.\n"
ASK = call("worker_call", worker="poet", input="rain")


def maker(bench: Bench, *replies: Any, **front: Any) -> Script:
    given: dict[str, Any] = {"toolsets": ["worker_tools"], "workers": {"create": True}, **front}
    bench.worker("main", **given)
    bench.script("poet", "drip")
    return bench.script("main", *replies, "done")


def create(**args: Any) -> Any:
    return call("create_worker", **{**POET, **args})


def kept(bench: Bench) -> dict[str, str]:
    folder = bench.root / "workers" / "generated"
    return {path.name: path.read_text() for path in folder.iterdir()} if folder.exists() else {}


def delegating(bench: Bench, *replies: Any, **workers: Any) -> Script:
    """A worker `main` that may call others, playing its replies."""
    bench.worker("main", toolsets=["worker_tools"], workers=workers)
    return bench.script("main", *replies, "done")


def error(script: Script, number: int = -1) -> dict[str, str]:
    """The error that a tool returned."""
    return told(script.tool_results[number])


def told(result: Any) -> dict[str, str]:
    """The error in a result; that of a call that was asked about is a text."""
    return (json.loads(result) if isinstance(result, str) else result)["error"]
