"""No toolset is forgotten: whatever a worker can be offered is called by the tests of routes."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
from pydantic_ai.toolsets import AbstractToolset, WrapperToolset
from scripted import call
from stage import Stage
from toolkinds import BOX, COMMANDS, GROUPS, KINDS, unproven

import llm_do
from llm_do.linking.builtin import BUILTIN_TOOLSETS, RESERVED_TOOLS, sandbox_toolset
from llm_do.links import Toolset, Worker
from llm_do.toolsets.instances import new_toolset
from llm_do.toolsets.workers import WorkerTool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path, KINDS["bare"])
    stage.bench.tools(COMMANDS, "commands.py")
    return stage


def offered(stage: Stage) -> dict[str, list[str]]:
    """What a model is offered by each toolset of the project, and by a sandbox, as journals say."""
    stage.bench.worker("main")
    stage.bench.worker("plugs", toolsets=["plugged"])
    registry = stage.build("main").registry
    names = [*BUILTIN_TOOLSETS, *(each.name for each in registry.names.values() if isinstance(each, Toolset))]
    owners = {f"w{number}": name for number, name in enumerate(names)}
    for owner, name in owners.items():
        stage.bench.worker(owner, toolsets=[name], workers={"create": True})
    owners["boxed"] = "sandboxes"
    stage.bench.worker("boxed", sandboxes=BOX)
    for owner in owners:
        stage.bench.script(owner, "done")
    stage.bench.worker("main", toolsets=list(owners))
    stage.bench.script("main", [call(owner, input="go") for owner in owners], "done")
    stage.run()
    calls = {each["id"]: each["name"] for each in stage.witness.events if each["kind"] == "call"}
    offers = [each for each in stage.witness.events if each["kind"] == "offer"]
    return {owners[calls[each["call"]]]: each["tools"] for each in offers if calls[each["call"]] in owners}


def test_every_tool_that_is_offered_is_called(stage: Stage) -> None:
    found = offered(stage)
    assert found.keys() >= {*BUILTIN_TOOLSETS, "sandboxes", "plugged", "bare", "Subclass"}
    assert unproven(found) == []
    late = {"a single tool", "a worker", "a plugged worker", "registered"}
    kinds = {(*kind.links, name)[0]: set(kind.calls) for name, kind in KINDS.items() if name not in late}
    assert {name: set(tools) for name, tools in found.items()} == kinds
    assert {name: set(found[name]) for name in BUILTIN_TOOLSETS} == {
        name: set(toolset.tools or ()) for name, toolset in BUILTIN_TOOLSETS.items()
    }
    assert set(chain.from_iterable(found.values())) >= RESERVED_TOOLS


def test_a_toolset_or_tool_that_nothing_calls_is_told() -> None:
    assert unproven({"made_up": ["boom"], "filesystem_manage": ["make_dir", "chmod_file"]}) == [
        "toolset 'made_up': nothing calls 'boom'",
        "toolset 'filesystem_manage': nothing calls 'chmod_file'",
    ]
    # a tool of one toolset proves nothing of its namesake in another
    assert unproven({"filesystem_project_ro": ["write_file"]}) != []


def test_every_kind_is_in_one_group() -> None:
    assert sorted(chain.from_iterable(GROUPS.values())) == sorted(KINDS)


def toolset_classes() -> Iterator[type[AbstractToolset[Any]]]:
    """Every toolset of our own that offers tools by itself."""
    for module in pkgutil.walk_packages(llm_do.__path__, "llm_do."):
        if not module.name.endswith("__main__"):
            for value in vars(importlib.import_module(module.name)).values():
                is_own = inspect.isclass(value) and value.__module__ == module.name
                if is_own and issubclass(value, AbstractToolset) and not issubclass(value, WrapperToolset):
                    yield value


def test_every_class_of_toolset_is_behind_one_that_is_called(stage: Stage) -> None:
    stage.bench.worker("main", toolsets=["callee"], sandboxes=BOX)
    stage.bench.script("main", "done")
    stage.run()
    worker = stage.build("main").entry.target
    assert isinstance(worker, Worker)
    links = [*BUILTIN_TOOLSETS.values(), sandbox_toolset(worker.spec)]
    made = {type(new_toolset(stage.context, link)) for link in links}
    assert {*made, WorkerTool} == set(toolset_classes())
