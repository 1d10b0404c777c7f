"""Standard output holds the result and nothing else; `--json` is one object on every way to end."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from command import Done, calls

from evals.standin import Reply, Status, ToolCall

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    from command import Here

    from evals.standin import Request, StandIn

ECHO = "---\nname: main\n---\nRepeat.\n"
STRUCTURED = """
---
name: main
output_schema: {type: object, properties: {label: {type: string}}, required: [label]}
---
Label.
"""
ENTRY = """
from llm_do.runtime import EntrySpec

async def main(parts, ctx):
    return {returned}

ENTRY = EntrySpec(name="main", main=main)
"""


def label(request: Request, _rng: random.Random) -> Reply:
    return Reply(tool_calls=(ToolCall(request.output_tools[0], {"label": "déjà"}),))


def test_a_text_is_printed_as_it_stands(
    write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    text = "one\n  \x1b[31mtwo\x1b[0m\t–"

    def say(_request: Request, _rng: random.Random) -> Reply:
        return Reply(text)

    serve(say)
    done = here(write(main_worker=ECHO) / "main.worker", "hi")
    assert done == Done(0, f"{text}\n", "")


def test_a_structure_is_printed_as_json(
    write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    serve(label)
    done = here(write(main_worker=STRUCTURED) / "main.worker", "hi")
    assert (done.code, json.loads(done.out), done.err) == (0, {"label": "déjà"}, "")
    assert "déjà" in done.out


@pytest.mark.parametrize(
    ("returned", "out"),
    [("3", "3\n"), ("True", "true\n"), ("None", "null\n"), ("[1, 'a']", '[\n  1,\n  "a"\n]\n'), ("''", "\n")],
)
def test_what_python_returns_is_printed_as_json(
    returned: str, out: str, write: Callable[..., Path], here: Here
) -> None:
    root = write(entry_py=ENTRY.format(returned=returned))
    assert here(root / "entry.py") == Done(0, out, "")


def test_json_of_a_run_that_is_done(
    write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    serve(label)
    root = write(main_worker=STRUCTURED)
    done = here(root / "main.worker", "hi", "--json")
    found = done.json
    assert (done.code, found["output"], found["calls"]) == (0, {"label": "déjà"}, 0)
    assert found["usage"]["requests"] == 1
    assert found["usage"]["input_tokens"] > 0
    assert found["cost_usd"] > 0
    assert found["latency_s"] > 0
    assert (root / ".llm-do" / "runs" / f"{found['run']}.jsonl").is_file()


def test_a_run_without_a_journal_has_a_name_too(write: Callable[..., Path], here: Here) -> None:
    root = write(entry_py=ENTRY.format(returned="1"))
    assert here(root / "entry.py", "--json", "--no-journal").json["run"]
    assert not (root / ".llm-do").exists()


def test_json_of_a_run_that_failed(
    write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    serve(faults={0: Status(401)})
    root = write(main_worker=ECHO)
    done = here(root / "main.worker", "hi", "--json")
    assert done.code == 1
    assert done.json["error"]["type"] == "RunFailed"
    assert done.json["error"]["class"] == "auth"
    assert done.json["run"]
    assert done.err == f"llm-do: {done.json['error']['message']}\n"


def test_json_of_a_run_that_was_stopped(
    write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    def send(_request: Request, _rng: random.Random) -> Reply:
        return Reply(tool_calls=(ToolCall("write_file", {"path": "a", "content": "b"}),))

    serve(send)
    root = write(main_worker=ECHO.replace("name: main", "name: main\ntoolsets: [filesystem_project]"))
    done = here(root / "main.worker", "hi", "--json", "--reject-all")
    found = done.json
    assert (done.code, found["error"]["type"], found["usage"]["requests"]) == (3, "Refused", 3)
    assert done.err == f"llm-do: {found['error']['message']}\n"
    assert not (root / "a").exists()


def test_a_tool_that_raises_is_a_result(
    write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    def read(request: Request, _rng: random.Random) -> Reply:
        if request.results:
            return Reply(request.results[0].text)
        return Reply(tool_calls=(ToolCall("fail", {}), ToolCall("read_file", {"path": "no"})))

    serve(read)
    tools = """
    from pydantic_ai.toolsets import FunctionToolset
    tools = FunctionToolset()
    @tools.tool_plain
    def fail() -> None:
        raise RuntimeError("out of paper")
    """
    root = write(
        main_worker=ECHO.replace("name: main", "name: main\ntoolsets: [tools, filesystem_project]"),
        tools_py=dedent(tools),
    )
    done = here(root / "main.worker", root / "tools.py", "hi", "--approve-all")
    assert (done.code, done.err.count("\n")) == (0, 1)
    assert json.loads(done.out)["error"] == {"code": "tool_error", "message": "RuntimeError: out of paper"}
    assert calls(root)["fail"]["error"]["type"] == "RuntimeError"
    assert calls(root)["read_file"]["error"]["class"] == "missing"


@pytest.mark.parametrize(
    "argv", [("--nope",), ("--max-depth", "-1"), ("nowhere",), (), ("--tui",), ("--chat",), ("--set", "x")]
)
def test_json_of_what_could_not_start(argv: tuple[str, ...], here: Here) -> None:
    done = here(*argv, "--json")
    found = done.json
    assert done.code == 2
    assert (found["run"], found["calls"], found["output"]) == (None, 0, None)
    assert done.err == f"llm-do: {found['error']['message']}\n"


def test_json_after_the_dashes_is_a_prompt(
    write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    serve()
    done = here(write(main_worker=ECHO) / "main.worker", "--", "--json")
    assert done == Done(0, "Thank you. You said: --json\n", "")


def test_a_project_that_ends_the_process_is_an_error(write: Callable[..., Path], here: Here) -> None:
    root = write(
        entry_py="""
        import sys
        from llm_do.runtime import EntrySpec
        async def main(parts, ctx): sys.exit("gone")
        ENTRY = EntrySpec(name="main", main=main)
        """,
        leaves_py="import sys\nsys.exit(7)\n",
    )
    done = here(root / "entry.py")
    assert (done.code, done.line) == (1, "proj/entry.py:3: SystemExit: gone; --debug shows the trace back")
    done = here(root / "entry.py", root / "leaves.py")
    assert (done.code, done.line) == (2, "proj/leaves.py:2: importing failed: SystemExit: 7")
