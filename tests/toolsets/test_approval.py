from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic_ai.toolsets import FunctionToolset

from llm_do.runtime import Decision
from llm_do.toolsets.approval import (
    declared,
    description_of,
    preset_of,
    reaches_network,
    set_toolset_approval_config,
    word_of,
)


def preset(toolset: Any, name: str = "add", **args: Any) -> str:
    return asyncio.run(preset_of(toolset, name, args, None))


class Policy(FunctionToolset[Any]):
    """Answers every question about approval with the same value."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer

    def needs_approval(self, _name: str, args: dict[str, Any], _ctx: Any) -> Any:
        args.clear()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def get_approval_description(self, name: str, args: dict[str, Any], _ctx: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return f"{name} of {args}"


def test_a_toolset_that_says_nothing_is_asked_about() -> None:
    assert preset(FunctionToolset[Any]()) == "ask"
    assert description_of(FunctionToolset[Any](), "add", {}, None) == ""


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ({"add": {"pre_approved": True}}, "approve"),
        ({"add": {"pre_approved": False}}, "ask"),
        ({"add": {"pre_approved": 1}}, "ask"),
        ({"add": {}}, "ask"),
        ({"other": {"pre_approved": True}}, "ask"),
    ],
)
def test_pre_approved_tools(config: dict[str, Any], word: str) -> None:
    toolset = FunctionToolset[Any]()
    set_toolset_approval_config(toolset, config)
    assert preset(toolset) == word
    assert preset(toolset.filtered(lambda _ctx, _tool: True)) == word


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ValueError, match="config of 'add': unknown setting 'preapproved'; known: pre_"):
        set_toolset_approval_config(FunctionToolset[Any](), {"add": {"preapproved": True}})


def test_the_outermost_word_counts() -> None:
    inner = FunctionToolset[Any]()
    set_toolset_approval_config(inner, {"add": {"pre_approved": True}})
    outer = inner.filtered(lambda _ctx, _tool: True)
    set_toolset_approval_config(outer, {"add": {"pre_approved": False}})
    assert preset(outer) == "ask"


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (True, "ask"),
        (False, "approve"),
        ("approve", "approve"),
        ("ask", "ask"),
        ("reject", "reject"),
        ("insist", "insist"),
        ("yes", "ask"),
        (None, "ask"),
        (0, "ask"),
        (["approve"], "ask"),
        (Decision("reject"), "reject"),
        (Decision("approve"), "ask"),
        (Decision("modify", {}), "ask"),
        (ValueError("broken"), "ask"),
    ],
)
def test_what_needs_approval_may_answer(answer: Any, word: str) -> None:
    assert preset(Policy(answer)) == word


def test_needs_approval_may_be_async() -> None:
    class Later(Policy):
        async def needs_approval(self, _name: str, args: dict[str, Any], _ctx: Any) -> Any:
            return args["amount"] > 100

    assert [preset(Later(None), amount=amount) for amount in (1, 1000)] == ["approve", "ask"]


def test_a_policy_cannot_change_the_arguments() -> None:
    args = {"tags": ["a"]}
    assert asyncio.run(preset_of(Policy(answer=False), "add", args, None)) == "approve"
    assert args == {"tags": ["a"]}


def test_a_toolset_describes_its_calls() -> None:
    assert description_of(Policy(answer=True), "add", {"a": 1}, None) == "add of {'a': 1}"
    assert description_of(Policy(ValueError()), "add", {}, None) == ""


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        (Decision("reject", note="too late"), "too late"),
        (Decision("reject"), "a rule forbids it"),
        ("reject", "a rule forbids it"),
    ],
)
def test_a_policy_may_say_why_it_rejects(answer: Any, note: str) -> None:
    word = asyncio.run(word_of(Policy(answer), "add", {}, None))
    assert (word.verdict, word.by, word.note) == ("reject", "rule", note)


class Sender(FunctionToolset[Any]):
    """Says of one tool that it sends."""

    network = frozenset({"send"})


def test_what_sends_says_so_through_every_wrapper() -> None:
    configured = FunctionToolset[Any]()
    set_toolset_approval_config(configured, {"send": {"network": True}, "add": {"network": False}})
    for toolset in (Sender(), configured):
        outer = toolset.filtered(lambda _ctx, _tool: True)
        set_toolset_approval_config(outer, {"send": {"pre_approved": True}})
        assert [reaches_network(each, "send") for each in (toolset, outer)] == [True, True]
        assert [reaches_network(each, "add") for each in (toolset, outer)] == [False, False]
    assert not reaches_network(FunctionToolset[Any](), "send")


def test_what_a_toolset_declares_is_found_through_wrappers() -> None:
    assert declared(Sender().filtered(lambda _ctx, _tool: True), "network") == {"send"}
    assert declared(Sender(), "effects") is None
