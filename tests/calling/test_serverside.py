"""Tools that a provider runs: refused where a model cannot, decided before any request, journalled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic_ai.messages import ModelResponse, NativeToolCallPart, NativeToolReturnPart, TextPart
from pydantic_ai.models.test import TestModel
from pydantic_ai.native_tools import SUPPORTED_NATIVE_TOOLS
from scripted import call

from llm_do.approval import Rule
from llm_do.errors import Refused, UsageError
from llm_do.runtime import Decision, RunApprovalPolicy

if TYPE_CHECKING:
    from scripted import Bench

    from llm_do.runtime import Request

SEARCH = [{"tool_type": "web_search", "max_uses": 3, "allowed_domains": ["example.org"]}]
SEARCHED = ModelResponse(
    parts=[
        NativeToolCallPart("web_search", {"query": "llamas"}, tool_call_id="s1", provider_name="stand-in"),
        NativeToolReturnPart("web_search", {"hits": 2}, tool_call_id="s1", provider_name="stand-in"),
        TextPart("Two hits."),
    ]
)


def offered(bench: Bench) -> list[Any]:
    return [each.kind for each in bench.scripts["main"].infos[0].model_request_parameters.native_tools]


@pytest.fixture
def searcher(bench: Bench) -> Bench:
    bench.worker("main", server_side_tools=SEARCH)
    bench.script("main", SEARCHED)
    return bench


def test_an_approved_tool_is_offered_and_each_use_is_journalled(searcher: Bench) -> None:
    assert searcher.run("hi", RunApprovalPolicy("approve_all")) == "Two hits."
    assert offered(searcher) == ["web_search"]
    (decision,) = searcher.of("approval")
    assert (decision["name"], decision["decision"], decision["by"]) == ("web_search", "approve", "mode")
    (use,) = searcher.calls("web_search")
    assert (use["impl"], use["input"], use["output"]) == ("server", {"query": "llamas"}, {"hits": 2})
    assert (use["ok"], use["parent"], use["approval"]) == (True, "c0", {"decision": "approve", "by": "mode"})


def test_the_question_shows_what_the_provider_may_do(searcher: Bench) -> None:
    asked: list[Request] = []

    def approve(request: Request) -> Decision:
        asked.append(request)
        return Decision("approve")

    searcher.run("hi", RunApprovalPolicy(approval_callback=approve))
    (request,) = asked
    assert (request.tool, request.chain) == ("web_search", ("main",))
    assert request.args == {"max_uses": 3, "allowed_domains": ["example.org"], "blocked_domains": []}
    assert "run by the provider" in request.description


@pytest.mark.parametrize(
    "policy",
    [
        RunApprovalPolicy(),
        RunApprovalPolicy("reject_all"),
        RunApprovalPolicy("approve_all", rules=(Rule("web_*", decision="reject"),)),
        RunApprovalPolicy(approval_callback=lambda _: Decision("modify", {"max_uses": 99})),
    ],
    ids=["nobody to ask", "mode", "rule", "arguments cannot be edited"],
)
def test_a_tool_that_is_not_approved_is_not_offered(searcher: Bench, policy: RunApprovalPolicy) -> None:
    searcher.script("main", "No search, then.")
    assert searcher.run("hi", policy) == "No search, then."
    assert offered(searcher) == []
    (refusal,) = searcher.calls("web_search")
    assert (refusal["ok"], refusal["error"]["type"]) == (False, "denied")


def test_a_refusal_ends_the_run_where_it_must(searcher: Bench) -> None:
    with pytest.raises(Refused, match="'web_search' was refused"):
        searcher.run("hi", RunApprovalPolicy(return_permission_errors=False))
    assert searcher.scripts["main"].infos == []


def test_the_tools_of_a_worker_are_asked_about_as_one_list(bench: Bench) -> None:
    tools = [{"tool_type": "web_search"}, {"tool_type": "code_execution"}]
    bench.worker("main", server_side_tools=tools)
    bench.script("main", "done")
    asked: list[Request] = []

    async def ask(request: Request) -> Decision:
        asked.append(request)
        return Decision("reject" if request.tool == "web_search" else "approve")

    bench.run(ask=ask)
    assert [[each.tool for each in request.batch] for request in asked] == [
        ["web_search", "code_execution"]
    ] * 2
    assert [request.network for request in asked] == [True, False]
    assert offered(bench) == ["code_execution"]


def test_a_human_is_asked_three_times_at_most(bench: Bench) -> None:
    bench.worker("main", toolsets=["searcher"])
    bench.script("main", call("searcher", input="x"))
    bench.worker("searcher", server_side_tools=SEARCH)
    bench.script("searcher", "nothing found")
    asked: list[Request] = []

    async def refuse(request: Request) -> Decision:
        asked.append(request)
        return Decision("reject")

    with pytest.raises(Refused, match="'web_search' was refused 3 times"):
        bench.run(ask=refuse)
    assert len(asked) == 3


def test_a_mode_that_refuses_ends_no_run(bench: Bench) -> None:
    bench.worker("main", toolsets=["searcher"])
    bench.script("main", *[call("searcher", input="x")] * 4, "done")
    bench.worker("searcher", server_side_tools=SEARCH)
    bench.script("searcher", "nothing found")
    assert bench.run("hi", RunApprovalPolicy("reject_all")) == "done"
    assert len(bench.calls("web_search")) == 4


@pytest.mark.parametrize("has_files", [False, True])
def test_a_session_answer_covers_a_search_until_files_were_read(
    bench: Bench,
    has_files: bool,  # noqa: FBT001
) -> None:
    bench.write("a.txt", "secret")
    bench.worker("main", toolsets=["searcher"])
    files = {"attachments": ["a.txt"]} if has_files else {}
    bench.script("main", call("searcher", input="x"), call("searcher", input="x", **files), "done")
    bench.worker("searcher", server_side_tools=SEARCH)
    bench.script("searcher", "found")
    asked: list[Request] = []

    async def ask(request: Request) -> Decision:
        asked.append(request)
        return Decision("approve_session" if request.session_offered else "reject")

    bench.run(ask=ask)
    assert [request.session_offered for request in asked] == ([True, False] if has_files else [True])


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({}, "as often as its model wants"),
        ({"max_uses": 3}, "at most 3 times a request"),
        ({"allowed_domains": ["a.org", "b.org"]}, "as often as its model wants, on a.org, b.org only"),
        ({"max_uses": 1, "blocked_domains": ["c.org"]}, "at most 1 times a request, never on c.org"),
    ],
)
def test_the_question_says_how_far_the_tool_may_go(bench: Bench, limits: dict[str, Any], words: str) -> None:
    bench.worker("main", server_side_tools=[{"tool_type": "web_fetch", **limits}])
    bench.script("main", "done")
    asked: list[Request] = []
    bench.run("hi", RunApprovalPolicy(approval_callback=lambda each: asked.append(each) or "approve"))
    (request,) = asked
    assert request.description == f"web_fetch, run by the provider {words}"
    (tool,) = bench.scripts["main"].infos[0].model_request_parameters.native_tools
    assert {key: getattr(tool, key) for key in limits} == limits


class Lenient(TestModel):
    """A model whose provider keeps no limit of uses."""

    def unsupported_native_tool_settings(self, native_tool: Any) -> frozenset[str]:
        return native_tool.restricting_settings & {"max_uses"}


@pytest.mark.parametrize(
    ("tools", "complaint"),
    [
        ([{"tool_type": "code_execution", "max_uses": 2}], "'code_execution' knows no 'max_uses'"),
        (
            [{"tool_type": "image_generation", "allowed_domains": ["a.com"]}],
            "'image_generation' knows no 'allowed_domains'; remove the limit, or the tool",
        ),
        (
            SEARCH,
            "'test:test' cannot keep 'max_uses' of 'web_search'; choose another model or remove the limit",
        ),
        ([{"tool_type": "web_search"}, *SEARCH], "'web_search' is listed twice in server_side_tools"),
        ([{"tool_type": "web_search", "blocked_domains": ["a.com"]}, {"tool_type": "code_execution"}], None),
    ],
)
def test_what_cannot_be_kept_is_refused_before_anybody_is_asked(
    bench: Bench, tools: list[dict[str, Any]], complaint: str | None
) -> None:
    bench.worker("main", toolsets=["searcher"])
    bench.worker("searcher", server_side_tools=tools)
    asked: list[Request] = []
    policy = RunApprovalPolicy(approval_callback=lambda each: asked.append(each) or "approve")
    profile: Any = {"supported_native_tools": SUPPORTED_NATIVE_TOOLS}
    model = Lenient(profile=profile, call_tools=[], custom_output_text="done")
    if complaint is None:
        assert bench.run("hi", policy, model=model) == "done"
        return
    with pytest.raises(UsageError) as caught:
        bench.run("hi", policy, model=model)
    assert f"/searcher.worker:3: worker 'searcher': {complaint}" in str(caught.value)
    assert (asked, bench.events) == ([], [])


def test_a_model_that_cannot_run_the_tool_is_refused_before_any_request(bench: Bench) -> None:
    bench.worker("main", server_side_tools=SEARCH)
    with pytest.raises(
        UsageError, match=r"main\.worker:3: worker 'main': 'test:test' cannot run 'web_search'"
    ):
        bench.run("hi", model=TestModel(profile={"supported_native_tools": frozenset()}))
    assert bench.events == []
