"""Runs for tests: what a model said and called in, a run as a journal holds it out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from llm_do_eval.health import Health
from llm_do_eval.observation import Call, Failure, Message, Offer, Run
from llm_do_eval.report import Wishes, build
from llm_do_eval.tables.trace import Reading, Trace, trace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llm_do_eval.candidates.candidate import Candidate


def call(name: str, given: Any = None, result: Any = None, **fields: Any) -> Call:
    """A successful call of a Python tool; `run_of` gives it its run, id, place and turn."""
    made = Call(run="", id="", seq=0, name=name, impl="python", input=given, output=result, ok=True)
    return replace(made, **fields)


def failed(name: str, given: Any, message: str, kind: str = "tool_error") -> Call:
    return call(name, given, ok=False, error=Failure(kind, message))


def user(text: str) -> Message:
    return Message(run="", call="0", seq=0, role="user", text=text)


def run_of(
    *parts: Call | Message,
    run: str = "r1",
    cluster: Any = "c1",
    ok: bool | None = None,
    root: str = "agent",
    offered: Iterable[str] = (),
    **fields: Any,
) -> Run:
    """One run of a worker: its parts in the order in which they started, each call a turn of its own.

    A call that names a parent is a call of that call: ids count the parts from 1.
    """
    calls: list[Call] = []
    messages: list[Message] = []
    for seq, part in enumerate(parts, 1):
        if isinstance(part, Message):
            messages.append(replace(part, run=run, seq=seq, turn=seq))
        else:
            turn = seq if part.turn is None else part.turn
            calls.append(replace(part, run=run, id=str(seq), seq=seq, turn=turn, parent=part.parent or "0"))
    entry = Call(run=run, id="0", seq=0, name=root, impl="worker", ok=ok, cluster=cluster)
    offers = (Offer(run, "0", tuple(offered)),) if offered else ()
    return Run(run, replace(entry, **fields), tuple(calls), tuple(messages), offers)


def traced(run: Run, **reading: Any) -> Trace:
    return trace(run, Reading(**reading), Health())


def candidates(kind: str, runs: Iterable[Run], **wishes: Any) -> list[Candidate]:
    """The candidates of one kind that a report of these runs lists."""
    reading = Reading(**{name: wishes.pop(name) for name in ("cluster", "ok", "writes") if name in wishes})
    report = build(runs, Wishes(reading, **wishes), Health())
    return [each for each in report.candidates if each.kind == kind]
