"""The calls of one response: asked as one list, by nobody else meanwhile, and not at all after a quit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from llm_do.approval import Decision, Request, Ruling, RunApprovalPolicy
from llm_do.errors import Refused
from llm_do.gate.controller import ApprovalController, Question

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from llm_do.gate.controller import Settled

ASK = Ruling("ask")
YES = Decision("approve")
SESSION = Decision("approve_session")


def request(name: str = "a", worker: str = "main", **more: Any) -> Request:
    return Request("write", {"path": name}, "", (worker,), worker, 0, **more)


async def settle(
    controller: ApprovalController,
    *questions: Request | Question,
    run: str = "r",
    again: Callable[[Settled], Question | None] = lambda _: None,
) -> list[str]:
    """Settle the calls of one response; gives every decision in the order in which it was told."""
    told: list[str] = []

    async def decided(number: int, settled: Settled) -> Question | None:
        told.append(f"{number} {settled.decision.kind} {settled.by}")
        return again(settled)

    asked = [each if isinstance(each, Question) else Question(each, ASK) for each in questions]
    await controller.settle(run, asked, decided)
    return told


class Human:
    """Answers by a function; notes what is shown, and lets others run before each answer."""

    def __init__(self, answer: Callable[[Request], Any] = lambda _: YES) -> None:
        self.answer = answer
        self.asked: list[Request] = []

    async def __call__(self, question: Request) -> Decision:
        self.asked.append(question)
        for _ in range(3):
            await asyncio.sleep(0)
        return self.answer(question)

    @property
    def paths(self) -> list[str]:
        return [each.args["path"] for each in self.asked]


def controller_of(ask: Callable[[Request], Awaitable[Decision]], **policy: Any) -> ApprovalController:
    return ApprovalController(RunApprovalPolicy(**policy), ask=ask)


def test_each_question_of_a_list_shows_the_whole_list() -> None:
    human = Human()
    told = asyncio.run(settle(controller_of(human), request("a"), request("b"), request("c")))
    assert told == ["0 approve human", "1 approve human", "2 approve human"]
    assert [each.position for each in human.asked] == [0, 1, 2]
    for question in human.asked:
        assert [each.args["path"] for each in question.batch] == ["a", "b", "c"]
        assert all(each.batch == () for each in question.batch)


def test_a_lone_question_has_no_list() -> None:
    human = Human()
    asyncio.run(settle(controller_of(human), request("a")))
    assert human.asked[0].batch == ()


def test_the_list_holds_what_is_left_to_the_human() -> None:
    def policy(question: Request) -> str:
        return {"a": "approve", "b": "reject"}.get(question.args["path"], "prompt")

    human = Human()
    forbidden = Question(request("x"), Ruling("reject"))
    calls = [request("a"), request("c"), request("b"), forbidden, request("d")]
    told = asyncio.run(settle(controller_of(human, approval_callback=policy), *calls))
    assert told == [
        "0 approve callback",
        "2 reject callback",
        "3 reject rule",
        "1 approve human",
        "4 approve human",
    ]
    assert [[each.args["path"] for each in question.batch] for question in human.asked] == [["c", "d"]] * 2


def test_an_answer_covers_a_later_call_of_its_list() -> None:
    human = Human(lambda _: SESSION)
    told = asyncio.run(settle(controller_of(human), request("a"), request("b"), request("a")))
    assert told == ["0 approve_session human", "1 approve_session human", "2 approve human"]
    assert human.paths == ["a", "b"]


def test_what_is_done_to_a_list_changes_no_call() -> None:
    def meddle(question: Request) -> Decision:
        for each in question.batch:
            changed: Any = each.args
            changed["path"] = "other"
        return YES

    human = Human(meddle)
    asyncio.run(settle(controller_of(human), request("a"), request("b")))
    assert human.paths == ["a", "b"]


def test_two_lists_do_not_mix() -> None:
    human = Human()

    async def both() -> None:
        controller = controller_of(human)
        left = [request(f"l{number}", "left") for number in range(3)]
        right = [request(f"r{number}", "right") for number in range(3)]
        await asyncio.gather(settle(controller, *left), settle(controller, *right))

    asyncio.run(both())
    assert human.paths == ["l0", "l1", "l2", "r0", "r1", "r2"]


def test_after_a_quit_nothing_else_of_the_run_is_asked() -> None:
    def quit_at_b(question: Request) -> Decision:
        if question.args["path"] == "b":
            raise Refused("you stopped the run")
        return YES

    human = Human(quit_at_b)

    async def several() -> list[Any]:
        controller = controller_of(human)
        lists = [(request("a"), request("b"), request("c")), (request("d", "other"),)]
        ended = await asyncio.gather(*(settle(controller, *each) for each in lists), return_exceptions=True)
        return [*ended, await settle(controller, request("e"), run="another")]

    first, second, third = asyncio.run(several())
    assert human.paths == ["a", "b", "e"]
    assert str(first) == str(second) == "you stopped the run"
    assert third == ["0 approve human"]


def test_a_question_that_follows_from_an_answer_is_asked_in_its_place() -> None:
    human = Human(lambda each: Decision("modify", {"path": "z"}) if each.args["path"] == "a" else YES)

    def again(settled: Settled) -> Question | None:
        is_edit = settled.decision.kind == "modify"
        return Question(request("z", session_offered=False), Ruling("insist")) if is_edit else None

    told = asyncio.run(settle(controller_of(human), request("a"), request("b"), again=again))
    assert told == ["0 modify human", "0 approve human", "1 approve human"]
    assert human.paths == ["a", "z", "b"]


@pytest.mark.policy("inj-exfiltration")
def test_after_reading_a_session_answer_covers_no_call_that_sends() -> None:
    human = Human(lambda _: SESSION)
    controller = controller_of(human)
    sends = request("a", network=True)

    async def before_and_after() -> list[list[str]]:
        told = [await settle(controller, sends, request("b")), await settle(controller, sends, request("b"))]
        controller.has_read = True
        return [*told, await settle(controller, sends, request("b"))]

    first, second, third = asyncio.run(before_and_after())
    assert first == ["0 approve_session human", "1 approve_session human"]
    assert second == ["0 approve human", "1 approve human"]
    assert third == ["1 approve human", "0 approve human"]
    assert [(each.args["path"], each.session_offered) for each in human.asked] == [
        ("a", True),
        ("b", True),
        ("a", False),
    ]


@pytest.mark.parametrize("where", ["callback", "ask"])
def test_a_question_from_within_an_answer_is_refused_instead_of_waiting_for_ever(where: str) -> None:
    inner: list[list[str]] = []

    async def within(question: Request) -> Any:
        if question.args["path"] == "outer":
            inner.append(await asyncio.create_task(settle(controller, request("inner"), run="inner")))
        return YES

    policy = {"approval_callback": within} if where == "callback" else {}
    controller = controller_of(within, **policy)

    async def scenario() -> list[list[str]]:
        async with asyncio.timeout(10):
            return [await settle(controller, request("outer")), await settle(controller, request("later"))]

    by = "callback" if where == "callback" else "human"
    assert asyncio.run(scenario()) == [[f"0 approve {by}"]] * 2
    assert inner == [["0 reject none"]]


def test_a_task_that_an_answer_left_behind_may_ask_when_it_is_over() -> None:
    left: list[asyncio.Task[list[str]]] = []

    async def leave(question: Request) -> Decision:
        if question.args["path"] == "outer":
            left.append(asyncio.create_task(later()))
        return YES

    async def later() -> list[str]:
        await done.wait()
        return await settle(controller, request("later"))

    async def scenario() -> list[str]:
        await settle(controller, request("outer"))
        done.set()
        return await left[0]

    controller, done = controller_of(leave), asyncio.Event()
    assert asyncio.run(scenario()) == ["0 approve human"]
