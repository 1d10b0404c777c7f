"""A file of OpenAI chat transcripts in, runs out: each item is one run, each tool call one call."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, cast

from llm_do.canonical import canonical_json, digest
from llm_do.errors import FormatError, UsageError, nearest
from llm_do_eval.comparable import comparable
from llm_do_eval.condition import MISSING, lookup
from llm_do_eval.importers.chat_turns import Request, Turn, turns
from llm_do_eval.importers.keys import Keys, value_at
from llm_do_eval.observation import Call, Failure, Message, Offer, Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

AGENT: Final = "agent"
_ROOT: Final = "0"
_LINES: Final = frozenset({".jsonl", ".ndjson"})
_SYSTEM: Final = frozenset({"system", "developer"})
_DECODE: Final = json.JSONDecoder(parse_constant=str).decode

Item = dict[str, Any]


def read(path: Path, keys: Keys) -> Iterator[Run]:
    """Give one run for each transcript of a file: a JSON list, one object, or JSON lines by its suffix.

    Raises:
        FormatError: the file cannot be read, or an item holds no chat messages.
        UsageError: no item has one of the keys.
    """
    reader = _Reader(keys)
    for number, item in enumerate(_items(path)):
        try:
            yield reader.run(item)
        except FormatError as error:
            raise FormatError(f"{path}: item {number}: {error}") from None
    for option, key in reader.unmet.items():
        raise UsageError(f"{path}: no item has {key!r} ({option}){nearest(key, reader.names)}")


class _Reader:
    """Items in, runs out; remembers what was seen, to name runs and to notice repeats."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._seen = Counter[str]()
        self._trials = set[str]()
        self.names: list[str] = []
        named = {"--cluster": keys.cluster, "--trial": keys.trial, "--tools": keys.tools}
        if keys.ok is not None:
            named["--ok"] = keys.ok.field
        self.unmet = {option: key for option, key in named.items() if key is not None}

    def run(self, item: Any) -> Run:
        """Give the run of one item."""
        fields = cast("Item", item) if isinstance(item, dict) else {}
        self.names = self.names or list(fields)
        self.unmet = {option: key for option, key in self.unmet.items() if lookup(fields, key) is MISSING}
        builder = _Builder(self._name(item), self._keys)
        builder.count("repeated-item", self._seen[builder.run.partition("-")[0]] > 1)
        builder.count("repeated-trial", self._repeats_trial(fields))
        for turn in turns(_messages(item, fields, self._keys)):
            builder.add(turn)
        return builder.build(fields)

    def _name(self, item: Any) -> str:
        """Equal files give equal names, so that a transcript imported twice is noticed."""
        name = digest(canonical_json(item))[:16]
        self._seen[name] += 1
        return name if self._seen[name] == 1 else f"{name}-{self._seen[name]}"

    def _repeats_trial(self, fields: Item) -> bool:
        if self._keys.trial is None or self._keys.cluster is None:
            return False
        key = comparable([value_at(fields, self._keys.cluster), value_at(fields, self._keys.trial)])
        repeats = key in self._trials
        self._trials.add(key)
        return repeats


