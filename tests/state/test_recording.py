from __future__ import annotations

import asyncio
import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from scripted import Bench, call

from llm_do.canonical import digest
from llm_do.errors import (
    CallFailed,
    FormatError,
    LimitReached,
    Refused,
    RunFailed,
    SpecError,
    ToolError,
    UsageError,
)
from llm_do.project.spec import WorkerSpec, definition_digest
from llm_do.runtime import RunApprovalPolicy
from llm_do.state.recording import error_class, error_fact, plain


class Point(BaseModel):
    x: int
    when: datetime


@dataclass
class Pair:
    left: int
    right: Path


class Colour(Enum):
    RED = "red"


class Odd:
    def __str__(self) -> str:
        return "odd"


class Measured(BaseModel):
    x: float


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (None, None),
        (True, True),
        (1.5, 1.5),
        ("ä", "ä"),
        ({"a": (1, [2])}, {"a": [1, [2]]}),
        ({1: Odd()}, {"1": "odd"}),
        (Point(x=1, when=datetime(2024, 1, 2, tzinfo=UTC)), {"x": 1, "when": "2024-01-02T00:00:00Z"}),
        ([Point(x=1, when=datetime(2024, 1, 2, tzinfo=UTC))], [{"x": 1, "when": "2024-01-02T00:00:00Z"}]),
        (Pair(1, Path("a")), {"left": 1, "right": "a"}),
        ({3}, [3]),
        (Colour.RED, "red"),
        (b"ab", "ab"),
        (Odd(), "odd"),
        (b"\xff", "b'\\xff'"),
        (CIRCLE, "[[...]]"),
        (Measured(x=math.nan), {"x": "nan"}),
        (math.nan, "nan"),
        ([math.inf, {"x": -math.inf}], ["inf", {"x": "-inf"}]),
    ],
)
def test_outputs_become_json(value: Any, form: Any) -> None:
    assert plain(value) == form
    assert json.loads(json.dumps(plain(value), allow_nan=False)) == form


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (Refused("x"), "refused"),
        (LimitReached("x"), "limit"),
        (UsageError("x"), "input"),
        (SpecError("x"), "input"),
        (FormatError("x"), "input"),
        (RunFailed("x"), "model"),
        (RunFailed("x", error_class="infra"), "infra"),
        (CallFailed("x", chain=("a", "b")), "worker"),
        (CallFailed("x", chain=(), cause=RunFailed("y", error_class="truncation")), "truncation"),
        (ToolError("missing", "x"), "missing"),
        (asyncio.CancelledError(), "interrupted"),
        (KeyboardInterrupt(), "interrupted"),
        (ValueError("x"), "tool"),
    ],
)
def test_errors_are_sorted_by_what_failed(error: BaseException, name: str) -> None:
    assert error_class(error) == name


def test_an_error_is_described_in_one_line() -> None:
    assert error_fact(ValueError("a\n  b")) == {"type": "ValueError", "message": "a b", "class": "tool"}
    assert error_fact(KeyError())["message"] == "KeyError"
    described = error_fact(ToolError("missing", "gone"))
    assert described == {"type": "missing", "message": "gone", "class": "missing"}


def test_every_call_says_what_it_came_from(bench: Bench) -> None:
    bench.tools(NESTED)
    bench.worker("main", toolsets=["tools", "sub"], temperature=0.5)
    bench.worker("sub", toolsets=["tools"], model_settings={"seed": 1})
    bench.worker("refused")
    bench.script("main", [call("add", a=1), call("sub", input="x"), call("reach", name="made")], "done")
    bench.script("sub", call("add", a=2), "four")
    bench.script("made", "made")
    runtime = bench.runtime(RunApprovalPolicy("approve_all"))
    made = WorkerSpec("made", "Do it.", temperature=1.0)
    runtime.register_agents({"made": made})
    asyncio.run(runtime.run_entry(bench.build("main").entry, "hi"))

    main, sub = (digest((bench.root / f"{name}.worker").read_bytes()) for name in ("main", "sub"))
    origins = {
        (each["caller"], each["name"]): (each["spec"], each["settings"], each["model"].split(":")[0])
        for each in bench.calls()
    }
    assert origins == {
        ("main", "add"): (main, {"temperature": 0.5}, "function"),
        ("main", "sub"): (sub, {"seed": 1}, "function"),
        ("sub", "add"): (sub, {"seed": 1}, "function"),
        ("main", "reach"): (main, {"temperature": 0.5}, "function"),
        ("reach", "made"): (definition_digest(made), {"temperature": 1.0}, "function"),
        (None, "main"): (main, {"temperature": 0.5}, "function"),
    }
    tools = {(each["caller"], each["name"]): each["tools"] for each in bench.calls()}
    assert {len(each) for each in tools.values()} == {64}
    assert tools["main", "add"] == tools[None, "main"] != tools["sub", "add"] == tools["main", "sub"]
    (run,) = bench.of("run")
    assert run["python_files"] == {"tools.py": digest((bench.root / "tools.py").read_bytes())}


def test_a_worker_that_never_ran_is_not_taken_for_its_caller(bench: Bench) -> None:
    bench.worker("main", toolsets=["sub"])
    bench.worker("sub")
    bench.script("main", call("sub", input="x"), "done")
    bench.run("hi", RunApprovalPolicy("approve_all"), max_depth=0)
    (line,) = bench.calls("sub")
    assert (line["error"]["type"], line["model"], line["tools"]) == ("depth", None, None)
    assert line["spec"] == digest((bench.root / "sub.worker").read_bytes())


def test_a_python_entry_has_no_worker(bench: Bench) -> None:
    bench.tools(
        "from llm_do.runtime import EntrySpec\nasync def main(i, ctx): return 1\ne = EntrySpec('x', main)\n"
    )
    bench.run("hi")
    (line,) = bench.calls()
    assert [line[key] for key in ("spec", "tools", "model", "settings")] == [None] * 4


NESTED = """
from pydantic_ai import RunContext
from pydantic_ai.toolsets import FunctionToolset
from llm_do.runtime import WorkerRuntime
tools = FunctionToolset()
@tools.tool_plain
def add(a: int) -> int:
    return a
@tools.tool
async def reach(ctx: RunContext[WorkerRuntime], name: str) -> str:
    return await ctx.deps.call(name, "x")
"""
