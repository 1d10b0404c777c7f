"""The public names are exactly those the documentation promises: nothing missing, nothing extra, sorted."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import fields
from decimal import Decimal
from importlib.resources import files
from types import ModuleType
from typing import TYPE_CHECKING, Any, assert_type

import pytest
from pydantic_ai.messages import ModelMessage

from llm_do.project.manifest import RuntimeConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from llm_do.runtime import Runtime

PUBLIC = {
    "llm_do.runtime": [
        "AgentSpec",
        "ApprovalController",
        "Attachment",
        "CallContext",
        "Decision",
        "EntrySpec",
        "PromptContent",
        "Request",
        "RunApprovalPolicy",
        "Runtime",
        "ToolsetSpec",
        "WorkerArgs",
        "WorkerContext",
        "WorkerRuntime",
        "build_entry",
        "run_worker",
    ],
    # its interface is the pytest plugin and the command
    "llm_do_eval": [],
}


@pytest.mark.parametrize(("name", "public"), PUBLIC.items())
def test_all_is_exact_and_sorted(name: str, public: list[str]) -> None:
    module = importlib.import_module(name)
    assert list(getattr(module, "__all__", [])) == public == sorted(public)
    assert [item for item in public if not hasattr(module, item)] == []


def test_the_package_that_promises_no_names_has_none() -> None:
    package = vars(importlib.import_module("llm_do_eval"))
    assert [
        name for name, value in package.items() if name[0] != "_" and not isinstance(value, ModuleType)
    ] == []


def test_the_three_names_of_the_context_are_one_class() -> None:
    runtime = importlib.import_module("llm_do.runtime")
    assert runtime.CallContext is runtime.WorkerRuntime is runtime.WorkerContext


# -- what each name takes, as the contract spells it

TAKEN = {
    "Runtime": ["run_approval_policy", "project_root", "model", "on_event", "journal"],
    "Runtime.run_entry": ["self", "entry", "input", "message_history"],
    "Runtime.run": ["self", "entry", "input", "options"],
    "Runtime.register_agents": ["self", "agents"],
    "Runtime.register_toolset": ["self", "name", "toolset"],
    "Runtime.cancel": ["self"],
    "CallContext.call": ["self", "name", "input"],
    "RunApprovalPolicy": ["mode", "approval_callback", "rules", "return_permission_errors"],
    "Request": ["tool", "args", "description", "chain", "worker", "depth"],
    "Decision": ["kind", "args", "note"],
    "EntrySpec": ["name", "main", "schema_in"],
    "ToolsetSpec": ["factory"],
    "Attachment": ["path"],
    "build_entry": ["worker_files", "python_files", "project_root"],
    "run_worker": ["registry", "worker", "input"],
}


def found(path: str) -> Any:
    value: Any = importlib.import_module("llm_do.runtime")
    for name in path.split("."):
        value = getattr(value, name)
    return value


@pytest.mark.parametrize("path", TAKEN)
def test_the_arguments_begin_as_the_contract_has_them(path: str) -> None:
    names = list(inspect.signature(found(path)).parameters)
    wanted = TAKEN[path]
    if path == "Runtime":  # keywords but for two, in no order
        assert names[:2] == wanted[:2]
        assert {*wanted[2:], *(key.name for key in fields(RuntimeConfig))} <= set(names[2:])
    else:
        assert names[: len(wanted)] == wanted


def callables() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every function and method of a public name that is ours to document."""
    for name in PUBLIC["llm_do.runtime"]:
        value = found(name)
        if inspect.isfunction(value):
            yield name, value
        for attribute, each in vars(value).items() if inspect.isclass(value) else ():
            method = each.fget if isinstance(each, property) else each
            if inspect.isfunction(method) and attribute[0] != "_":
                yield f"{name}.{attribute}", method


@pytest.mark.parametrize(("name", "function"), [pytest.param(*each, id=each[0]) for each in callables()])
def test_every_function_is_documented_and_typed(name: str, function: Callable[..., Any]) -> None:
    first, *rest = (function.__doc__ or "").strip().splitlines()
    assert first.endswith("."), name
    assert rest[:1] in ([], [""]), name
    signature = inspect.signature(function)
    untyped = [
        each.name
        for each in signature.parameters.values()
        if each.name != "self" and each.annotation is inspect.Parameter.empty
    ]
    assert untyped == []
    assert signature.return_annotation is not inspect.Signature.empty


def test_every_class_is_documented() -> None:
    classes = [found(name) for name in PUBLIC["llm_do.runtime"] if inspect.isclass(found(name))]
    assert len(classes) == 13
    # a dataclass without one gets its signature in the place of a sentence
    assert [
        each for each in classes if not each.__doc__ or each.__doc__.startswith(f"{each.__name__}(")
    ] == []


def test_types_are_shipped() -> None:
    assert files("llm_do").joinpath("py.typed").is_file()


def test_what_a_run_tells_has_types() -> None:
    def read(runtime: Runtime) -> None:  # a type checker reads it
        assert_type(runtime.messages, list[ModelMessage])
        assert_type(runtime.usage.requests, int)
        assert_type(runtime.usage.calls, int)
        assert_type(runtime.usage.input_tokens, int)
        assert_type(runtime.usage.output_tokens, int)
        assert_type(runtime.usage.cost_usd, Decimal | None)

    read(found("Runtime")())