class _Builder:
    """One transcript on its way to a run."""

    def __init__(self, run: str, keys: Keys) -> None:
        self.run = run
        self._keys = keys
        self._problems = Counter[str]()
        self._calls: list[Call] = []
        self._texts: list[Message] = []
        self._system: list[str] = []
        self._ids = Counter[str]()
        self._seq = 0

    def count(self, problem: str, times: int = 1) -> None:
        """Note a problem; nothing where it was met no times."""
        if times:
            self._problems[problem] += times

    def add(self, turn: Turn) -> None:
        """Take the next turn: its text, its calls, what followed."""
        if turn.text:
            self._say("assistant", turn.text, turn.index)
        for request in turn.requests:
            self._call(request, turn.index)
        for said in turn.followed_by:
            if said.role in _SYSTEM:
                self._system.append(said.text)
            else:
                self.count("orphan-result", said.role == "tool")
                self._say(said.role, said.text, turn.index + 1)

    def build(self, fields: Item) -> Run:
        """Give the run."""
        offered = _tool_names(value_at(fields, self._keys.tools))
        self.count("repeated-id", any(times > 1 for times in self._ids.values()))
        self.count(
            "missing-cluster", self._keys.cluster is not None and value_at(fields, self._keys.cluster) is None
        )
        said = {
            role: [each.text for each in self._texts if each.role == role] for role in ("user", "assistant")
        }
        model = fields.get("model")
        root = Call(
            run=self.run,
            id=_ROOT,
            seq=0,
            name=AGENT,
            impl="worker",
            input={"input": said["user"][0] if said["user"] else ""},
            output=said["assistant"][-1] if said["assistant"] else None,
            ok=self._keys.ok.holds(fields) if self._keys.ok is not None else None,
            model=model if isinstance(model, str) else None,
            spec=digest("\n".join(self._system)) if self._system else None,
            tools=digest(canonical_json(offered)) if offered else None,
            cluster=value_at(fields, self._keys.cluster),
            meta=_without(_without(fields, self._keys.messages), self._keys.tools),
        )
        offers = (Offer(self.run, _ROOT, offered),) if offered else ()
        return Run(
            self.run, root, tuple(self._calls), tuple(self._texts), offers, problems=dict(self._problems)
        )

    def _say(self, role: str, text: str, turn: int) -> None:
        self._seq += 1
        self._texts.append(Message(self.run, _ROOT, self._seq, role, text, turn))

    def _call(self, request: Request, turn: int) -> None:
        self._seq += 1
        if request.id is not None:
            self._ids[request.id] += 1
        failed = request.result is not None and request.result.startswith("Error")
        self.count("missing-result", request.result is None)
        self._calls.append(
            Call(
                run=self.run,
                id=str(self._seq),
                seq=self._seq,
                name=request.name,
                impl="python",
                parent=_ROOT,
                turn=turn,
                effect=self._keys.effect(request.name),
                caller=AGENT,
                input=self._arguments(request.arguments),
                output=request.result,
                ok=None if request.result is None else not failed,
                error=Failure("tool_error", request.result)
                if failed and request.result is not None
                else None,
                depth=1,
                meta={} if request.id is None else {"call_id": request.id},
            )
        )

    def _arguments(self, raw: Any) -> Any:
        if raw is None or raw == "":
            return {}
        if not isinstance(raw, str):
            return raw
        try:
            return _DECODE(raw)
        except (ValueError, RecursionError):
            self.count("unreadable-arguments")
            return raw


def _items(path: Path) -> Iterator[Any]:
    try:
        if path.suffix in _LINES:
            with path.open("rb") as stream:
                for number, raw in enumerate(stream, 1):
                    if raw.strip():
                        yield _json(raw, f"{path}:{number}")
        else:
            content = _json(path.read_bytes(), str(path))
            yield from cast("list[Any]", content) if isinstance(content, list) else [content]
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror})") from error


def _json(raw: bytes, place: str) -> Any:
    try:
        return _DECODE(raw.decode("utf-8-sig"))
    except RecursionError:
        raise FormatError(f"{place}: not read; the JSON is nested too deeply") from None
    except ValueError as error:
        raise FormatError(f"{place}: not JSON ({error}); JSON lines need the suffix .jsonl") from None


def _messages(item: Any, fields: Item, keys: Keys) -> list[Any]:
    found: Any = cast("Any", item) if isinstance(item, list) else lookup(fields, keys.messages)
    if not isinstance(found, list):
        hint = nearest(keys.messages, fields) or f"; its keys are {', '.join(map(repr, fields)) or 'none'}"
        raise FormatError(f"no list of messages under {keys.messages!r}{hint} (--messages)")
    return cast("list[Any]", found)


def _tool_names(tools: Any) -> tuple[str, ...]:
    names: list[str] = []
    for each in cast("list[Any]", tools) if isinstance(tools, list) else []:
        name = each
        for key in ("function.name", "name"):
            if isinstance(name, dict) and lookup(each, key) is not MISSING:
                name = lookup(each, key)
        if not isinstance(name, str):
            raise FormatError(f"an offered tool without a name: {each!r:.80} (--tools)")
        names.append(name)
    return tuple(names)


def _without(fields: Mapping[str, Any], key: str | None) -> Item:
    if key is None:
        return dict(fields)
    head, _, rest = key.partition(".")
    inner: Any = fields.get(head)
    kept = {name: value for name, value in fields.items() if name != head}
    return kept | {head: _without(cast("Item", inner), rest)} if rest and isinstance(inner, dict) else kept
