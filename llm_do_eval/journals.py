"""Journal files in, complete runs out, one at a time; and runs in, journal lines out."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, cast

from llm_do.errors import FormatError
from llm_do_eval.comparable import comparable, fingerprint
from llm_do_eval.observation import (
    SCHEMA,
    VERSION,
    Approval,
    Call,
    Line,
    Message,
    Offer,
    Run,
    read_approval,
    read_call,
    read_message,
    read_offer,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from llm_do_eval.health import Health

DEFAULT_FOLDER: Final = Path(".llm-do/runs")
_CASSETTE: Final = "cassette"
"""The error class of `CassetteStop`."""
_INTERRUPTED: Final = "interrupted"
_T = TypeVar("_T")
Record = Approval | Call | Message | Offer

_READERS: Final[dict[str, Callable[[Line], Record]]] = {
    "approval": read_approval,
    "call": read_call,
    "message": read_message,
    "offer": read_offer,
}
# a journal may hold a NaN that a tool returned; it is read as the text "NaN"
_DECODE: Final = json.JSONDecoder(parse_constant=str).decode


def journal_files(paths: Iterable[Path]) -> list[Path]:
    """Give the files to read, sorted: files as they are, folders as every `*.jsonl` below them.

    Raises:
        FormatError: a path does not exist, or nothing was found.
    """
    paths = list(paths) or [DEFAULT_FOLDER]
    found: dict[Path, Path] = {}
    for path in paths:
        if not path.exists():
            raise FormatError(f"{path}: there is no such file or folder; name journals or run a worker first")
        for each in sorted(path.rglob("*.jsonl")) if path.is_dir() else [path]:
            found.setdefault(each.resolve(), each)
    if not found:
        raise FormatError(
            f"{', '.join(map(str, paths))}: no *.jsonl below; name journals or run a worker first"
        )
    return [found[key] for key in sorted(found)]


def read_runs(files: Iterable[Path], health: Health) -> Iterator[Run]:
    """Give the finished runs of journals, each once; count in `health` what was left out.

    A run read before is skipped, and so is one that ended for a reason of its cassette: it tells nothing of
    its workers. Of the runs that tell the same of a sample, recorded, replayed and recorded anew, only the
    newest is given, in whatever order the files are; files are read twice for that.

    Raises:
        FormatError: a file cannot be read, is of a foreign version, or has a torn line that is not its last.
    """
    files = list(files)
    newest = _newest(files)
    seen = set[str]()
    for path in files:
        for run in _Reader(path, health).runs():
            place = _place(run.root)
            if run.id in seen:
                health.count("duplicate-run")
            elif _stopped(run.root):
                health.count("cassette-stop")
            elif place is not None and newest.setdefault(place, _age(run.root)).run != run.id:
                health.count("replayed-run")
            else:
                yield run
            seen.add(run.id)


def journal_lines(runs: Iterable[Run]) -> Iterator[str]:
    """Give runs as the lines of a journal file, ASCII only, so that any text survives any encoding."""
    for run in runs:
        for line in run.lines():
            yield json.dumps(line, separators=(",", ":")) + "\n"


@dataclass(slots=True)
class _Parts:
    head: Line
    calls: dict[str, Call] = field(default_factory=dict[str, Call])
    others: list[Message | Offer | Approval] = field(default_factory=list[Message | Offer | Approval])

    def run(self, root: Call) -> Run:
        """Give the run whose root call just ended."""
        known = _picked(self.others, Message)
        return Run(
            id=root.run,
            root=root,
            calls=tuple(sorted(self.calls.values(), key=lambda call: (call.seq, call.id))),
            messages=tuple(sorted(known, key=lambda message: message.seq)),
            offers=_picked(self.others, Offer),
            approvals=_picked(self.others, Approval),
            project=self.head.get("project"),
            at=self.head.get("at"),
            versions=self.head.get("versions") or {},
            problems=_counts(self.head.get("problems")),
        )


class _Reader:
    """One file: lines in, runs out as their root calls end; only unfinished runs are held."""

    def __init__(self, path: Path, health: Health) -> None:
        self._path = path
        self._health = health
        self._open: dict[str, _Parts] = {}
        self._closed: set[str] = set()

    def runs(self) -> Iterator[Run]:
        """Give the runs in the order in which they ended."""
        number = 0
        try:
            with self._path.open("rb") as stream:
                for raw in stream:
                    number += 1
                    run = self._take(raw)
                    if run is not None:
                        yield run
        except FormatError as error:
            raise FormatError(f"{self._path}:{number}: {error}") from None
        except OSError as error:
            raise FormatError(f"{self._path}: cannot be read ({error.strerror})") from error
        self._health.count("empty-file", number == 0)
        self._health.count("truncated-run", len(self._open))

    def _take(self, raw: bytes) -> Run | None:
        line = self._line(raw)
        if line is None:
            return None
        name, kind = _run_name(line), line.get("kind")
        if kind == "run":
            _check_schema(line)
            self._open[name] = _Parts(line)
        elif isinstance(kind, str) and kind in _READERS and self._expected(name):
            return self._add(name, _READERS[kind](line))
        return None

    def _line(self, raw: bytes) -> Line | None:
        try:
            line: Any = _DECODE(raw.decode())
        except (ValueError, RecursionError):
            if raw.endswith(b"\n"):
                raise FormatError("torn line; remove it, or the file, and read again") from None
            self._health.count("unfinished-line")
            return None
        version = cast("Line", line).get("v") if isinstance(line, dict) else None
        if version is None:
            raise FormatError(f"no journal line; expected an object with 'v' as in {SCHEMA}")
        if str(version).partition(".")[0] != str(VERSION):
            raise FormatError(
                f"journal version {version!r} is not {VERSION}; read it with the llm-do that wrote it"
            )
        return cast("Line", line)

    def _expected(self, name: str) -> bool:
        if name in self._open:
            return True
        if name in self._closed:
            self._health.count("late-line")
            return False
        self._health.count("unnamed-run")
        self._open[name] = _Parts({})
        return True

    def _add(self, name: str, record: Record) -> Run | None:
        parts = self._open[name]
        if not isinstance(record, Call):
            parts.others.append(record)
        elif record.parent is None:
            self._closed.add(name)
            return self._open.pop(name).run(record)
        elif parts.calls.setdefault(record.id, record) is not record:
            self._health.count("repeated-call")
        return None


def _run_name(line: Line) -> str:
    name = line.get("run")
    if not isinstance(name, str):
        raise FormatError(f"'run' must be a text, not {name!r}")
    return name


def _check_schema(line: Line) -> None:
    if line.get("schema") != SCHEMA:
        raise FormatError(f"schema {line.get('schema')!r} is not {SCHEMA!r}; name journals of llm-do only")


def _counts(problems: Any) -> dict[str, int]:
    counts = cast("dict[str, Any]", problems) if isinstance(problems, dict) else {}
    return {kind: times for kind, times in counts.items() if isinstance(times, int)}


class _Age(NamedTuple):
    """What orders runs of one place: when it was recorded, when it ran, and its name to order all others."""

    recorded: str
    at: str
    run: str


def _newest(files: Iterable[Path]) -> dict[bytes, _Age]:
    """Find the newest run of each place; what cannot be read is left to the reader, which says so."""
    newest: dict[bytes, _Age] = {}
    for path in files:
        # a pipe can be read only once: the first run of a place counts there
        if not path.is_file():
            continue
        with suppress(OSError), path.open("rb") as stream:
            for raw in stream:
                root = _root(raw) if b'"cassette"' in raw else None
                place = root and _place(root)
                if root and place and not _stopped(root):
                    newest[place] = max(newest.get(place, _age(root)), _age(root))
    return newest


def _root(raw: bytes) -> Call | None:
    with suppress(ValueError, RecursionError, FormatError):
        line: Any = _DECODE(raw.decode())
        if isinstance(line, dict) and cast("Line", line).get("kind") == "call":
            call = read_call(cast("Line", line))
            return call if call.parent is None else None
    return None


def _place(root: Call) -> bytes | None:
    """Which run of which sample this is; None for runs that are evidence of their own, as live ones are."""
    sample, cassette = root.sample, root.meta.get("cassette")
    if sample is None or cassette is None:
        return None
    return fingerprint(comparable([cassette, sample.test, sample.index, root.meta.get("nth", 0)]))


def _stopped(root: Call) -> bool:
    """Tell whether a run ended by its cassette, or was cancelled when another sample of its test did."""
    if root.error is None:
        return False
    cancelled = root.error.group == _INTERRUPTED and _place(root) is not None
    return root.error.group == _CASSETTE or cancelled


def _age(root: Call) -> _Age:
    at = root.at or ""
    # a replay is as old as what it replays; the test that recorded it began no later than its first answer
    recorded = root.meta.get("recorded_at", root.meta.get("tested_at", at))
    return _Age(str(recorded or ""), at, root.run)


def _picked(records: list[Any], kind: type[_T]) -> tuple[_T, ...]:
    return tuple(record for record in records if isinstance(record, kind))
