"""What the tests of routes rely on: the witness reports an effect that no decision allows, in every form."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from pydantic_ai import Agent
from scripted import Bench, call
from witness import YES, Sighting, Witness, faults

from llm_do.gate.gate import Gate
from llm_do.gate.judgement import open_call, record_approval
from llm_do.linking.builtin import BUILTIN_TOOLSETS
from llm_do.runtime import Decision, Request, RunApprovalPolicy
from llm_do.state.budget import Spent
from llm_do.toolsets.instances import new_toolset
from llm_do.toolsets.offered import Offered

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from llm_do.journal import Event
    from llm_do.runtime import CallContext

APPROVE_ALL = RunApprovalPolicy("approve_all")
LINK = BUILTIN_TOOLSETS["filesystem_project"]
WRITE = call("write_file", path="t000.txt", content="x")
TOOLS = {"t000": "write_file", "t001": "write_file"}
CODE = """
from llm_do.runtime import EntrySpec

async def begin(given, ctx):
    return await WORK(ctx)

code = EntrySpec("code", begin)
"""


@pytest.fixture
def witness(bench: Bench) -> Witness:
    (bench.root / "runs").mkdir()
    return Witness(bench.root, bench.root / "runs")


def run(bench: Bench, witness: Witness, policy: Any = APPROVE_ALL, **options: Any) -> None:
    runtime = bench.runtime(policy, on_event=witness, journal=witness.journals, **options)
    entry = bench.build().entry
    witness.begin()
    asyncio.run(runtime.run_entry(entry, "go"))
    witness.end()


def written(bench: Bench, witness: Witness, policy: Any = APPROVE_ALL) -> list[Event]:
    """The events of a run in which a worker writes a file."""
    bench.worker("main", toolsets=["filesystem_project"])
    bench.script("main", WRITE, "done")
    run(bench, witness, policy)
    return witness.events


# -- agents that are not built as ours


class Careless(Gate):
    """Opens the call, and never decides."""

    async def before_tool_execute(
        self, ctx: Any, *, call: Any, tool_def: Any, args: dict[str, Any]
    ) -> dict[str, Any]:
        ctx.deps.facts["opened"] = open_call(ctx, call, tool_def)
        return args


class Tardy(Careless):
    """Decides when the tool has run."""

    async def wrap_tool_execute(
        self, ctx: Any, *, call: Any, tool_def: Any, args: dict[str, Any], handler: Any
    ) -> Any:
        del call, tool_def
        result = await handler(args)
        record_approval(ctx.deps.facts["opened"], "approve", "rule")
        return result


def agent_run(bench: Bench, witness: Witness, gates: Sequence[Any]) -> None:
    """Run an agent with the file tools and these capabilities, where ours would be."""
    script = bench.script("agent", WRITE, "done")

    async def work(ctx: CallContext) -> str:
        toolset, ctx.spent = new_toolset(ctx, LINK), Spent()
        ctx.toolsets = [Offered(toolset, link=LINK)]
        agent = Agent(script.model, toolsets=[] if gates else [toolset], capabilities=gates)
        return (await agent.run("go", deps=ctx)).output

    bench.tools(CODE)
    runtime = bench.runtime(APPROVE_ALL, on_event=witness, journal=witness.journals)
    built = bench.build()
    code: Any = built.registry.entries["code"].spec
    code.main.__globals__["WORK"] = work
    witness.begin()
    asyncio.run(runtime.run_entry(built.entry, "go"))
    witness.end()
    assert (bench.root / "t000.txt").read_text() == "x"


def test_the_gate_decides_about_every_effect(bench: Bench, witness: Witness) -> None:
    agent_run(bench, witness, [Gate()])
    assert faults(witness.events, witness.sightings, TOOLS) == []
    assert [each.path for each in witness.sightings] == ["t000.txt"]


def test_an_agent_without_the_gate_is_found_out(bench: Bench, witness: Witness) -> None:
    agent_run(bench, witness, [])
    assert faults(witness.events) == []  # its journal knows nothing of the call
    (found,) = faults(witness.events, witness.sightings, TOOLS)
    assert found.startswith("t000.txt changed before event ")


@pytest.mark.parametrize("gate", [Careless, Tardy])
def test_a_gate_that_does_not_decide_in_time_is_found_out(
    bench: Bench, witness: Witness, gate: type[Gate]
) -> None:
    agent_run(bench, witness, [gate()])
    found = faults(witness.events, witness.sightings, TOOLS)
    assert [each.split(" ")[0] for each in found] == ["call", "t000.txt"]


# -- journals that were tampered with


def test_a_decision_that_was_taken_out_is_missed(bench: Bench, witness: Witness) -> None:
    bench.worker("callee", toolsets=["filesystem_project"])
    bench.script("callee", [WRITE, call("read_file", path="callee.worker")], "done")
    bench.worker("main", toolsets=["callee"])
    bench.script("main", call("callee", input="x"), "done")
    run(bench, witness)
    events = witness.events
    assert faults(events, witness.sightings, TOOLS) == []
    places = [number for number, each in enumerate(events) if each["kind"] == "approval"]
    assert sorted(events[place]["name"] for place in places) == ["callee", "read_file", "write_file"]
    for place in places:
        without = [*events[:place], *events[place + 1 :]]
        assert [each.split(" ")[:2] for each in faults(without)] == [["call", events[place]["call"]]]


@pytest.mark.parametrize("decision", ["reject", "session", "", None])
def test_a_decision_that_is_no_yes_is_none(bench: Bench, witness: Witness, decision: str | None) -> None:
    events = written(bench, witness)
    assert faults(events, witness.sightings, TOOLS) == []
    forged = [{**each, "decision": decision} if each["kind"] == "approval" else each for each in events]
    assert len(faults(forged, witness.sightings, TOOLS)) == 2
    assert decision not in YES


def test_a_decision_that_came_later_is_none(bench: Bench, witness: Witness) -> None:
    events = written(bench, witness)
    place = next(number for number, each in enumerate(events) if each["kind"] == "approval")
    late = [*events[:place], *events[place + 1 :], events[place]]
    assert len(faults(late)) == 1
    assert faults(events, [Sighting(place, "t000.txt")], TOOLS) != []  # seen when the decision was written
    assert faults(events, [Sighting(place + 1, "t000.txt")], TOOLS) == []


def test_an_effect_of_other_arguments_or_of_no_call_is_none_that_was_decided(
    bench: Bench, witness: Witness
) -> None:
    events = written(bench, witness)
    for path in ("t001.txt", "other.txt"):
        assert len(faults(events, [Sighting(len(events) - 2, path)], TOOLS)) == 1
    after = [Sighting(len(events), "t000.txt")]
    assert len(faults(events, after, TOOLS)) == 1  # when its call had ended


def test_a_decision_without_its_call_is_missed(bench: Bench, witness: Witness) -> None:
    events = written(bench, witness)
    cut = [each for each in events if each["kind"] != "call" or each["name"] != "write_file"]
    (call,) = (each["id"] for each in events if each["kind"] == "call" and each["parent"])
    assert faults(cut) == [f"decision about {call} (write_file), which has no line"]


def test_a_call_that_does_not_say_who_let_it_run_is_missed(bench: Bench, witness: Witness) -> None:
    events = written(bench, witness)
    forged = [{**each, "approval": None} if each["kind"] == "call" else each for each in events]
    (call,) = (each["id"] for each in events if each["kind"] == "call" and each["parent"])
    assert faults(forged) == [f"call {call} of write_file does not say who let it run"]


def test_a_changed_call_is_allowed_what_it_was_changed_to(bench: Bench, witness: Witness) -> None:
    def change(_: Request) -> Decision:
        return Decision("modify", {"path": "t001.txt", "content": "x"})

    events = written(bench, witness, RunApprovalPolicy(approval_callback=change))
    assert [each.path for each in witness.sightings] == ["t001.txt"]
    assert faults(events, witness.sightings, TOOLS) == []
    assert len(faults(events, [Sighting(len(events) - 2, "t000.txt")], TOOLS)) == 1


# -- what is seen


def test_every_change_is_seen_once_and_journals_are_none(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "old").write_text("1")
    (tmp_path / "gone").touch()
    witness = Witness(tmp_path, tmp_path / "runs")
    witness.begin()
    (tmp_path / "runs" / "r.jsonl").write_text('{"run": "r"}\n')
    (tmp_path / "old").write_text("2")
    (tmp_path / "gone").unlink()
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / ".a.tmp.llm-do").touch()
    witness({"run": "r"})
    assert [each.path for each in witness.sightings] == ["gone", "new", "old"]
    assert {each.event for each in witness.sightings} == {0}
    witness({"run": "r"})
    assert (len(witness.sightings), witness.unwritten) == (3, [])
    witness.end()  # by now it should have had its name
    assert witness.sightings[3:] == [Sighting(2, "new/.a.tmp.llm-do")]
    (tmp_path / "runs" / "r.jsonl").write_text('{"run": "r", "x": 1}\n')
    witness({"run": "r"})
    assert witness.unwritten == [{"run": "r"}]
