from __future__ import annotations

import asyncio
import json
import stat
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic_ai.messages import ModelResponse, TextPart
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.models.test import TestModel
from pydantic_ai.usage import RequestUsage
from scripted import Bench, Script, call, contents

from llm_do.canonical import digest
from llm_do.errors import LimitReached, RunFailed, SpecError, UsageError
from llm_do.project.manifest import UsageLimits
from llm_do.runtime import AgentSpec, Decision, Request, RunApprovalPolicy, Runtime, build_entry, run_worker

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage
    from pydantic_ai.models.function import AgentInfo

    from llm_do.journal import Event

APPROVE_ALL = RunApprovalPolicy("approve_all")
TOOLS = """
from pydantic_ai import RunContext
from pydantic_ai.toolsets import FunctionToolset
from llm_do.runtime import EntrySpec, WorkerRuntime

tools = FunctionToolset()

@tools.tool_plain
def add(a: int, b: int) -> int:
    return a + b

@tools.tool
async def relay(ctx: RunContext[WorkerRuntime], name: str, value: str) -> str:
    return await ctx.deps.call(name, value)
"""


@pytest.fixture
def main(bench: Bench) -> Script:
    bench.tools(TOOLS)
    bench.worker("main", toolsets=["tools"])
    return bench.script("main", call("add", a=1, b=2), "three")


def test_an_entry_is_run_from_async_and_from_sync_code(bench: Bench, main: Script) -> None:
    runtime = bench.runtime(APPROVE_ALL)
    entry, registry = bench.build()
    runtime.register_agents(registry.agents)
    result, context = asyncio.run(runtime.run_entry(entry, {"input": "x"}))
    assert (result, context.name, context.depth) == ("three", "main", 0)
    assert runtime.run(entry, "x").output == "three"
    assert [len(each) for each in main.requests] == [1, 3, 1]


def test_run_says_what_to_do_where_a_loop_runs(bench: Bench, main: Script) -> None:
    runtime, entry = bench.runtime(), bench.build().entry

    async def wrong() -> None:
        runtime.run(entry, "x")

    with pytest.raises(UsageError, match=r"an event loop runs here already: write await runtime\.run_entry"):
        asyncio.run(wrong())
    assert main.requests == []


def test_a_model_may_be_given_for_all_workers(bench: Bench) -> None:
    bench.worker("main")
    assert bench.run(model=TestModel(custom_output_text="tested")) == "tested"
    assert bench.calls()[0]["model"] == "test:test"
    seen: list[str | None] = []

    def play(_: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        seen.append(info.instructions)
        return ModelResponse(parts=[TextPart("ok")])

    assert bench.run(model=FunctionModel(play)) == "ok"
    assert seen == ["Do it."]


def test_the_keys_of_the_manifest_are_options(bench: Bench) -> None:
    runtime = bench.runtime(
        approval_mode="reject_all",
        max_depth=2,
        return_permission_errors=False,
        approval_rules=[{"tool": "add", "decision": "approve"}],
        auth_mode="oauth_auto",
        usage_limits={"requests": 4, "cost_usd": 0.5},
        timeout_s=9.0,
        worker_calls_require_approval=True,
        worker_attachments_require_approval=True,
        worker_approval_overrides={"helper": {"calls_require_approval": False}},
    )
    config = runtime.config
    assert (config.approval_mode, config.max_depth, config.timeout_s) == ("reject_all", 2, 9.0)
    assert (config.return_permission_errors, config.auth_mode) == (False, "oauth_auto")
    assert config.usage_limits == UsageLimits(requests=4, cost_usd=0.5)
    assert config.approval_rules[0].decision == "approve"
    assert config.worker_approval_overrides["helper"].calls_require_approval is False
    assert (config.worker_calls_require_approval, config.worker_attachments_require_approval) == (True, True)
    assert runtime.approvals.policy.mode == "reject_all"


def test_a_key_beside_a_policy_wins(bench: Bench) -> None:
    policy = RunApprovalPolicy("approve_all", rules=[{"tool": "x", "decision": "reject"}])
    approvals = bench.runtime(policy, return_permission_errors=False).approvals
    assert (approvals.policy.mode, approvals.policy.return_permission_errors) == ("approve_all", False)
    assert approvals.rules[0].tool == "x"
    assert bench.runtime().approvals.policy == RunApprovalPolicy("prompt")


def test_a_human_is_asked_through_ask(bench: Bench, main: Script) -> None:
    asked: list[Request] = []

    async def ask(question: Request) -> Decision:
        asked.append(question)
        return Decision("modify", {"a": 5, "b": 5}, "rather fives")

    bench.run(ask=ask)
    assert main.tool_results == [10]
    assert bench.of("approval")[0]["by"] == "human"
    assert asked[0].args == {"a": 1, "b": 2}


# -- limits


def test_requests_are_limited_per_run(bench: Bench, main: Script) -> None:
    main.replies = [call("add", a=1, b=2)]
    entry, runtime = bench.build().entry, bench.runtime(APPROVE_ALL, usage_limits={"requests": 1})
    for _ in range(2):
        with pytest.raises(LimitReached, match=r"limit of 1 requests is used up; raise usage_limits\.req"):
            runtime.run(entry, "x")
    assert runtime.usage.requests == 2


def test_parallel_calls_keep_the_limit(bench: Bench) -> None:
    bench.worker("main", toolsets=["helper"])
    bench.script("main", [call("helper", input=str(n)) for n in range(4)], "done")
    bench.worker("helper")
    helper = bench.script("helper", "ok")
    with pytest.raises(LimitReached):
        bench.run(usage_limits={"requests": 3})
    assert len(helper.requests) <= 2


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"tokens": 10}, "limit of 10 tokens is used up"),
        ({"cost_usd": 0.01}, "its model's price is unknown; limit requests or tokens instead"),
    ],
)
def test_tokens_and_cost_are_limited(bench: Bench, main: Script, limits: dict[str, Any], words: str) -> None:
    del main
    turn = ModelResponse(parts=[call("add", a=1, b=2)], usage=RequestUsage(input_tokens=9, output_tokens=1))
    bench.script("main", turn)
    with pytest.raises(LimitReached, match=words):
        bench.run("hi", APPROVE_ALL, usage_limits=limits)
    assert bench.calls()[-1]["error"]["class"] == "limit"


