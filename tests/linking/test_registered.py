from __future__ import annotations

import json
from typing import Any

import pytest
from delegating import ASK, create, maker, told
from pydantic_ai.toolsets import FunctionToolset
from scripted import Bench, call

from llm_do.errors import SpecError, UsageError
from llm_do.linking.registered import Registered
from llm_do.linking.registry import Registry, link
from llm_do.runtime import AgentSpec, Decision, Request, RunApprovalPolicy, Runtime, ToolsetSpec


def calc() -> FunctionToolset[Any]:
    toolset = FunctionToolset[Any]()
    toolset.add_function(add)
    return toolset


def add(a: int) -> int:
    return a + 1


APPROVE_ALL = RunApprovalPolicy("approve_all")


def test_what_is_registered_before_a_run_is_known_in_each(bench: Bench) -> None:
    bench.worker("main", toolsets=["worker_tools"], workers={"allow": ["adder"]})
    turns = [call("worker_call", worker="adder", input="x"), "done"] * 2
    main = bench.script("main", *turns)
    adder = bench.script("adder", call("add", a=1), "two", call("add", a=1), "two")
    runtime, entry = bench.runtime(APPROVE_ALL), bench.build().entry
    runtime.register_toolset("calc", calc)
    runtime.register_agents({"adder": AgentSpec("adder", toolsets=("calc",))})
    for _ in range(2):
        assert runtime.run(entry, "hi").output == "done"
        assert main.tool_results == ["two"]
        assert adder.tool_results == [2]


def test_what_is_registered_while_a_run_goes_on_is_known_from_then_on(bench: Bench) -> None:
    bench.worker("main", toolsets=["worker_tools"], workers={"allow": ["adder"]})
    ask = call("worker_call", worker="adder", input="x")

    def register(*_: Any) -> Any:
        runtime.register_toolset("calc", calc())
        runtime.register_agents({"adder": AgentSpec("adder", toolsets=("calc",))})
        return ask

    main = bench.script("main", ask, register, "done")
    bench.script("adder", call("add", a=1), "two")
    runtime = bench.runtime(APPROVE_ALL)
    runtime.run(bench.build().entry, "hi")
    assert told(main.tool_results[0])["code"] == "unknown"
    assert main.tool_results[1] == "two"
    assert [(each["name"], each["by"]) for each in bench.of("approval")] == [
        ("adder", "rule"), ("add", "mode")
    ]  # fmt: skip


def test_python_calls_a_tool_that_was_registered_while_it_runs(bench: Bench) -> None:
    bench.tools("""
        from llm_do.runtime import EntrySpec

        async def begin(given, ctx):
            HOOK[0]()
            return [await ctx.call("add", {"a": 1}), await ctx.call("late", "x")]

        HOOK = []
        main = EntrySpec("main", begin)
    """)
    bench.script("late", "better than never")
    runtime, built = bench.runtime(), bench.build()

    def register() -> None:
        runtime.register_toolset("calc", ToolsetSpec(calc))
        runtime.register_agents({"late": AgentSpec("late")})

    module: Any = built.registry.entries["main"].spec
    module.main.__globals__["HOOK"].append(register)
    assert runtime.run(built.entry, "x").output == [2, "better than never"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("main", calc, "toolset 'main' (registered by Python): the name 'main' is taken by "),
        ("new", calc(), "toolset 'new' (registered by Python): the name 'add' is taken by "),
        ("shell", calc, "the name 'shell' is a built-in tool's; choose another"),
        ("new", 3, "toolset 'new' (registered by Python): a int is no toolset"),
    ],
)
def test_a_name_that_is_taken_is_refused_with_both_origins(
    bench: Bench, name: str, value: Any, message: str
) -> None:
    bench.worker("main", toolsets=["worker_tools"])
    bench.worker("add")
    refusals: list[str] = []
    known: list[list[str]] = []

    def register(*_: Any) -> str:
        with pytest.raises(SpecError) as caught:
            runtime.register_toolset(name, value)
        refusals.append(str(caught.value))
        known.append(sorted(built.registry.names))
        return "done"

    bench.script("main", register)
    runtime, built = bench.runtime(), bench.build("main")
    runtime.run(built.entry, "hi")
    assert message in refusals[0]
    assert known == [["add", "main"]]
    assert runtime.run(built.entry, "hi").output == "done"  # nothing of it was kept


