"""One run in, its trace out: calls in their order of work, with what every table needs to know of them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from llm_do.canonical import digest
from llm_do_eval.comparable import comparable
from llm_do_eval.condition import MISSING, Condition, lookup
from llm_do_eval.observation import Call, Run, call_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_do_eval.health import Health

_LONG = 64


@dataclass(frozen=True, slots=True)
class Reading:
    """How a user wants runs to be read: cluster key, outcome, tools with effects.

    `cluster` is a dotted path into the root call line. Where any glob of `writes` is given, a tool of
    unknown effect that none matches only reads.
    """

    cluster: str | None = None
    ok: Condition | None = None
    writes: tuple[str, ...] = ()

    def writing(self, call: Call) -> bool | None:
        """Say whether a call may change something; None: nobody said."""
        if call.effect != "unknown":
            return call.effect == "write"
        return any(fnmatchcase(call.name, glob) for glob in self.writes) if self.writes else None


@dataclass(frozen=True, slots=True)
class Step:
    """One call below the root. `args` is the comparable text of its input.

    `caller` is the call that made it, `asked` whether a model (not code) did, `last` whether that
    caller made no later call.
    """

    call: Call
    args: str
    caller: Call
    writes: bool | None
    asked: bool
    last: bool

    @property
    def ran(self) -> bool:
        """Whether the tool itself answered: not denied, not a stub, and with a result."""
        call = self.call
        return call.ok is not None and call.impl != "stub" and not (call.error and call.error.denied)


@dataclass(frozen=True, slots=True)
class Trace:
    """One run as tables read it; `steps` go depth first, each call followed by the calls that it made."""

    run: Run
    cluster: str
    ok: bool | None
    steps: tuple[Step, ...]


def trace(run: Run, reading: Reading, health: Health) -> Trace:
    """Read one run; count in `health` what it lacks."""
    line = call_line(run.root) if reading.cluster or reading.ok else {}
    for kind, times in run.problems.items():
        health.count(kind, times)
    ok = run.root.ok if reading.ok is None else reading.ok.holds(line)
    health.count("missing-outcome", ok is None)
    cluster = run.root.cluster
    if reading.cluster is not None:
        found = lookup(line, reading.cluster)
        cluster = None if found is MISSING else found
        health.count("missing-cluster", cluster is None)
    key = comparable(run.root.input if cluster is None else cluster)
    return Trace(
        run=run,
        cluster=sys.intern(key if len(key) <= _LONG else digest(key)),
        ok=ok,
        steps=tuple(_steps(run, reading, health)),
    )


def _steps(run: Run, reading: Reading, health: Health) -> Iterator[Step]:
    known = {call.id: call for call in run.calls} | {run.root.id: run.root}
    made: dict[str, list[Call]] = {}
    for call in run.calls:
        parent = known.get(call.parent or "")
        # a caller starts before its calls, which also rules out circles
        if parent is None or (parent is not run.root and parent.seq >= call.seq):
            health.count("orphan-call")
            parent = run.root
        made.setdefault(parent.id, []).append(call)
    stack = list(reversed(_siblings(run.root, made, reading)))
    while stack:
        step = stack.pop()
        yield step
        stack.extend(reversed(_siblings(step.call, made, reading)))


def _siblings(caller: Call, made: dict[str, list[Call]], reading: Reading) -> list[Step]:
    calls = made.get(caller.id, [])
    return [
        Step(
            call=call,
            args=comparable(call.input),
            caller=caller,
            writes=reading.writing(call),
            asked=caller.impl == "worker",
            last=call is calls[-1],
        )
        for call in calls
    ]