def never_answering() -> FunctionModel:
    async def wait(_: list[ModelMessage], __: AgentInfo) -> ModelResponse:
        await asyncio.Event().wait()
        raise AssertionError

    return FunctionModel(wait)


def test_the_time_of_a_run_is_limited(bench: Bench) -> None:
    bench.worker("main", toolsets=["slow"])
    main = bench.script("main", call("slow", input="x"), "done")
    bench.worker("slow")
    models = {"main": main.model, "slow": never_answering()}
    with pytest.raises(LimitReached, match=r"the run took longer than its limit of 0\.2 s; raise timeout_s"):
        bench.run(models=models, timeout_s=0.2)
    assert [(each["name"], each["error"]["class"]) for each in bench.calls()] == [
        ("slow", "interrupted"),
        ("main", "limit"),
    ]


def test_a_time_out_inside_is_not_the_runs(bench: Bench) -> None:
    bench.tools(f"{TOOLS}\nasync def start(given, ctx):\n    raise TimeoutError('mine')\n"
                "main = EntrySpec('main', start)")  # fmt: skip
    for limit_s in (None, 60.0):
        with pytest.raises(TimeoutError, match="mine"):
            bench.run(timeout_s=limit_s)


# -- cancelling


def test_cancel_ends_the_run_from_another_thread(bench: Bench) -> None:
    bench.worker("main")
    runtime: Any = None

    def cancel_soon(event: Event) -> None:
        bench.events.append(event)
        if event["kind"] == "message":
            threading.Thread(target=runtime.cancel).start()

    runtime = bench.runtime(model=never_answering(), on_event=cancel_soon, journal=bench.root / "runs")
    with pytest.raises(asyncio.CancelledError):
        runtime.run(bench.build().entry, "x")
    lines = [json.loads(line) for line in runtime.journal_path.read_text().splitlines()]
    assert [each["kind"] for each in lines] == ["run", "offer", "message", "call"]
    assert lines[-1]["error"]["class"] == "interrupted"
    runtime.cancel()  # nothing runs any more


# -- registering


def test_agents_made_by_python_are_callable(bench: Bench, main: Script) -> None:
    del main
    bench.script("main", call("relay", name="poet", value="rain"), "done")
    poet = bench.script("poet", "drip")
    runtime = bench.runtime(APPROVE_ALL)
    runtime.register_agents({"poet": AgentSpec("poet", "Rhyme.")})
    assert runtime.run(bench.build().entry, "x").output == "done"
    assert poet.infos[0].instructions == "Rhyme."


