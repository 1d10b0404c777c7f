"""What each option does to a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from command import calls, journals

from evals.standin import Hang, Reply, ToolCall

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    from command import Here

    from evals.standin import Request, StandIn


def worker(*keys: str, name: str = "main") -> str:
    return "\n".join(["---", f"name: {name}", *keys, "---", "Repeat.", ""])


ECHO = worker()
TOOLS = """
from pydantic_ai.toolsets import FunctionToolset
from llm_do.toolsets.approval import set_toolset_approval_config

tools = FunctionToolset()

@tools.tool_plain
def add(a: int, b: int = 1) -> int:
    return a + b

set_toolset_approval_config(tools, {"add": {"pre_approved": True}})
"""


def test_the_entry_is_the_marked_one_else_main_else_the_one_named(
    write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    provider = serve()
    write(main_worker=ECHO.replace("Repeat", "Main"), b_worker=worker("entry: true", name="b"))
    for words, instructions in [
        ([], "Repeat."),
        (["--entry", "main"], "Main."),
        (["--entry", "b"], "Repeat."),
    ]:
        assert here("proj/main.worker", "proj/b.worker", "hi", *words).code == 0
        assert provider.requests[-1].request.instructions == instructions
    assert here("proj/main.worker", "hi").code == 0
    assert provider.requests[-1].request.instructions == "Main."


def test_a_tool_can_be_the_entry(write: Callable[..., Path], here: Here) -> None:
    write(tools_py=TOOLS)
    done = here("proj/tools.py", "--entry", "add", "--input-json", '{"a": 2, "b": 40}')
    assert (done.code, done.out, done.err) == (0, "42\n", "")
    done = here("proj/tools.py", "--entry", "add", "2")
    assert (done.code, done.out) == (0, "3\n")
    done = here("proj/tools.py", "--entry", "add", "--input-json", '{"a": "two"}')
    assert done.code == 2
    assert done.line.startswith("input of 'add': a: ")


def test_input_json_reaches_the_worker(
    write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    provider = serve()
    root = write(
        main_worker=worker("input_schema: {type: object, properties: {a: {type: integer}}, required: [a]}")
    )
    assert here("proj/main.worker", "--input-json", '{"a": 1}').code == 0
    assert json.loads(provider.requests[0].request.prompt) == {"a": 1}
    assert calls(root)["main"]["input"] == {"a": 1}


@pytest.mark.parametrize(
    ("own", "option", "variable", "chosen"),
    [
        ("openai-chat:own", "openai-chat:option", "openai-chat:variable", "own"),
        ("", "openai-chat:option", "openai-chat:variable", "option"),
        ("", "", "openai-chat:variable", "variable"),
    ],
)
def test_the_model_chain(
    *,
    own: str,
    option: str,
    variable: str,
    chosen: str,
    write: Callable[..., Path],
    serve: Callable[..., StandIn],
    here: Here,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    provider = serve()
    monkeypatch.setenv("LLM_DO_MODEL", variable)
    write(main_worker=worker(f"model: {own}") if own else ECHO)
    assert here("proj/main.worker", "hi", *(["--model", option] if option else [])).code == 0
    assert provider.requests[0].request.model == chosen


SETTINGS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "number": (["temperature=0.5"], {"temperature": 0.5}),
    "below": (["model_settings.max_tokens=7"], {"max_completion_tokens": 7}),
    "JSON": (['model_settings={"seed": 3, "top_p": 0.5}'], {"seed": 3, "top_p": 0.5}),
    "list": (['model_settings.stop_sequences=["a", "b"]'], {"stop": ["a", "b"]}),
    "boolean": (["model_settings.parallel_tool_calls=false"], {}),
    "for the entry by name": (["main:temperature=1"], {"temperature": 1}),
    "the last wins": (["temperature=1", "temperature=0"], {"temperature": 0}),
}


@pytest.mark.parametrize("kind", SETTINGS)
def test_set_reaches_the_request(
    kind: str, write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    words, settings = SETTINGS[kind]
    provider = serve()
    root = write(main_worker=ECHO)
    done = here("proj/main.worker", "hi", *(part for word in words for part in ("--set", word)))
    assert (done.code, done.err) == (0, "")
    sent = provider.requests[0].body
    assert {key: sent.get(key) for key in settings} == settings
    assert calls(root)["main"]["settings"] or kind == "boolean"


def test_set_takes_a_text_as_it_is(
    write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    provider = serve()
    write(main_worker=ECHO)
    done = here(
        "proj/main.worker", "hi", "--set", "model=openai-chat:m", "--set", "system_prompt=Be = brief: no"
    )
    assert done.code == 0
    assert provider.requests[0].request.model == "m"
    assert provider.requests[0].request.instructions == "Be = brief: no\n\nRepeat."


def test_set_speaks_of_another_worker(
    write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    provider = serve(ask_helper)
    write(main_worker=worker("toolsets: [helper]"), helper_worker=worker(name="helper"))
    done = here("proj/main.worker", "proj/helper.worker", "hi", "--set", "helper:temperature=0.25")
    assert done.code == 0
    assert [each.body.get("temperature") for each in provider.requests] == [None, 0.25, None]


def test_set_may_link_a_toolset(
    write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    provider = serve()
    write(main_worker=ECHO, tools_py=TOOLS)
    assert here("proj/main.worker", "proj/tools.py", "hi", "--set", 'toolsets=["tools"]').code == 0
    assert [tool.name for tool in provider.requests[0].request.tools] == ["add"]


def ask_helper(request: Request, _rng: random.Random) -> Reply:
    if request.results:
        return Reply(request.results[0].text)
    return Reply(tool_calls=(ToolCall("helper", {"input": "x"}),)) if request.tools else Reply("helped")


@pytest.mark.parametrize(("depth", "code"), [(0, "depth"), (1, None)])
def test_max_depth(
    *, depth: int, code: str | None, write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    serve(ask_helper)
    root = write(main_worker=worker("toolsets: [helper]"), helper_worker=worker(name="helper"))
    done = here("proj/main.worker", "proj/helper.worker", "hi", "--max-depth", str(depth))
    assert (done.code, done.err) == (0, "")
    if code is None:
        assert done.out == "helped\n"
    else:
        assert json.loads(done.out)["error"]["code"] == code
        assert calls(root)["helper"]["error"]["class"] == code


def test_timeout_ends_a_tool_that_blocks(
    write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    def brain(_request: Request, _rng: random.Random) -> Reply:
        return Reply(tool_calls=(ToolCall("add", {"a": 1}),))

    serve(brain)
    slow = TOOLS.replace("    return", "    import threading; threading.Event().wait(1.5)\n    return")
    root = write(main_worker=worker("toolsets: [tools]"), tools_py=slow)
    done = here("proj/main.worker", "proj/tools.py", "hi", "--timeout", "0.3", "--json")
    assert done.code == 1
    assert done.json["latency_s"] < 1.5
    assert done.json["error"]["class"] == "limit"
    assert not calls(root)["add"]["ok"]


def test_journals_lie_where_they_are_told_to(
    write: Callable[..., Path], serve: Callable[..., StandIn], here: Here, tmp_path: Path
) -> None:
    serve()
    root = write(main_worker=ECHO)
    here("proj/main.worker", "hi", "--runs-dir", "elsewhere/runs")
    assert len(list((tmp_path / "elsewhere" / "runs").glob("*.jsonl"))) == 1
    here("proj/main.worker", "hi", "--no-journal")
    assert not (root / ".llm-do").exists()
    here("proj/main.worker", "hi")
    assert len(journals(root)) == 1


def test_the_request_does_not_depend_on_verbosity(
    write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    provider = serve()
    write(main_worker=ECHO)
    for words in ([], ["-v"], ["-vvv"], ["--json"], ["--headless"], ["--debug"]):
        assert here("proj/main.worker", "hi", *words).code == 0
    assert [each.body for each in provider.requests] == [provider.requests[0].body] * 6


def test_limits_of_the_manifest_hold(
    write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    provider = serve(ask_helper)
    manifest = {"version": 1, "runtime": {"usage_limits": {"requests": 1}}, "worker_files": ["*.worker"]}
    write(
        main_worker=worker("toolsets: [helper]"),
        helper_worker=worker(name="helper"),
        project_json=json.dumps(manifest),
    )
    done = here("proj", "hi")
    assert done.code == 1
    assert "limit of 1 requests is used up; raise usage_limits.requests" in done.line
    assert len(provider.requests) == 1


def test_the_time_limit_of_the_manifest_gives_way_to_the_option(
    write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    serve(faults={0: Hang()})
    manifest = {"version": 1, "runtime": {"timeout_s": 60}, "worker_files": ["main.worker"]}
    write(main_worker=ECHO, project_json=json.dumps(manifest))
    assert "its limit of 0.2 s" in here("proj", "hi", "--timeout", "0.2").line


@pytest.mark.parametrize("word", ["--version", "--help", "-h"])
def test_what_needs_no_project(word: str, here: Here) -> None:
    done = here(word)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(
        "llm-do 0." if word == "--version" else "Usage: llm-do [OPTIONS] [PATH... [PROMPT]]"
    )