def test_a_name_may_be_registered_once() -> None:
    registered = Registered()
    registered.add_toolset("calc", calc)
    with pytest.raises(SpecError, match="the name 'calc' was registered before"):
        registered.add_toolset("calc", calc)


def test_each_run_has_names_of_its_own() -> None:
    registered, project = Registered(), Registry()
    registered.add_toolset("calc", calc)
    for _ in range(2):
        with registered.running(project) as registry:
            assert list(registry.names) == ["calc"]
    assert list(project.names) == []


def test_a_run_that_has_ended_takes_no_name_any_more() -> None:
    registered, project = Registered(), link([AgentSpec("add")], [])
    with registered.running(project), pytest.raises(SpecError, match="the name 'add' is taken by"):
        registered.add_workers({"add": AgentSpec("add", "another")})
    registered.add_workers({"add": AgentSpec("add", "another")})
    with registered.running(Registry()) as registry:
        assert list(registry.workers) == ["add"]
    with pytest.raises(SpecError, match="the name 'add' is taken by"), registered.running(project):
        pass


def test_runtimes_of_one_project_know_nothing_of_each_other(bench: Bench) -> None:
    bench.worker("main", toolsets=["worker_tools"], workers={"allow": ["*"]})
    main = bench.script("main", *[call("worker_call", worker="secret", input="x"), "done"] * 2)
    bench.script("secret", "leaked")
    entry = bench.build().entry
    one, other = bench.runtime(APPROVE_ALL), bench.runtime(APPROVE_ALL)
    one.register_agents({"secret": AgentSpec("secret")})
    one.run(entry, "hi")
    assert main.tool_results == ["leaked"]
    other.register_toolset("secret", calc())  # the name is free here
    other.run(entry, "hi")
    assert told(main.tool_results[0])["code"] == "unknown"
    assert list(entry.registry.names) == ["main"]


@pytest.mark.parametrize("toolsets", [[], ["calc"]])
def test_a_worker_that_was_made_is_known_to_later_runs(bench: Bench, toolsets: list[str]) -> None:
    poet = f"---\nname: poet\ntoolsets: {json.dumps(toolsets)}\n---\nRhyme.\n"
    turns = [create(), ASK, "done", ASK, "done"]
    main = maker(bench, *turns, workers={"create": True, "allow": ["poet"]})

    async def grant(request: Request) -> Decision:
        return Decision("modify", {**request.args, "definition": poet})

    runtime, entry = bench.runtime(ask=grant), bench.build().entry
    runtime.register_toolset("calc", calc)
    runtime.run(entry, "hi")
    runtime.run(entry, "hi")
    assert main.tool_results == ["drip"]
    # what names a toolset of one runtime stays with it
    assert sorted(entry.registry.names) == (["main"] if toolsets else ["main", "poet"])


@pytest.mark.parametrize(
    ("agents", "message"),
    [
        ([AgentSpec("a")], "register_agents takes a mapping from names to AgentSpecs, found a list"),
        ({"a": {"name": "a"}}, "register_agents: 'a' is to be an AgentSpec, found a mapping"),
        ({"zzz": AgentSpec("a")}, "register_agents: 'zzz' is worker 'a'; use its own name"),
    ],
)
def test_other_than_named_workers_are_refused_at_once(agents: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Runtime().register_agents(agents)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("n n", "toolset 'n n' (registered by Python): the name 'n n' must be a letter, then at most 63 "),
        ("shell", "toolset 'shell' (registered by Python): the name 'shell' is a built-in tool's; choose "),
        (
            "final_result",
            "toolset 'final_result' (registered by Python): the name 'final_result' is a built-in",
        ),
        (3, "register_toolset takes a name first, found number 3"),
    ],
)
def test_a_name_that_no_toolset_can_have_is_refused_at_once(name: Any, message: str) -> None:
    with pytest.raises((SpecError, UsageError)) as caught:
        Runtime().register_toolset(name, calc)
    assert str(caught.value).startswith(message)
