"""Journal lines (`llm-do/observation/v1`) in, frozen records out and back: one call is one record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, get_args

from llm_do.errors import FormatError
from llm_do.journal import SCHEMA, VERSION, Effect, Impl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


Line = dict[str, Any]

_IMPLS: Final = frozenset(get_args(Impl))
_EFFECTS: Final = frozenset(get_args(Effect))


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call failed: the error's type, its message and, where the writer knows it, its class."""

    type: str
    message: str
    group: str | None = None

    @property
    def denied(self) -> bool:
        """Whether the gate refused the call, so that the tool never ran."""
        return self.type == "denied"


@dataclass(frozen=True, slots=True)
class Sample:
    """Which sample of which test a run was."""

    test: str
    index: int


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a worker or tool; the fields are those of a `call` line. `ok` None: not known.

    `seq` counts calls and messages of a run in the order in which they started; calls with one `turn`
    came from one model request and did not see each other's results. Times are seconds, costs US dollars.
    `via` names another tool that the model called and that stands for this call. Of a `replayed` call,
    `latency_s` is the recorded one; `first_byte_s` is how long its last answer took to begin.
    """

    run: str
    id: str
    seq: int
    name: str
    impl: Impl
    parent: str | None = None
    turn: int | None = None
    effect: Effect = "unknown"
    caller: str | None = None
    input: Any = None
    output: Any = None
    ok: bool | None = None
    error: Failure | None = None
    model: str | None = None
    settings: Any = None
    spec: str | None = None
    tools: str | None = None
    requests: int = 0
    usage: Mapping[str, Any] = field(default_factory=dict[str, Any])
    cost_usd: float | None = None
    latency_s: float | None = None
    approval: Any = None
    sample: Sample | None = None
    cluster: Any = None
    depth: int = 0
    at: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict[str, Any])
    via: str | None = None
    replayed: bool = False
    first_byte_s: float | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One text in the conversation of the call `call`."""

    run: str
    call: str
    seq: int
    role: str
    text: str
    turn: int | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """The tools that the call `call` could use from here on."""

    run: str
    call: str
    tools: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Approval:
    """One decision about a call, made before its effect."""

    run: str
    call: str
    name: str
    decision: str
    by: str
    key: str | None = None
    note: str = ""
    at: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One finished run: its root call, the calls below it in the order they started, and what was said.

    `problems` counts what an importer noticed, by kind.
    """

    id: str
    root: Call
    calls: tuple[Call, ...] = ()
    messages: tuple[Message, ...] = ()
    offers: tuple[Offer, ...] = ()
    approvals: tuple[Approval, ...] = ()
    project: str | None = None
    at: str | None = None
    versions: Mapping[str, Any] = field(default_factory=dict[str, Any])
    problems: Mapping[str, int] = field(default_factory=dict[str, int])

    def lines(self) -> Iterator[Line]:
        """Give the run as journal lines: the run, what was offered, calls and messages by `seq`, the root."""
        head: Line = {
            "schema": SCHEMA,
            "project": self.project,
            "at": self.at,
            "versions": dict(self.versions),
        }
        yield _line("run", self.id, head | ({"problems": dict(self.problems)} if self.problems else {}))
        for offer in self.offers:
            yield _line("offer", self.id, {"call": offer.call, "tools": list(offer.tools)})
        for approval in self.approvals:
            yield _line("approval", self.id, _fields(approval))
        for record in sorted((*self.calls, *self.messages), key=lambda each: each.seq):
            yield (
                call_line(record) if isinstance(record, Call) else _line("message", self.id, _fields(record))
            )
        yield call_line(self.root)


def call_line(call: Call) -> Line:
    """Give the `call` line of a call: what a dotted path of `--cluster` and `--ok` leads into."""
    line = _line("call", call.run, _fields(call))
    if call.error is not None:
        error = call.error
        line["error"] = {"type": error.type, "message": error.message, "class": error.group}
    if call.sample is not None:
        line["sample"] = {"test": call.sample.test, "index": call.sample.index}
    for name in ("via", "replayed", "first_byte_s"):
        if line[name] is None or line[name] is False:
            del line[name]
    return line


def read_call(line: Line) -> Call:
    """Read a `call` line. Raises FormatError, without a place, where a field has another type."""
    _check(line, _CALL)
    if line["impl"] not in _IMPLS:
        raise FormatError(f"unknown impl {line['impl']!r}; known are {', '.join(get_args(Impl))}")
    get = line.get
    return Call(
        run=line["run"],
        id=line["id"],
        seq=line["seq"],
        name=line["name"],
        impl=line["impl"],
        parent=get("parent"),
        turn=get("turn"),
        effect=line["effect"] if get("effect") in _EFFECTS else "unknown",
        caller=get("caller"),
        input=get("input"),
        output=get("output"),
        ok=get("ok"),
        error=_failure(get("error")),
        model=get("model"),
        settings=get("settings"),
        spec=get("spec"),
        tools=get("tools"),
        requests=get("requests") or 0,
        usage=get("usage") or {},
        cost_usd=get("cost_usd"),
        latency_s=get("latency_s"),
        approval=get("approval"),
        sample=_sample(get("sample")),
        cluster=get("cluster"),
        depth=get("depth") or 0,
        at=get("at"),
        meta=get("meta") or {},
        via=get("via"),
        replayed=get("replayed") or False,
        first_byte_s=get("first_byte_s"),
    )


def read_message(line: Line) -> Message:
    """Read a `message` line. Raises FormatError, without a place, where a field has another type."""
    _check(line, _MESSAGE)
    return Message(line["run"], line["call"], line["seq"], line["role"], line["text"], line.get("turn"))


def read_offer(line: Line) -> Offer:
    """Read an `offer` line. Raises FormatError, without a place, where a field has another type."""
    _check(line, _OFFER)
    tools: list[Any] = line["tools"]
    if not all(isinstance(each, str) for each in tools):
        raise FormatError(f"'tools' must be a list of names, not {tools!r:.80}")
    return Offer(line["run"], line["call"], tuple(tools))


def read_approval(line: Line) -> Approval:
    """Read an `approval` line. Raises FormatError, without a place, where a field has another type."""
    _check(line, _APPROVAL)
    get = line.get
    return Approval(
        run=line["run"],
        call=line["call"],
        name=line["name"],
        decision=line["decision"],
        by=line["by"],
        key=get("key"),
        note=get("note") or "",
        at=get("at"),
    )


_Types = tuple[frozenset[type], str]
_TEXT: Final[_Types] = (frozenset({str}), "a text")
_INTEGER: Final[_Types] = (frozenset({int}), "an integer")
_LIST: Final[_Types] = (frozenset({list}), "a list")
_MAYBE_TEXT: Final[_Types] = (frozenset({str, type(None)}), "a text or null")
_MAYBE_INTEGER: Final[_Types] = (frozenset({int, type(None)}), "an integer or null")
_MAYBE_NUMBER: Final[_Types] = (frozenset({int, float, type(None)}), "a number or null")
_MAYBE_BOOLEAN: Final[_Types] = (frozenset({bool, type(None)}), "true, false or null")
_MAYBE_OBJECT: Final[_Types] = (frozenset({dict, type(None)}), "an object or null")

_CALL: Final = (
    *((name, _TEXT) for name in ("run", "id", "name", "impl")),
    *((name, _MAYBE_TEXT) for name in ("parent", "caller", "model", "spec", "tools", "at", "via")),
    ("seq", _INTEGER),
    *((name, _MAYBE_INTEGER) for name in ("turn", "requests", "depth")),
    *((name, _MAYBE_NUMBER) for name in ("cost_usd", "latency_s", "first_byte_s")),
    *((name, _MAYBE_BOOLEAN) for name in ("ok", "replayed")),
    *((name, _MAYBE_OBJECT) for name in ("error", "usage", "sample", "meta")),
)
_MESSAGE: Final = (
    *((name, _TEXT) for name in ("run", "call", "role", "text")),
    ("seq", _INTEGER),
    ("turn", _MAYBE_INTEGER),
)
_OFFER: Final = (("run", _TEXT), ("call", _TEXT), ("tools", _LIST))
_APPROVAL: Final = (
    *((name, _TEXT) for name in ("run", "call", "name", "decision", "by")),
    *((name, _MAYBE_TEXT) for name in ("key", "note", "at")),
)
_FAILURE: Final = tuple((name, _MAYBE_TEXT) for name in ("type", "message", "class"))
_SAMPLE: Final = (("test", _TEXT), ("index", _INTEGER))


def _check(line: Line, fields: Iterable[tuple[str, _Types]]) -> None:
    for name, (types, words) in fields:
        # exactly these types, so that true is no integer
        if type(line.get(name)) not in types:
            raise FormatError(f"{name!r} must be {words}, not {line.get(name)!r:.80}")


def _failure(line: Line | None) -> Failure | None:
    if line is None:
        return None
    _check(line, _FAILURE)
    return Failure(line.get("type") or "", line.get("message") or "", line.get("class"))


def _sample(line: Line | None) -> Sample | None:
    if line is None:
        return None
    _check(line, _SAMPLE)
    return Sample(line["test"], line["index"])


def _line(kind: str, run: str, fields: Line) -> Line:
    return {"v": VERSION, "kind": kind, "run": run} | fields


def _fields(record: Call | Message | Approval) -> Line:
    return {name: getattr(record, name) for name in record.__slots__ if name != "run"}