def test_agents_may_be_registered_while_a_run_goes_on(bench: Bench) -> None:
    bench.tools(f"""{TOOLS}
from llm_do.runtime import AgentSpec

async def start(given, ctx):
    HOOK[0]()
    return await ctx.call("poet", "rain")

HOOK = []
main = EntrySpec("main", start)
""")
    bench.script("poet", "drip")
    runtime, built = bench.runtime(), bench.build()
    module: Any = built.registry.entries["main"].spec
    module.main.__globals__["HOOK"].append(
        lambda: runtime.register_agents({"poet": AgentSpec("poet", "Rhyme.")})
    )
    assert runtime.run(built.entry, "x").output == "drip"


def test_registering_the_same_agents_again_changes_nothing(bench: Bench, main: Script) -> None:
    runtime = bench.runtime(APPROVE_ALL)
    runtime.register_agents(bench.build().registry.agents)
    assert runtime.run(bench.build().entry, "x").output == "three"
    assert main.tool_results == [3]


def test_a_name_that_is_refused_leaves_the_registry_as_it_was(bench: Bench, main: Script) -> None:
    del main
    for wrong, words in (
        (AgentSpec("add", "x"), "the name 'add' is taken by"),
        (AgentSpec("main", "another"), "the name 'main' is taken by"),
        (AgentSpec("new", "x", toolsets=("nothing",)), "names 'nothing' in toolsets"),
        (AgentSpec("shell", "x"), "the name 'shell' is a built-in tool's"),
    ):
        runtime, built = bench.runtime(APPROVE_ALL), bench.build()
        runtime.register_agents({"good": AgentSpec("good", "x"), wrong.name: wrong})
        with pytest.raises(SpecError, match=words):
            runtime.run(built.entry, "x")
        assert sorted(built.registry.workers) == ["main"]


# -- before the first request


def test_every_reachable_worker_needs_a_model(bench: Bench) -> None:
    bench.worker("main", toolsets=["helper"], model="test")
    bench.worker("helper", toolsets=["deep"])
    bench.worker("deep", compatible_models=["openai:*"])
    with pytest.raises(UsageError, match=r"worker 'deep' runs on openai:\*, not on 'test'"):
        bench.run(models={})
    assert bench.events == []


def test_each_callers_model_is_checked(bench: Bench) -> None:
    bench.worker("main", toolsets=["a", "b"], model="test")
    bench.worker("a", toolsets=["deep"])
    bench.worker("b", toolsets=["deep"], model="openai-chat:gpt-4o-mini")
    bench.worker("deep", compatible_models=["test"])
    with pytest.raises(UsageError, match="'openai-chat:gpt-4o-mini'"):
        bench.run(models={})


def test_a_substituted_worker_needs_no_model(bench: Bench) -> None:
    from llm_do.state.context import Substitute

    bench.worker("main", toolsets=["helper"])
    bench.script("main", call("helper", input="x"), "done")
    bench.worker("helper", model="openai:gpt-no-key", toolsets=["deep"])
    bench.worker("deep")

    async def answer(_: Any, __: Any) -> str:
        return "stubbed"

    def substitute(name: str) -> Substitute | None:
        return Substitute("stub", answer) if name == "helper" else None

    assert bench.run(substitutes=substitute) == "done"


def test_the_environment_names_a_model(bench: Bench) -> None:
    bench.worker("main")
    assert bench.run(environment={"LLM_DO_MODEL": "test"}) == "success (no tool calls)"
    with pytest.raises(UsageError, match="has no model: set `model` in its file, in its caller's, by --m"):
        bench.run()


# -- one worker without an entry


def test_one_worker_of_a_registry(bench: Bench) -> None:
    bench.tools(f"{TOOLS}\nfrom llm_do.runtime import WorkerArgs\nLOADED = []\nLOADED.append(1)\n"
                "class Topic(WorkerArgs):\n    topic: str\n")  # fmt: skip
    bench.write("a.txt", "kept")
    bench.worker("writer", input_schema="tools.py:Topic")
    bench.worker("reader")
    bench.worker("main")
    registry = bench.build().registry
    model = TestModel(custom_output_text="ok")

    async def both() -> list[Any]:
        typed = await run_worker(registry, "writer", {"topic": "t"}, model=model)
        read = await run_worker(registry, "reader", {"input": "x", "attachments": ["a.txt"]}, model=model)
        return [typed, read]

    assert asyncio.run(both()) == ["ok", "ok"]
    with pytest.raises(SpecError, match="worker 'writr' is not in the registry"):
        asyncio.run(run_worker(registry, "writr", "x", model=model))


# -- journal


