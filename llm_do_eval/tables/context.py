"""One caller of a trace in, its context out: what it had been told and shown before each of its turns."""

from __future__ import annotations

import json
from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from llm_do_eval.tables.leaves import first_end, leaves

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llm_do_eval.observation import Call, Message
    from llm_do_eval.tables.trace import Step, Trace

# stands in no text that a model reads, and is neither letter nor digit
_BETWEEN: Final = "\0"


class Cut(NamedTuple):
    """How much of a context was there: characters of user text and of tool results."""

    user: int
    tool: int


class Origin(NamedTuple):
    """Where a value occurred."""

    user: bool
    tool: bool


@dataclass(slots=True)
class Texts:
    """Texts in their order as one long text; remembers where each searched value first occurs."""

    joined: str = ""
    _ends: dict[str, int | None] = field(default_factory=dict[str, "int | None"])

    def occurs(self, leaf: str, before: int) -> bool:
        """Say whether a leaf occurs in the first `before` characters."""
        if leaf not in self._ends:
            self._ends[leaf] = first_end(leaf, self.joined)
        end = self._ends[leaf]
        return end is not None and end <= before


@dataclass(frozen=True, slots=True)
class Context:
    """What one caller read: user texts (its messages, else its input) and results of its calls.

    `steps` are the calls that it made, `turns` the request that asked for each, `cuts` how much of the
    texts that request had read.
    """

    worker: str
    run: str
    cluster: str
    steps: tuple[Step, ...]
    turns: tuple[int, ...]
    cuts: tuple[Cut, ...]
    user: Texts
    tool: Texts

    def origin(self, leaf: str, cut: Cut) -> Origin:
        """Say where a leaf occurs before a cut."""
        return Origin(self.user.occurs(leaf, cut.user), self.tool.occurs(leaf, cut.tool))


def contexts(trace: Trace) -> Iterator[Context]:
    """Give the context of every model of a run that asked for calls, in the order of their first calls."""
    made: dict[str, list[Step]] = {}
    for step in trace.steps:
        if step.asked:
            made.setdefault(step.caller.id, []).append(step)
    messages: dict[str, list[Message]] = {}
    for message in trace.run.messages:
        messages.setdefault(message.call, []).append(message)
    for steps in made.values():
        yield _context(trace, steps, messages.get(steps[0].caller.id, []))


def _context(trace: Trace, steps: list[Step], messages: Sequence[Message]) -> Context:
    caller = steps[0].caller
    # where a turn is not told, each call is taken for a turn of its own
    by_turn = all(step.call.turn is not None for step in steps)
    turns = tuple((step.call.turn or 0) if by_turn else step.call.seq for step in steps)
    told = [(message.seq, message.text) for message in messages if message.role == "user"]
    told = told or [(-1, text) for text in _strings(caller.input)]
    shown = [(turn, text) for turn, step in zip(turns, steps, strict=True) for text in _result(step.call)]
    # a result without a call carries the turn that read it
    shown += [
        ((message.turn or 0) - 1 if by_turn else message.seq, message.text)
        for message in messages
        if message.role == "tool"
    ]
    shown.sort(key=lambda each: each[0])
    user_ends = _ends([text for _, text in told])
    tool_ends = _ends([text for _, text in shown])
    starts = [seq for seq, _ in told]
    ended = [turn for turn, _ in shown]
    return Context(
        worker=caller.name,
        run=trace.run.id,
        cluster=trace.cluster,
        steps=tuple(steps),
        turns=turns,
        cuts=tuple(
            Cut(user_ends[bisect_left(starts, step.call.seq)], tool_ends[bisect_left(ended, turn)])
            for turn, step in zip(turns, steps, strict=True)
        ),
        user=Texts(_BETWEEN.join(text for _, text in told)),
        tool=Texts(_BETWEEN.join(text for _, text in shown)),
    )


def _ends(texts: Sequence[str]) -> list[int]:
    """Where the first 0, 1, 2, ... texts end."""
    return [0, *accumulate(len(text) + len(_BETWEEN) for text in texts)]


def _result(call: Call) -> list[str]:
    if call.output is None:
        return [] if call.error is None else [call.error.message]
    return [call.output if isinstance(call.output, str) else json.dumps(call.output, ensure_ascii=False)]


def _strings(value: Any) -> Iterator[str]:
    for leaf in leaves("", value):
        if leaf.text is not None:
            yield leaf.text
