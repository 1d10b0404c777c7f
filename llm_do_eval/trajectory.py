"""Journal events of one run in, what a test asserts on out: output, tools, the tree of calls, approvals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

from llm_do_eval.observation import Approval, Call, read_approval, read_call

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from llm_do.journal import Impl
    from llm_do_eval.observation import Failure, Line

Order = Literal["exact", "in_order", "any_order"]


@dataclass(frozen=True, slots=True)
class CallNode:
    """A call and the calls it made, in the order in which they started; iterating gives its children."""

    call: Call
    children: tuple[CallNode, ...] = ()

    def __iter__(self) -> Iterator[CallNode]:
        return iter(self.children)

    @property
    def name(self) -> str:
        """What was called."""
        return self.call.name

    @property
    def impl(self) -> Impl:
        """What answered: worker, python, stub, stabilized or server."""
        return self.call.impl

    @property
    def input(self) -> Any:
        """The input, as a JSON value."""
        return self.call.input

    @property
    def output(self) -> Any:
        """The output, as a JSON value; None for a call that failed."""
        return self.call.output

    @property
    def ok(self) -> bool:
        """Whether the call ended without an error."""
        return bool(self.call.ok)

    @property
    def error(self) -> Failure | None:
        """Why the call failed."""
        return self.call.error

    def walk(self) -> Iterator[CallNode]:
        """Give every call below this one, each before its own children."""
        for child in self.children:
            yield child
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Tools:
    """Names of tools and workers in the order in which their calls started, refused ones included.

    `called` are those that the run's own worker called, `all` those at any depth.
    """

    called: list[str]
    all: list[str]

    def match(self, names: Sequence[str], order: Order = "exact") -> bool:
        """Compare `called` with names.

        `exact` wants these calls and no others; `in_order` wants them in this order, with others between;
        `any_order` wants each as often as it is named, anywhere.

        Raises:
            ValueError: another order.
        """
        match order:
            case "exact":
                return self.called == list(names)
            case "in_order":
                rest = iter(self.called)
                return all(name in rest for name in names)
            case "any_order":
                return Counter(names) <= Counter(self.called)
            case _:
                raise ValueError(f"order is {order!r}; write exact, in_order or any_order")

    def count(self, name: str) -> int:
        """Count the calls of one tool or worker at any depth."""
        return self.all.count(name)

    def distance(self, names: Sequence[str]) -> int:
        """Count the calls to leave out of `called`, to add to it or to replace, until it equals the names.

        0 for equal lists; Levenshtein, Soviet Physics Doklady 10 (1966).
        """
        row = list(range(len(names) + 1))
        for done, called in enumerate(self.called, start=1):
            above, row = row, [done]
            for place, name in enumerate(names):
                row.append(min(above[place] + (called != name), above[place + 1] + 1, row[place] + 1))
        return row[-1]


@dataclass(frozen=True, slots=True)
class Usage:
    """Requests, calls below the entry, and tokens, over all workers of a run or of several runs."""

    requests: int = 0
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.requests + other.requests,
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run that ended: what it returned, and what it did on the way.

    `calls` is the root of the tree of calls, `messages` the conversation of the run's own worker as
    pydantic-ai keeps it. `cost_usd` is None where a price is unknown, `latency_s` the seconds it took:
    of a `replayed` run (each of its requests was answered from a recording) when it was recorded, of others
    here. `first_token_s` is how many seconds the last request of the run's own worker waited for the first
    byte of its answer, recorded or live; None where nobody measured it.
    """

    output: Any
    calls: CallNode
    approvals: tuple[Approval, ...] = ()
    messages: list[Any] = field(default_factory=list[Any])
    usage: Usage = Usage()
    cost_usd: float | None = None
    latency_s: float = 0.0
    first_token_s: float | None = None
    replayed: bool = False

    @property
    def tools(self) -> Tools:
        """What was called, by name."""
        below = sorted(self.calls.walk(), key=lambda each: each.call.seq)
        return Tools([each.name for each in self.calls.children], [each.name for each in below])


def call_tree(events: Iterable[Line]) -> CallNode:
    """Build the tree of calls from the journal events of one finished run."""
    calls = [read_call(event) for event in events if event["kind"] == "call"]
    below: dict[str | None, list[Call]] = {}
    for call in sorted(calls, key=lambda each: each.seq):
        below.setdefault(call.parent, []).append(call)

    def _node(call: Call) -> CallNode:
        return CallNode(call, tuple(_node(each) for each in below.get(call.id, ())))

    return _node(below[None][0])


def approvals(events: Iterable[Line]) -> tuple[Approval, ...]:
    """Pick the approval decisions from journal events, in their order."""
    return tuple(read_approval(event) for event in events if event["kind"] == "approval")


@dataclass(frozen=True, slots=True)
class Response:
    """One answer of a provider: `key` is equal for two that are one answer given twice.

    `model` was asked for as `provider:name`, `answered_by` is the name that the provider gave; `varies` is
    False where the settings of the request make the next answer the same: temperature 0, or a seed.
    """

    key: str
    model: str | None
    answered_by: str | None
    varies: bool = True


def responses(events: Iterable[Line]) -> list[Response]:
    """Pick the answers of providers from the journal events of a run; those without an id are left out."""
    return [
        Response(
            # servers that number their answers from a small range still date them
            f"{each['id']} {each.get('at')}",
            event.get("model"),
            each.get("model"),
            varies=_varies(event.get("settings")),
        )
        for event in events
        if event["kind"] == "call"
        for each in event.get("responses", ())
    ]


def tools_misused(events: Iterable[Line]) -> bool:
    """Tell whether a worker failed because its last request called a tool that there is not, or wrongly."""
    calls = [event for event in events if event["kind"] == "call"]
    wrong = {(call["parent"], call.get("turn")) for call in calls if _class(call) in ("unknown", "bad_input")}
    return any(_class(call) == "format" and (call["id"], call.get("requests")) in wrong for call in calls)


def models(events: Iterable[Line]) -> set[str]:
    """Name the models that the workers of a run ran on, as `provider:name`."""
    return {event["model"] for event in events if event["kind"] == "call" and event.get("model")}


def _varies(settings: Any) -> bool:
    given = cast("dict[str, Any]", settings) if isinstance(settings, dict) else {}
    return given.get("temperature") != 0 and given.get("seed") is None


def _class(call: Line) -> str | None:
    return call["error"]["class"] if call.get("error") else None