def test_the_journal_of_a_run_is_complete(bench: Bench, main: Script) -> None:
    del main
    meta = {"cluster": "c1", "note": "x"}
    runtime = bench.runtime(
        APPROVE_ALL, journal=str(bench.root / "runs"), sample={"test": "t", "index": 3}, meta=meta
    )
    runtime.run(bench.build().entry, "hi")
    path = runtime.journal_path
    assert path is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert lines == bench.events
    assert all(each["v"] == 1 and each["run"] == path.stem for each in lines)
    kinds = ["run", "offer", "message", "approval", "call", "message", "call"]
    assert [each["kind"] for each in lines] == kinds
    first = lines[0]
    assert first["schema"] == "llm-do/observation/v1"
    assert (first["project"], first["approval_mode"], first["meta"]) == (bench.root.name, "approve_all", meta)
    assert set(first["versions"]) == {"llm-do", "pydantic-ai"}
    add, root = bench.calls()
    for line in (add, root):
        assert list(line) == [
            "v", "kind", "run", "id", "parent", "seq", "turn", "name", "impl", "effect", "caller", "input",
            "output", "ok", "error", "model", "settings", "spec", "tools", "requests", "usage", "cost_usd",
            "latency_s", "approval", "sample", "cluster", "depth", "at", "meta",
        ]  # fmt: skip
        assert line["sample"] == {"test": "t", "index": 3}
        assert line["cluster"] == "c1"
    assert (root["parent"], root["meta"], add["meta"]) == (None, meta, {})
    assert root["spec"] == digest((bench.root / "main.worker").read_bytes())
    assert len(root["tools"]) == 64
    assert (add["input"], add["output"], add["requests"], add["usage"]) == ({"a": 1, "b": 2}, 3, 0, None)
    assert (root["input"], root["output"]) == ({"input": "hi", "attachments": []}, "three")
    assert (root["requests"], root["cost_usd"], root["settings"]) == (2, None, {})
    assert root["seq"] < add["seq"]


def test_no_journal_is_written_unless_wanted(bench: Bench, main: Script) -> None:
    del main
    before = sorted(bench.root.iterdir())
    runtime = bench.runtime(APPROVE_ALL)
    runtime.run(bench.build().entry, "hi")
    assert runtime.journal_path is None
    assert sorted(bench.root.iterdir()) == before


def test_a_journal_that_cannot_be_written_is_told_before_the_run(bench: Bench, main: Script) -> None:
    bench.write("runs", "a file, no folder")
    with pytest.raises(UsageError, match=r"runs/.*\.jsonl: the journal cannot be opened"):
        bench.run("hi", APPROVE_ALL, journal=bench.root / "runs")
    assert main.requests == []


def test_two_runs_of_one_runtime_do_not_mix(bench: Bench, main: Script) -> None:
    del main
    bench.worker("main")

    def echo(messages: list[ModelMessage], _: AgentInfo) -> str:
        return contents(messages)[0]

    bench.script("main", echo)
    runtime, entry = bench.runtime(), bench.build().entry

    async def both() -> list[Any]:
        results = await asyncio.gather(*(runtime.run_entry(entry, text) for text in "ab"))
        return [each.output for each in results]

    assert asyncio.run(both()) == ["a", "b"]
    assert len({each["run"] for each in bench.calls()}) == 2
    assert runtime.usage.requests == 2


def test_a_failed_run_counts_what_it_spent(bench: Bench) -> None:
    bench.worker("main")
    bench.script("main", "")
    runtime = bench.runtime()
    with pytest.raises(RunFailed):
        runtime.run(bench.build().entry, "x")
    assert runtime.usage.requests == 2
    assert runtime.messages == []


def test_the_project_root_is_the_working_directory_by_default(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bench.root)
    assert Runtime().project_root == bench.root
    assert Runtime(project_root=".").project_root == bench.root


def test_a_project_may_be_named_by_a_link(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> None:
    bench.write("a.txt", "kept")
    bench.worker("main", toolsets=["filesystem_project_ro"])
    script = bench.script("main", call("read_file", path="a.txt"), "done")
    link = tmp_path_factory.mktemp("links") / "project"
    link.symlink_to(bench.root)
    bench.root = link
    assert bench.run({"input": "x", "attachments": ["a.txt"]}) == "done"
    assert script.tool_results == ["kept"]


def test_building_changes_neither_path_nor_folder(bench: Bench, main: Script) -> None:
    del main
    before = list(sys.path), Path.cwd(), sorted(bench.root.iterdir())
    build_entry(["main.worker"], ["tools.py"], project_root=bench.root)
    after = sorted(each for each in bench.root.iterdir() if each.name != "__pycache__")
    assert (list(sys.path), Path.cwd(), after) == before
