"""Requests in, final decisions out: session memory, the callback, the mode and the human, one at a time."""

from __future__ import annotations

import asyncio
import copy
import inspect
import logging
from collections import Counter
from collections.abc import Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import WeakKeyDictionary

from llm_do.approval import DecidedBy, Decision, Preset, Request, Rule, Ruling, RunApprovalPolicy
from llm_do.canonical import canonical_json
from llm_do.errors import Refused, SpecError, UsageError, words_of
from llm_do.project.document import Node, brief
from llm_do.project.spec import parse_rule

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Sequence

    from llm_do.approval import Callback

    Ask = Callable[[Request], Awaitable[Decision]]

REFUSALS_PER_KEY: Final = 3
_UNASKABLE: Final = "it needs approval and nobody can be asked"
_WITHIN: Final = "it needs approval, and was made by what is answering another question of the same runtime"


@dataclass(frozen=True, slots=True)
class Settled:
    """A decision with the one who took it."""

    decision: Decision
    by: DecidedBy


@dataclass(frozen=True, slots=True)
class Question:
    """A call that nobody has decided about yet, and what rules and its toolset say of it."""

    request: Request
    ruling: Ruling


@dataclass(eq=False, slots=True)
class _Turn:
    """The time in which one controller holds its lock, as those see it who are called within."""

    controller: ApprovalController
    is_over: bool = False


_TURNS: ContextVar[tuple[_Turn, ...]] = ContextVar("llm_do_approval_turns", default=())


class ApprovalController:
    """Decides what rules left open; anything but a clear yes is a refusal.

    Args:
        policy: the operator's rules, callback and mode.
        ask: how to ask the human; None when there is nobody to ask.
    """

    def __init__(self, policy: RunApprovalPolicy, *, ask: Ask | None = None) -> None:
        self.policy = policy
        self.rules = tuple(_rule(each, number) for number, each in enumerate(policy.rules))
        self.has_read = False
        """Whether a call has read files, so that what goes to the network may carry them away."""
        self._ask = ask
        self._session: dict[str, DecidedBy] = {}
        self._refusals: Counter[tuple[str, str]] = Counter()
        self._stopped: dict[str, Refused] = {}
        # protects the asking, not the running: a human reads the questions of one response at a time
        self._asking: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    def standing(self, preset: Preset) -> DecidedBy | None:
        """Say who approves such a call without being asked about this one; None when it must be settled."""
        if preset == "approve":
            return "rule"
        unattended = self.policy.mode == "approve_all" and self.policy.approval_callback is None
        return "mode" if unattended and preset == "ask" else None

    async def settle(
        self,
        run: str,
        questions: Sequence[Question],
        decided: Callable[[int, Settled], Awaitable[Question | None]],
    ) -> None:
        """Decide the calls of one model response, as one list; no other list is asked about meanwhile.

        Args:
            run: the id of their run.
            questions: calls that neither a rule nor their toolset approved, in the order of the response.
            decided: told each decision, by the index of its question, as soon as it is taken. A question
                that it returns is settled in the place of that one.

        Raises:
            Refused: the human stopped the run (the question itself raises it), or `decided` did.
        """
        if any(turn.controller is self and not turn.is_over for turn in _TURNS.get()):
            for number in range(len(questions)):
                await decided(number, Settled(Decision("reject", note=_WITHIN), "none"))
            return
        lock = self._asking.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        async with lock:
            if run in self._stopped:  # while this list waited
                raise self._stopped[run]
            try:
                with _turn_of(self):
                    await self._settle_all(questions, decided)
            except Refused as stop:
                self._stopped[run] = stop
                raise

    def count_refusal(self, run: str, request: Request) -> None:
        """Note a refusal; the third of one call in one run ends the run, so no model wears a human down."""
        self._refusals[run, request.key] += 1
        if self._refusals[run, request.key] >= REFUSALS_PER_KEY:
            raise Refused(
                f"{' > '.join(request.chain)}: {request.tool!r} was refused {REFUSALS_PER_KEY} times "
                f"with the same arguments; the run was stopped"
            )

    async def _settle_all(
        self,
        questions: Sequence[Question],
        decided: Callable[[int, Settled], Awaitable[Question | None]],
    ) -> None:
        left: list[tuple[int, Question]] = []
        for number, question in enumerate(questions):
            again: Question | None = question
            while again is not None:
                settled = await self._unasked(again)
                if settled is None:
                    left.append((number, again))
                    break
                again = await decided(number, settled)
        batch = tuple(self._copied(question.request) for _, question in left) if len(left) > 1 else ()
        for position, (number, question) in enumerate(left):
            request = replace(question.request, batch=batch, position=position)
            # an answer of this list may cover a later call of it
            settled = self._remembered(request) or await self._asked(request)
            while (again := await decided(number, settled)) is not None:
                told = None if again.request.complaint else await self._unasked(again)
                settled = told or await self._asked(again.request)

    async def _unasked(self, question: Question) -> Settled | None:
        """Decide without the human; None where only the human can."""
        request, ruling = question.request, question.ruling
        if ruling.verdict == "reject":
            return Settled(Decision("reject", note=ruling.note), "rule")
        remembered = self._remembered(request)
        if remembered is not None:
            return remembered
        callback = self.policy.approval_callback
        if callback is not None:
            copied = self._copied(request)
            settled = self._obeyed(await _called_back(callback, copied), request, "callback")
            if settled is not None:
                return settled
        if self.policy.mode == "approve_all" and ruling.verdict != "insist":
            return Settled(Decision("approve"), "mode")
        if self.policy.mode == "reject_all":
            return Settled(Decision("reject", note="this run refuses what needs approval"), "mode")
        return Settled(Decision("reject", note=_UNASKABLE), "none") if self._ask is None else None

    async def _asked(self, request: Request) -> Settled:
        assert self._ask is not None
        try:
            answer = await self._ask(self._copied(request))
        except Refused:
            raise
        except Exception as error:  # noqa: BLE001  a prompt that breaks is a no
            return Settled(Decision("reject", note=f"the question failed: {words_of(error)}"), "human")
        return self._obeyed(answer, request, "human") or _unclear("human")

    def _remembered(self, request: Request) -> Settled | None:
        by = self._session.get(request.key) if self._has_session(request) else None
        return None if by is None else Settled(Decision("approve"), by)

    def _has_session(self, request: Request) -> bool:
        return request.session_offered and not (request.network and self.has_read)

    def _copied(self, request: Request) -> Request:
        """Copy a request for whoever answers it: what they do to its arguments changes no call."""
        return replace(
            request,
            args=copy.deepcopy(dict(request.args)),
            session_offered=self._has_session(request),
        )

    def _obeyed(self, answer: Any, request: Request, by: DecidedBy) -> Settled | None:
        """Turn an answer into a decision; None leaves it to the mode; what is not clear is a refusal."""
        match answer:
            case str("prompt"):
                return None
            case str("approve") | str("reject"):
                decision = Decision("approve" if answer == "approve" else "reject")
            case Decision(kind="approve_session", args=None) if self._has_session(request):
                self._session[request.key] = by
                decision = answer
            case Decision(kind="approve_session", args=None):  # once, then
                decision = replace(answer, kind="approve")
            case Decision(kind="approve", args=None) | Decision(kind="reject"):
                decision = answer
            case Decision(kind="modify") if _are_arguments(answer.args):
                decision = answer
            case _:
                if by == "callback":
                    warn_of_answer(
                        f"the approval callback answered {brief(str(answer))} about {request.tool!r}, "
                        f"which is no clear yes; return 'approve', 'reject', 'prompt' or a whole Decision"
                    )
                return _unclear(by)
        return Settled(decision, by)


