from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from llm_do.approval import Request, Rule, RunApprovalPolicy, rule
from llm_do.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_do.approval import Preset, Verdict

APPROVE, ASK, REJECT = (Rule("*", decision=word) for word in ("approve", "ask", "reject"))


def request(tool: str = "write", worker: str = "main", **args: Any) -> Request:
    return Request(tool, args, "", (worker,), worker, 0)


@pytest.mark.parametrize(
    ("pattern", "args", "is_match"),
    [
        (Rule("write"), {}, True),
        (Rule("wr*"), {}, True),
        (Rule("WRITE"), {}, False),
        (Rule("read"), {}, False),
        (Rule("write", {"path": "drafts/*"}), {"path": "drafts/a/b.md", "mode": "w"}, True),
        (Rule("write", {"path": "drafts/*"}), {"path": "final/a.md"}, False),
        (Rule("write", {"path": "drafts/*"}), {}, False),
        (Rule("write", {"path": "*"}), {"path": 5}, False),
        (Rule("write", {"n": 5}), {"n": 5}, True),
        (Rule("write", {"n": 5}), {"n": "5"}, False),
        (Rule("write", {"n": 1}), {"n": True}, False),
        (Rule("write", {"force": True}), {"force": True}, True),
        (Rule("write", {"tags": ["a", "b"]}), {"tags": ["a", "b"]}, True),
        (Rule("write", {"tags": ["a", "b"]}), {"tags": ["b", "a"]}, False),
        (Rule("write", {"at": {"x": 1}}), {"at": {"x": 1}}, True),
        (Rule("write", {"gone": None}), {"gone": None}, True),
    ],
)
def test_a_rule_speaks_of_a_tool_and_its_arguments(
    pattern: Rule,
    args: Mapping[str, Any],
    is_match: bool,  # noqa: FBT001  a column of the table
) -> None:
    assert pattern.matches("write", args) is is_match


class Lists(NamedTuple):
    operator: list[Rule]
    chain: list[list[Rule]]
    preset: Preset
    verdict: Preset


@pytest.mark.parametrize(
    "said",
    [
        # nobody speaks but the toolset
        Lists([], [], "ask", "ask"),
        Lists([], [[]], "approve", "approve"),
        Lists([], [], "insist", "insist"),
        Lists([], [], "reject", "reject"),
        # the worker's word comes before the toolset's, the operator's before both
        Lists([], [[APPROVE]], "ask", "approve"),
        Lists([], [[ASK]], "approve", "ask"),
        Lists([APPROVE], [[ASK]], "ask", "approve"),
        Lists([ASK], [[APPROVE]], "approve", "ask"),
        # a reject from any list wins
        Lists([APPROVE], [[REJECT]], "approve", "reject"),
        Lists([REJECT], [[APPROVE]], "approve", "reject"),
        Lists([APPROVE], [[APPROVE]], "reject", "reject"),
        Lists([APPROVE], [[REJECT]], "insist", "reject"),
        # an insisting toolset is asked about whatever approves it
        Lists([APPROVE], [[APPROVE]], "insist", "insist"),
        # a callee does not widen what its caller gates
        Lists([], [[APPROVE], [ASK]], "approve", "ask"),
        Lists([], [[ASK], [APPROVE]], "approve", "ask"),
        Lists([], [[APPROVE], [], [REJECT]], "ask", "reject"),
        # within a list the first match decides
        Lists([APPROVE, REJECT], [], "ask", "approve"),
        Lists([], [[ASK, REJECT]], "approve", "ask"),
        Lists([Rule("read", decision="reject"), APPROVE], [], "ask", "approve"),
    ],
)
def test_lists_are_judged_in_their_order(said: Lists) -> None:
    assert rule(said.operator, said.chain, said.preset, "write", {}).verdict == said.verdict


def test_the_key_is_of_worker_tool_and_arguments_whatever_their_order() -> None:
    key = request(a=1, b=[1, 2]).key
    assert key == request(b=[1, 2], a=1).key
    others = [
        request(a=1, b=[2, 1]),
        request(a=1.0, b=[1, 2]),
        request(a="1", b=[1, 2]),
        request(a=True, b=[1, 2]),
        request(a=1),
        request("read", a=1, b=[1, 2]),
        request(worker="other", a=1, b=[1, 2]),
    ]
    assert len({key, *(each.key for each in others)}) == 1 + len(others)


def test_a_key_exists_for_what_json_has_no_form_for() -> None:
    assert request(a=math.nan).key == request(a=math.nan).key != request(a={1}).key


def test_a_mistyped_decision_is_refused() -> None:
    with pytest.raises(
        UsageError, match=r"rule for 'write': 'rejct' is no decision; say approve, ask, reject"
    ):
        Rule("write", decision="rejct")  # pyright: ignore[reportArgumentType]


def test_a_mistyped_mode_is_refused() -> None:
    with pytest.raises(
        UsageError, match=r"'yolo' is no approval mode; say one of prompt, approve_all, reject_all"
    ):
        RunApprovalPolicy("yolo")  # pyright: ignore[reportArgumentType]


def spell(args: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.replace("./", "").replace("//", "/") for name, value in args.items()}


@pytest.mark.parametrize("pattern", ["secret/*", "./secret/*", "secret//*", "././secret/a"])
@pytest.mark.parametrize("path", ["secret/a", "./secret/a", "secret//a"])
@pytest.mark.parametrize("decision", ["approve", "ask", "reject"])
def test_a_rule_and_a_call_meet_in_one_spelling(pattern: str, path: str, decision: Verdict) -> None:
    rules = [Rule("read", {"path": pattern}, decision)]
    assert rule(rules, [], "insist", "read", {"path": path}, spell=spell).verdict == (
        "reject" if decision == "reject" else "insist"
    )
    assert rule([], [rules], "ask", "read", {"path": path}, spell=spell).verdict == decision


def test_a_reject_holds_for_what_was_given_and_an_approve_for_what_it_means() -> None:
    args = {"path": "./secret//a"}
    as_given = Rule("read", {"path": "./secret//*"}, "reject")
    assert rule([as_given], [], "ask", "read", args).verdict == "reject"
    decisions: tuple[Verdict, ...] = ("approve", "reject")
    for decision in decisions:
        # no pattern of the meaning: `*/` asks for a folder above
        rules = [Rule("read", {"path": "*/secret/*"}, decision)]
        said = rule(rules, [], "ask", "read", {"path": "./secret/a"}, spell=spell).verdict
        assert said == ("reject" if decision == "reject" else "ask")


def test_where_nothing_has_a_spelling_words_are_words() -> None:
    rules = [Rule("run", {"command": "./build*"}, "approve")]
    assert rule(rules, [], "ask", "run", {"command": "build-evil"}).verdict == "ask"
    assert rule(rules, [], "ask", "run", {"command": "./build x"}).verdict == "approve"
