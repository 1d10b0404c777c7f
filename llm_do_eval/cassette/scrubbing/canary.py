"""What is about to be written in, the places of it that hold a secret out; never the secret itself.

It is the second look behind `scrub`, and shares with it what counts as a secret, not how one is found: it
undoes the forms in which a text can stand, and looks for the plain secret. What is found is not written.
"""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from llm_do.secrets import has_shape, secret_values
from llm_do_eval.cassette.interaction import json_line
from llm_do_eval.cassette.scrubbing.forms import DEPTH, TooMuch, views
from llm_do_eval.cassette.scrubbing.sse import Pairs, documents, grouped, is_stream
from llm_do_eval.cassette.wires.eventstream import EventStreamError, frames
from llm_do_eval.cassette.wires.unpack import Packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from llm_do_eval.cassette.file.recording import Recording
    from llm_do_eval.cassette.interaction import Interaction

_SIDES = {"request": None, "response": None}.keys()
_BODIES = ("json", "base64")
_CODING = "content-encoding"
_CODED = "is packed in a way that cannot be undone here, so it may hold anything"
_TOO_MUCH = "unpacks to more than is looked at, so it may hold anything"
_SHAPE = "a text of the shape of a provider's key"
_SHOWN = 3
_SHORTEST = 8
_REMEMBERED = 500_000