@contextmanager
def _turn_of(controller: ApprovalController) -> Generator[None]:
    """Mark what runs within as called by a question: it would wait for ever to ask another one."""
    turn = _Turn(controller)
    token = _TURNS.set((*_TURNS.get(), turn))
    try:
        yield
    finally:
        turn.is_over = True
        _TURNS.reset(token)


def warn_of_answer(message: str) -> None:
    """Log that an answer came to nothing, for whoever gave it: else only model and journal would tell."""
    logging.getLogger("llm_do").warning(message)


def _rule(given: Rule | Mapping[str, Any], number: int) -> Rule:
    if isinstance(given, Rule):
        return given
    try:
        return parse_rule(Node(dict(given), ("approval_rules", number)))
    except SpecError as error:
        raise UsageError(str(error)) from None


async def _called_back(callback: Callback, request: Request) -> Any:
    try:
        answer = callback(request)
        return await answer if inspect.isawaitable(answer) else answer
    except Refused:
        raise
    except Exception as error:  # noqa: BLE001  a callback that breaks is a no
        kind = type(error).__name__
        warn_of_answer(f"the approval callback failed about {request.tool!r}: {kind}: {words_of(error)}")
        return Decision("reject", note=f"the approval callback failed: {words_of(error)}")


def _are_arguments(args: Any) -> bool:
    try:
        return isinstance(args, Mapping) and bool(canonical_json(dict(cast("Mapping[str, Any]", args))))
    except (TypeError, ValueError):
        return False


def _unclear(by: DecidedBy) -> Settled:
    return Settled(Decision("reject", note="the answer was not a clear yes"), by)
