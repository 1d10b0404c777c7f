from __future__ import annotations

import asyncio
import contextlib
import math
from typing import TYPE_CHECKING, Any

import pytest
from gated import logged

from llm_do.approval import Decision, Request, Ruling, RunApprovalPolicy
from llm_do.errors import Refused, UsageError
from llm_do.gate.controller import ApprovalController, Question

if TYPE_CHECKING:
    from collections.abc import Callable

    from llm_do.approval import DecidedBy, Mode, Preset
    from llm_do.gate.controller import Settled

ASK = Ruling("ask", "rule")
INSIST = Ruling("insist", "rule")
YES = Decision("approve")


def request(worker: str = "main", **args: Any) -> Request:
    return Request("write", args, "", (worker,), worker, 0)


class Human:
    """Gives its answers one after the other and keeps the questions; says no when it has no answer left."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[Request] = []

    async def ask(self, question: Request) -> Decision:
        self.asked.append(question)
        return self.answers.pop(0) if self.answers else Decision("reject")


async def settled_all(
    controller: ApprovalController, *questions: Request, ruling: Ruling = ASK, run: str = "run-1"
) -> list[Settled]:
    """Settle the calls of one response."""
    found: dict[int, Settled] = {}

    async def decided(number: int, settled: Settled) -> None:
        assert number not in found
        found[number] = settled

    await controller.settle(run, [Question(each, ruling) for each in questions], decided)
    return [found[number] for number in range(len(questions))]


def settle(controller: ApprovalController, question: Request, ruling: Ruling = ASK) -> Settled:
    (settled,) = asyncio.run(settled_all(controller, question, ruling=ruling))
    return settled


def called_back(callback: Callable[[Request], Any], mode: Mode = "prompt") -> ApprovalController:
    return ApprovalController(RunApprovalPolicy(mode, approval_callback=callback))


@pytest.mark.parametrize(
    ("mode", "preset", "by"),
    [
        ("prompt", "approve", "rule"),
        ("prompt", "ask", None),
        ("reject_all", "approve", "rule"),
        ("reject_all", "ask", None),
        ("approve_all", "ask", "mode"),
        ("approve_all", "insist", None),
        ("approve_all", "reject", None),
    ],
)
def test_who_approves_without_being_asked(mode: Mode, preset: Preset, by: DecidedBy | None) -> None:
    assert ApprovalController(RunApprovalPolicy(mode)).standing(preset) == by


def test_a_callback_is_heard_before_approve_all() -> None:
    controller = called_back(lambda _: "reject", "approve_all")
    assert controller.standing("ask") is None
    assert settle(controller, request()).decision.kind == "reject"


@pytest.mark.parametrize(
    ("mode", "ruling", "kind", "by", "note"),
    [
        ("approve_all", ASK, "approve", "mode", ""),
        ("approve_all", INSIST, "reject", "none", "it needs approval and nobody can be asked"),
        ("reject_all", ASK, "reject", "mode", "this run refuses what needs approval"),
        ("prompt", ASK, "reject", "none", "it needs approval and nobody can be asked"),
        ("approve_all", Ruling("reject", "rule"), "reject", "rule", "a rule forbids it"),
    ],
)
def test_modes_without_anybody_to_ask(mode: Mode, ruling: Ruling, kind: str, by: str, note: str) -> None:
    settled = settle(ApprovalController(RunApprovalPolicy(mode)), request(), ruling)
    assert (settled.decision.kind, settled.by, settled.decision.note) == (kind, by, note)


@pytest.mark.parametrize(
    ("answer", "kind", "by"),
    [
        ("approve", "approve", "callback"),
        ("reject", "reject", "callback"),
        ("prompt", "reject", "none"),
        (Decision("approve"), "approve", "callback"),
        (Decision("reject", note="no"), "reject", "callback"),
        (Decision("modify", {"a": 2}), "modify", "callback"),
        (Decision("approve_session"), "approve_session", "callback"),
        # anything but a clear answer is a refusal
        (True, "reject", "callback"),
        (None, "reject", "callback"),
        ("APPROVE", "reject", "callback"),
        ("approve ", "reject", "callback"),
        ("yes", "reject", "callback"),
        ("approve_session", "reject", "callback"),
        (["approve"], "reject", "callback"),
        (Decision, "reject", "callback"),
        (Decision("always"), "reject", "callback"),  # pyright: ignore[reportArgumentType]
        (Decision("approve", {"a": 2}), "reject", "callback"),  # approved, but what?
        (Decision("approve_session", {"a": 2}), "reject", "callback"),
        (Decision("modify"), "reject", "callback"),
        (Decision("modify", {"a": math.nan}), "reject", "callback"),
        (Decision("modify", {"a": {1, 2}}), "reject", "callback"),
        (Decision("modify", [1]), "reject", "callback"),  # pyright: ignore[reportArgumentType]
    ],
)
def test_answers_of_a_callback(answer: Any, kind: str, by: str) -> None:
    async def later(_: Request) -> Any:
        return answer

    is_odd = kind == "reject" and answer not in ("reject", "prompt", Decision("reject", note="no"))
    told = r"answered .* about 'write', which is no clear yes; return 'appr"
    for controller in (called_back(lambda _: answer), called_back(later)):
        with logged(told) if is_odd else contextlib.nullcontext():
            settled = settle(controller, request(a=1))
        assert (settled.decision.kind, settled.by) == (kind, by)


def test_prompt_leaves_a_call_to_the_mode() -> None:
    assert settle(called_back(lambda _: "prompt", "approve_all"), request()).by == "mode"
    human = Human(YES)
    policy = RunApprovalPolicy(approval_callback=lambda _: "prompt")
    assert settle(ApprovalController(policy, ask=human.ask), request()).by == "human"
    assert len(human.asked) == 1


def test_a_callback_or_a_prompt_that_breaks_is_a_no() -> None:
    def broken(_: Request) -> Any:
        raise ValueError("out of order")

    async def broken_prompt(_: Request) -> Decision:
        raise OSError("terminal gone")

    with logged(r"callback failed about 'write': ValueError: out of order"):
        settled = settle(called_back(broken, "approve_all"), request())
    assert settled.decision == Decision("reject", note="the approval callback failed: out of order")
    settled = settle(ApprovalController(RunApprovalPolicy(), ask=broken_prompt), request())
    assert settled.decision == Decision("reject", note="the question failed: terminal gone")


@pytest.mark.parametrize("answer", ["prompt", "y", None, True, Decision("modify")])
def test_what_a_human_did_not_clearly_say_is_a_no(answer: Any) -> None:
    settled = settle(ApprovalController(RunApprovalPolicy(), ask=Human(answer).ask), request())
    assert (settled.decision.kind, settled.by) == ("reject", "human")


def test_stopping_the_run_passes_through() -> None:
    def stop(_: Request) -> Any:
        raise Refused("enough")

    async def quit_run(question: Request) -> Decision:
        return stop(question)

    for controller in (called_back(stop), ApprovalController(RunApprovalPolicy(), ask=quit_run)):
        with pytest.raises(Refused, match="enough"):
            settle(controller, request())


def test_who_answers_gets_a_copy_of_the_arguments() -> None:
    def change(question: Request) -> Any:
        args: Any = question.args
        args["path"] = "other"
        args["tags"].append("x")
        return Decision("approve_session")

    controller = called_back(change)
    question = request(path="a", tags=[])
    settle(controller, question)
    assert question.args == {"path": "a", "tags": []}
    controller.policy = RunApprovalPolicy("reject_all")
    assert settle(controller, request(path="a", tags=[])).decision.kind == "approve"
    assert settle(controller, request(path="other", tags=["x"])).decision.kind == "reject"


SESSION: dict[str, tuple[Request, bool]] = {
    "the same call": (request(a=1, b=2), True),
    "the same with keys in another order": (request(b=2, a=1), True),
    "other arguments": (request(a=1, b=3), False),
    "one argument less": (request(a=1), False),
    "from another worker": (request("other", a=1, b=2), False),
}


@pytest.mark.parametrize("case", SESSION)
def test_a_session_approval_covers_the_same_call_only(case: str) -> None:
    again, is_covered = SESSION[case]
    human = Human(Decision("approve_session"))
    controller = ApprovalController(RunApprovalPolicy(), ask=human.ask)
    assert settle(controller, request(a=1, b=2)).decision.kind == "approve_session"
    assert (settle(controller, again).decision.kind == "approve") is is_covered
    assert len(human.asked) == (1 if is_covered else 2)


def test_a_session_approval_of_a_callback_is_remembered_as_its_own() -> None:
    calls: list[Request] = []

    def once(question: Request) -> Any:
        calls.append(question)
        return Decision("approve_session")

    controller = called_back(once)
    assert settle(controller, request()).by == "callback"
    assert settle(controller, request()).by == "callback"
    assert len(calls) == 1


def test_an_insisting_toolset_is_asked_about_every_time() -> None:
    human = Human(Decision("approve_session"), Decision("approve_session"))
    controller = ApprovalController(RunApprovalPolicy("approve_all"), ask=human.ask)
    question = Request("write", {}, "", ("main",), "main", 0, session_offered=False)
    settled = [settle(controller, question, INSIST) for _ in range(2)]
    assert [(each.decision.kind, each.by) for each in settled] == [("approve", "human")] * 2
    assert len(human.asked) == 2


def at_once(controller: ApprovalController, *questions: Request) -> list[Settled]:
    async def all_of_them() -> list[Settled]:
        lists = await asyncio.gather(*(settled_all(controller, each) for each in questions))
        return [settled for (settled,) in lists]

    return asyncio.run(all_of_them())


def counted(answer: Callable[[Request], Any]) -> tuple[Callable[[Request], Any], list[int]]:
    open_now: list[int] = [0, 0]

    async def ask(question: Request) -> Any:
        open_now[0] += 1
        open_now[1] = max(open_now)
        for _ in range(3):
            await asyncio.sleep(0)
        open_now[0] -= 1
        return answer(question)

    return ask, open_now


def test_one_question_at_a_time_each_with_its_own_arguments() -> None:
    seen: list[Any] = []

    def answer(question: Request) -> Decision:
        seen.append(question.args["n"])
        return Decision("approve" if question.args["n"] % 2 else "reject")

    questions = [request(n=number) for number in range(4)]
    ask, most = counted(answer)
    settled = at_once(ApprovalController(RunApprovalPolicy(), ask=ask), *questions)
    assert [each.decision.kind for each in settled] == ["reject", "approve"] * 2
    ask, most_called_back = counted(answer)
    at_once(called_back(ask), *questions)
    assert most[1] == most_called_back[1] == 1
    assert seen == [0, 1, 2, 3] * 2


def test_an_identical_call_that_waited_is_not_asked_about_again() -> None:
    human = Human(Decision("approve_session"))
    settled = at_once(ApprovalController(RunApprovalPolicy(), ask=human.ask), request(a=1), request(a=1))
    assert [each.decision.kind for each in settled] == ["approve_session", "approve"]
    assert len(human.asked) == 1


def test_a_cancelled_question_frees_the_next_one() -> None:
    async def never(_: Request) -> Decision:
        await asyncio.Event().wait()
        return YES

    async def scenario() -> Settled:
        controller = ApprovalController(RunApprovalPolicy(), ask=never)
        asking = asyncio.ensure_future(settled_all(controller, request()))
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        controller.policy = RunApprovalPolicy("reject_all")
        return (await settled_all(controller, request()))[0]

    assert asyncio.run(scenario()).by == "mode"


def test_the_third_refusal_of_one_call_stops_its_run() -> None:
    controller = ApprovalController(RunApprovalPolicy())
    for question in (request(a=1), request(a=2), request(a=1)):
        controller.count_refusal("run-1", question)
    controller.count_refusal("run-2", request(a=1))
    with pytest.raises(Refused, match=r"^main: 'write' was refused 3 times with the same arguments"):
        controller.count_refusal("run-1", request(a=1))


def test_rules_may_be_written_as_in_a_manifest() -> None:
    policy = RunApprovalPolicy(rules=[{"tool": "write", "args": {"a": 1}, "decision": "reject"}])
    assert ApprovalController(policy).rules[0].matches("write", {"a": 1})
    with pytest.raises(UsageError, match=r"'approval_rules.0.decision' must be one of approve, ask, reject"):
        ApprovalController(RunApprovalPolicy(rules=[{"tool": "x", "decision": "never"}]))
