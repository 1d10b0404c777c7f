"""`-v`, `-vv`, `-vvv` and `--debug` say more on standard error; standard output stays the result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from command import journals, started

from evals.standin import Reply, Status, ToolCall

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    from command import Here

    from evals.standin import Request, StandIn

WORKER = "---\nname: main\ntoolsets: [tools]\n---\nAdd.\n"
TOOLS = """
from pydantic_ai.toolsets import FunctionToolset

tools = FunctionToolset()

@tools.tool_plain
def divide(a: int, b: int) -> float:
    return a / b
"""


def divide(request: Request, _rng: random.Random) -> Reply:
    if request.results:
        return Reply("two\nlines")
    return Reply(tool_calls=(ToolCall("divide", {"a": 1, "b": 0}),))


@pytest.fixture
def words(write: Callable[..., Path], serve: Callable[..., StandIn]) -> list[str]:
    serve(divide)
    write(main_worker=WORKER, tools_py=TOOLS)
    return ["proj/main.worker", "proj/tools.py", "hi", "--approve-all"]


def test_nothing_is_said_unasked(words: list[str], here: Here) -> None:
    done = here(*words)
    assert done.out == "two\nlines\n"
    assert done.err.count("\n") == 1  # the warning


@pytest.mark.policy("registry-tools-py-trust")
def test_v_names_files_before_they_are_imported_then_calls_and_decisions(
    words: list[str], here: Here
) -> None:
    done = here(*words, "-v")
    assert done.out == "two\nlines\n"
    importing, warning, run, decision, tool, main, journal = done.err.splitlines()
    assert importing == "importing proj/tools.py"
    assert warning.startswith("llm-do: approve_all: ")
    assert run.endswith(" of proj")
    assert decision == "  approve divide by mode"
    assert tool.startswith('    divide({"a": 1, "b": 0}) -> ZeroDivisionError: division by zero  [python, ')
    assert main.startswith('  main({"input": "hi", "attachments": []}) -> two\\nlines  [worker, ')
    assert journal.startswith("journal proj/.llm-do/runs/")


def test_vv_adds_what_was_said(words: list[str], here: Here) -> None:
    done = here(*words, "-vv")
    assert done.out == "two\nlines\n"
    assert "  user: hi" in done.err.splitlines()
    assert "  assistant: two\\nlines" in done.err.splitlines()


def test_vvv_shows_the_journal_itself(words: list[str], here: Here, tmp_path: Path) -> None:
    done = here(*words, "-vvv")
    assert done.out == "two\nlines\n"
    shown = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    assert shown == journals(tmp_path / "proj")[0]


def test_a_key_is_shown_nowhere(
    words: list[str], here: Here, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SOME_TOKEN", "canary-4711")
    done = here(*words[:2], "my token is canary-4711", *words[3:], "-vvv")
    assert "canary" not in done.err
    assert "canary" not in json.dumps(journals(tmp_path / "proj"))


def test_debug_shows_where_it_failed(
    write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    serve(faults={0: Status(401)})
    write(main_worker=WORKER.replace("toolsets: [tools]\n", ""))
    done = here("proj/main.worker", "hi", "--debug")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("llm-do: worker 'main' on ")
    assert "Traceback (most recent call last):" in done.err
    assert "AuthenticationError" in done.err


@pytest.mark.slow
def test_a_warning_of_a_library_is_one_line(
    write: Callable[..., Path], serve: Callable[..., StandIn]
) -> None:
    serve()
    write(main_worker=WORKER.replace("toolsets: [tools]", "temperature: 0.2"))
    done = started("proj/main.worker", "hi", "--model", "openai-chat:gpt-5")
    assert (done.code, done.out) == (0, "Thank you. You said: hi\n")
    assert done.err.startswith("llm-do: warning: ")
    assert "temperature" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("argv", [["nowhere"], ["--nope"], ["--tui"]])
def test_debug_also_counts_where_nothing_ran(argv: list[str], here: Here) -> None:
    done = here(*argv, "--debug")
    assert done.code == 2
    assert "Traceback (most recent call last):" in done.err


ENTRY = """
from llm_do.runtime import EntrySpec

def inner(table):
    return table["missing"]

async def main(parts, ctx):
    {}

ENTRY = EntrySpec(name="main", main=main)
"""


@pytest.mark.parametrize(
    ("statement", "code", "line"),
    [
        ("return inner({})", 1, "proj/entry.py:4: KeyError: 'missing'; --debug shows the trace back"),
        (
            "return await ctx.call('nosuch', 1)",
            2,
            "proj/entry.py:7: 'nosuch' is not a worker or tool of this project",
        ),
        (
            "raise RuntimeError('a\\nb')",
            1,
            "proj/entry.py:7: RuntimeError: a b; --debug shows the trace back",
        ),
        ("import json; json.loads('{')", 1, "proj/entry.py:7: JSONDecodeError: Expecting property name"),
    ],
)
def test_project_code_that_raises_says_where(
    *, statement: str, code: int, line: str, write: Callable[..., Path], here: Here
) -> None:
    root = write(entry_py=ENTRY.replace("{}\n\nENTRY", f"{statement}\n\nENTRY"))
    done = here("proj/entry.py")
    assert done.code == code
    assert done.line.startswith(line)
    assert not journals(root)[0][-1]["ok"]