class Place(NamedTuple):
    """Where a line of a cassette holds what it should not, and what that is; `str(place)` is a sentence."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where} {self.what}"


class Text(NamedTuple):
    """A text of a line and where it stands; `depth` as for `views`."""

    where: str
    text: str
    depth: int = DEPTH


class Canary:
    """Looks at lines before they are written.

    `known` gives the values that are secrets by now, each with words for what it is. A text without a secret
    is not looked at again until other values are known: lines of one cassette repeat most of their texts.
    """

    def __init__(self, known: Callable[[], Mapping[str, str]]) -> None:
        self._known = known
        self._needles: dict[str, str] = {}
        self._values = frozenset[str]()
        self._clean: set[int] = set()
        self._seen: dict[int, Interaction] = {}

    def scan(self, line: bytes) -> list[Place]:
        """Find what a line of a cassette or a journal holds that it should not."""
        self._learn()
        fields: dict[str, Any] = json.loads(line)
        places: dict[str, str] = {}
        for text in _texts(fields, self._named):
            # a body is looked at as a whole too, which tells nothing new of what was found in its parts
            if (what := self._look(text)) and not any(each.startswith(text.where) for each in places):
                places[text.where] = what
        places |= {f"{side}.body": _CODED for side in _coded(fields)}
        return [Place(_where(fields) + where, what) for where, what in places.items()]

    def interaction(self, interaction: Interaction) -> list[Place]:
        """Find what the line of an interaction would hold that it should not."""
        self._learn()
        if id(interaction) in self._seen:
            return []
        if not (places := self.scan(interaction.to_line())):
            self._seen[id(interaction)] = interaction
        return places

    def places(self, recording: Recording) -> list[Place]:
        """Find what a recording would hold that it should not."""
        first = self.scan(json_line(dict(recording.meta)))
        return first + [place for each in recording.interactions for place in self.interaction(each)]

    def _learn(self) -> None:
        known = self._known()
        if self._values == frozenset(known):
            return
        self._values = frozenset(known)
        self._clean.clear()
        self._seen.clear()
        self._needles = {}
        for value, what in known.items():
            # where bytes are read as Latin-1, its UTF-8 looks so
            for needle in (value, value.encode(errors="surrogatepass").decode("latin-1")):
                self._needles.setdefault(needle, what)

    def _look(self, text: Text) -> str | None:
        """Say what a text holds, if anything, and in which form."""
        if len(text.text) < _SHORTEST or (same := hash((text.text, text.depth))) in self._clean:
            return None
        try:
            for view in views(text.text, text.depth):
                if what := self._holds(view.text):
                    return f"holds {what}" + (f", in {' of '.join(view.forms)}" if view.forms else "")
        except TooMuch:
            return _TOO_MUCH
        self._remember(same)
        return None

    def _holds(self, text: str) -> str | None:
        for needle, what in self._needles.items():
            if needle in text:
                return what
        return _SHAPE if has_shape(text) else None

    def _named(self, key: str) -> str:
        """Give a part of a path, unless it is what is looked for itself."""
        return "<secret>" if self._look(Text("", key)) else key

    def _remember(self, clean: int) -> None:
        if len(self._clean) >= _REMEMBERED:
            self._clean.clear()
        self._clean.add(clean)


def places_of_secrets(recording: Recording, environ: Mapping[str, str]) -> list[str]:
    """Name the places of a recording that hold a secret, as sentences; none names the secret.

    Secrets are what `secret_values` finds in `environ`, and texts of the shape of a provider's key.
    """
    known = secret_values(environ)
    return [str(place) for place in Canary(lambda: known).places(recording)]


def told(places: Iterable[Place]) -> str:
    """Say for an error message what was found, the first three places of it."""
    found = [str(place) for place in places]
    more = f", and {len(found) - _SHOWN} places more" if len(found) > _SHOWN else ""
    return "; ".join(found[:_SHOWN]) + more


def _where(fields: Mapping[str, Any]) -> str:
    if "sample" in fields and "seq" in fields:
        return f"sample {fields['sample']}, seq {fields['seq']}: "
    return "the first line: "


def _texts(fields: Mapping[str, Any], named: Callable[[str], str]) -> Iterator[Text]:
    """Give every text of a line; of each message first the parts of its body, then the body as a whole."""
    for name, value in fields.items():
        if name in _SIDES and isinstance(value, dict):
            message = cast("dict[str, Any]", value)
            for part in message.keys() - {"text"}:
                yield from _leaves(f"{name}.{'body' if part in _BODIES else part}", message[part], named)
            yield from _body(f"{name}.body", message, named)
        else:
            yield from _leaves(name, value, named)


def _leaves(path: str, value: Any, named: Callable[[str], str]) -> Iterator[Text]:
    match value:
        case str():
            yield Text(path, value)
        case int():
            # a number is as readable as a text
            yield Text(path, str(value))
        case dict() | Pairs():
            for key, each in cast("dict[str, Any]", value).items() if isinstance(value, dict) else value:
                yield Text(f"a name in {path}", key)
                yield from _leaves(f"{path}.{named(key)}", each, named)
        case list():
            for position, each in enumerate(cast("list[Any]", value)):
                yield from _leaves(f"{path}[{position}]", each, named)
        case _:
            pass


def _body(where: str, message: Mapping[str, Any], named: Callable[[str], str]) -> Iterator[Text]:
    streamed = _streamed(message)
    yield from _joined(f"{where}, joined over its events", streamed)
    if (text := message.get("text")) is not None:
        read = _read(text)
        yield from _leaves(where, read, named)
        # base64 may go on over the lines of one event
        yield from (Text(where, each) for each in streamed if _read(each) is None)
        # of JSON all was looked at; a stream has names in its events, comments and more besides
        yield Text(where, text, DEPTH if read is None else 0)
    if plain := _unpacked(message):
        yield Text(where, plain.decode("latin-1"))


def _read(text: str) -> Any:
    try:
        # of a name that is there twice, both values are written
        return json.loads(text, object_pairs_hook=Pairs)
    except (ValueError, RecursionError):
        return None


def _streamed(message: Mapping[str, Any]) -> list[str]:
    text = message.get("text")
    if isinstance(text, str):
        return documents(text) if is_stream(text) else []
    try:
        raw = b64decode(message.get("base64", ""))
        return [frame.payload.decode("utf-8", "replace") for frame in frames(raw)]
    except (EventStreamError, ValueError):
        return []


def _joined(where: str, streamed: Iterable[str]) -> Iterator[Text]:
    """Join what belongs together, and, trusting that less, all that has one name."""
    by_name: dict[str | int, list[str]] = {}
    for (path, _), pieces in grouped(streamed).items():
        values = [piece.leaf.value for piece in pieces]
        yield Text(f"{where}: {'.'.join(map(str, path))}", "".join(values))
        by_name.setdefault(path[-1] if path else "", []).extend(values)
    for name, values in by_name.items():
        yield Text(f"{where}: all that is named {name!r}", "".join(values))


def _coded(fields: Mapping[str, Any]) -> Iterator[str]:
    """Name the sides whose body is coded in a way that nobody here can undo."""
    for side in _SIDES & fields.keys():
        if isinstance(fields[side], dict) and _unpacked(fields[side]) is None:
            yield side


def _unpacked(message: Mapping[str, Any]) -> bytes | None:
    """Undo the coding of a body: None where that fails, nothing where there is none."""
    if "base64" not in message or _CODING not in message.get("headers", {}):
        return b""
    try:
        return unpacked(b64decode(message["base64"]), message["headers"][_CODING].split(","))
    except Packed:
        return None
