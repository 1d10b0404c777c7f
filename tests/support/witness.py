"""Events of runs and a folder in, what changed there and when; and every effect without its decision, out."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from llm_do.journal import Event

YES = frozenset({"approve", "modify", "approve_session"})
TAG = re.compile(r"t\d{3}|performer")
"""What stands in the arguments of one call, so that its effect can be told from all others."""
UNRUN = frozenset({"denied", "depth", "unknown", "bad_input", "not_run", "external"})
"""The errors of calls that no tool ran for."""
REFUSED_AT_ONCE = frozenset({("move_file", "missing"), ("delete_file", "missing")})
"""Tools, and errors of theirs that are told before anybody is asked."""


@dataclass(frozen=True)
class Sighting:
    """Something that was made, changed or removed before the event of this number, and after the last."""

    event: int
    path: str

    @property
    def tag(self) -> str:
        found = TAG.search(self.path)
        return found[0] if found else ""


@dataclass
class Witness:
    """Listens to a runtime; at each event it looks what changed in a folder, and at the journal's file.

    A file that is being written beside its place counts once it has its name, or when nothing runs any more.
    """

    folder: Path
    journals: Path
    events: list[Event] = field(default_factory=list["Event"])
    sightings: list[Sighting] = field(default_factory=list[Sighting])
    unwritten: list[Event] = field(default_factory=list["Event"])
    """Events that were not the last line of a journal when they were told."""
    _known: dict[str, object] = field(default_factory=dict[str, object])

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        self._look(len(self.events) - 1)
        last = (self.journals / f"{event['run']}.jsonl").read_bytes().rsplit(b"\n", 2)[-2]
        if json.loads(last) != json.loads(json.dumps(event)):
            self.unwritten.append(event)

    def begin(self) -> None:
        """Take what is there for given."""
        self._known = dict(_files(self.folder, self.journals))

    def end(self) -> None:
        """Look once more."""
        self._look(len(self.events), "")

    def _look(self, event: int, unfinished: str = ".tmp.llm-do") -> None:
        files = _files(self.folder, self.journals)
        found = {path: what for path, what in files if not (unfinished and path.endswith(unfinished))}
        changed = {path for path, _ in found.items() ^ self._known.items()}
        self.sightings += [Sighting(event, path) for path in sorted(changed)]
        self._known = found


def _files(folder: Path, journals: Path, inside: str = "") -> Iterator[tuple[str, object]]:
    """Yield every path but the journals, with what tells one content from another."""
    for entry in os.scandir(folder):
        name = f"{inside}{entry.name}"
        is_folder = entry.is_dir(follow_symlinks=False)
        if entry.name == "__pycache__" or entry.path == str(journals):
            continue
        try:
            known = entry.stat(follow_symlinks=False)
        except FileNotFoundError:  # another call has just removed it
            continue
        yield name, None if is_folder else (known.st_ino, known.st_mtime_ns, known.st_size)
        if is_folder:
            yield from _files(folder / entry.name, journals, f"{name}/")


def faults(
    events: Sequence[Event], sightings: Sequence[Sighting] = (), tools: Mapping[str, str] | None = None
) -> list[str]:
    """Say what ran without a decision before it.

    `tools` names for each tag the tool whose call may have the effects with this tag in their path.
    """
    return [*_undecided(events), *_uncalled(events), *_unlawful(events, sightings, tools or {})]


def _undecided(events: Sequence[Event]) -> Iterator[str]:
    """Read from the journal alone which calls ran without a decision."""
    for number, line in enumerate(events):
        if line["kind"] != "call" or line["parent"] is None:
            continue
        error = None if line["ok"] else line["error"]["type"]
        if error in UNRUN or (line["name"], error) in REFUSED_AT_ONCE:
            continue
        decisions = _decisions(events[:number], line)
        if not decisions or decisions[-1] not in YES:
            yield f"call {line['id']} of {line['name']} ran without a yes before its end: {decisions}"
        elif line["approval"] is None or line["approval"]["decision"] not in YES:
            yield f"call {line['id']} of {line['name']} does not say who let it run"


def _decisions(events: Sequence[Event], call: Event) -> list[str]:
    """List the decisions about a call; a provider's tool is decided about by its name, once a worker call."""
    by, key = ("name", "name") if call["impl"] == "server" else ("call", "id")
    return [
        each["decision"]
        for each in events
        if each["kind"] == "approval" and (each["run"], each[by]) == (call["run"], call[key])
    ]


def _uncalled(events: Sequence[Event]) -> Iterator[str]:
    """Read from the journal which decisions are about no call; a provider's tool may stay unused."""
    ended = {(each["run"], each["id"]) for each in events if each["kind"] == "call"}
    for each in events:
        if each["kind"] == "approval" and (each["run"], each["call"]) not in ended and not _is_server(each):
            yield f"decision about {each['call']} ({each['name']}), which has no line"


def _is_server(approval: Event) -> bool:
    return approval["name"] in ("web_search", "web_fetch", "code_execution", "image_generation")


def _unlawful(
    events: Sequence[Event], sightings: Sequence[Sighting], tools: Mapping[str, str]
) -> Iterator[str]:
    """Compare what was seen with what was decided by then, and for which arguments."""
    for sighting in sightings:
        if not any(_allows(events, call, sighting, tools) for call in events if call["kind"] == "call"):
            yield f"{sighting.path} changed before event {sighting.event} without a decision for it"


def _allows(events: Sequence[Event], call: Event, sighting: Sighting, tools: Mapping[str, str]) -> bool:
    """Tell whether a call is the cause of what was seen: decided about before it, and ended after it."""
    if call["name"] != tools.get(sighting.tag) or not _speaks_of(call["input"], sighting.tag):
        return False
    decisions = _decisions(events[: sighting.event], call)
    return bool(decisions) and decisions[-1] in YES and events.index(call) >= sighting.event


def _speaks_of(given: Any, tag: str) -> bool:
    return tag in TAG.findall(json.dumps(given))
