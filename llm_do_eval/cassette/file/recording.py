"""A cassette file in, its `Recording` out, and back: one meta line, then one line for each interaction."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from llm_do.errors import FormatError
from llm_do_eval.cassette.file.provenance import described, model_of
from llm_do_eval.cassette.interaction import Interaction, LineError, json_line, json_object
from llm_do_eval.plural import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

SCHEMA = "llm-do-eval/cassette/v1"
JOURNAL = "llm-do-eval/cassette-journal"
CURE = "restore it from version control, or delete it and record it anew"

_PACKAGES = {
    "pydantic-ai": "pydantic-ai-slim",
    "openai": "openai",
    "anthropic": "anthropic",
    "google-genai": "google-genai",
    "boto3": "boto3",
    "vcrpy": "vcrpy",
    "llm-do": "llm-do",
}


@dataclass(frozen=True, slots=True)
class Recording:
    """What a cassette holds: the fields of its meta line, and its interactions ordered by sample and seq."""

    meta: Mapping[str, Any] = field(default_factory=dict[str, Any])
    interactions: tuple[Interaction, ...] = ()

    @classmethod
    def of(cls, interactions: Iterable[Interaction], extra: Mapping[str, Any]) -> Recording:
        """Order interactions and describe them; of `extra`, what the description does not know is kept.

        `recorded_at` is the time of the oldest answer: a recording looks no fresher than its oldest part.
        """
        brief = cls.brief(interactions, extra)
        ordered = brief.interactions
        known = {**brief.meta, **described(ordered)}
        return cls(known | {name: extra[name] for name in extra if name not in known}, ordered)

    @classmethod
    def brief(cls, interactions: Iterable[Interaction], extra: Mapping[str, Any]) -> Recording:
        """Order interactions and say of them only what a replay needs."""
        ordered = _ordered(interactions)
        known = {
            "schema": SCHEMA,
            "count": len(ordered),
            "recorded_at": min((each.at for each in ordered if each.at), default=None),
            "model": extra.get("model") or model_of(ordered),
            "samples": spans(each.sample for each in ordered),
            "versions": extra["versions"] if "versions" in extra else installed_versions(),
        }
        return cls(known, ordered)


def read_recording(path: Path) -> Recording:
    """Read a cassette.

    Raises:
        FormatError: it cannot be read, is torn, or is of another format or version; it is never read in part.
    """
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise FormatError(f"{path}: is no regular file; name another")
        content = path.read_bytes()
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror}") from error
    if not content:
        raise FormatError(f"{path}: is empty, so this is no cassette, or a torn one; {CURE}")
    first, *rest = content.split(b"\n")
    try:
        meta = json_object(first)
    except LineError as error:
        raise FormatError(f"{path}:1: {error}, so this is no cassette, or a torn one; {CURE}") from error
    check_schema(path, meta, SCHEMA)
    if not rest or rest.pop():
        raise FormatError(f"{path}: the last line has no end, so the file is torn; {CURE}")
    if meta.get("count") != len(rest):
        raise FormatError(
            f"{path}:1: count is {meta.get('count')!r} and {counted(len(rest), 'line')} follow, so it is "
            f"torn, or was edited without correcting the count; correct it, or {CURE}"
        )
    return Recording(meta, _ordered(read_lines(path, rest)))


def is_recording(path: Path) -> bool:
    """Tell whether a file begins as a cassette of any version does, or is empty."""
    try:
        is_empty = path.is_file() and path.stat().st_size == 0
    except OSError:
        return False
    return is_empty or _family(schema_of(path) or "") == _family(SCHEMA)


def is_foreign(path: Path) -> bool:
    """Tell whether a file is a cassette of another version."""
    found = schema_of(path)
    return found is not None and found != SCHEMA and _family(found) == _family(SCHEMA)


def write_recording(path: Path, recording: Recording) -> None:
    """Replace a cassette; whatever happens meanwhile, the old or the new one is there, and whole.

    Raises:
        OSError: there is no place or no permission; the old cassette stands.
    """
    content = json_line(dict(recording.meta)) + b"\n"
    content += b"".join(each.to_line() for each in recording.interactions)
    fresh = path.with_name(f"{path.name}.tmp.{os.getpid()}")
    try:
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def check_schema(path: Path, meta: Mapping[str, Any], schema: str) -> None:
    """Refuse a first line of another format or version.

    Raises:
        FormatError: `schema` is not what the line says.
    """
    found = str(meta.get("schema"))
    if found == schema:
        return
    if _family(found) == _family(schema):
        raise FormatError(
            f"{path}:1: is of version {found!r} and this llm-do reads {schema!r}; "
            f"install the llm-do that wrote it, or delete it and record it anew"
        )
    if _family(found) == JOURNAL:
        raise FormatError(
            f"{path}: is the journal of an interrupted recording; record its test again, which takes over "
            f"what it holds"
        )
    raise FormatError(
        f"{path}:1: schema is {found!r}, not {schema!r}, so this is no cassette of llm-do; {CURE}"
    )


def read_lines(path: Path, lines: Iterable[bytes]) -> Iterator[Interaction]:
    """Read the lines that follow the first line.

    Raises:
        FormatError: one of them is no interaction.
    """
    for number, line in enumerate(lines, start=2):
        try:
            yield Interaction.from_line(line)
        except LineError as error:
            raise FormatError(f"{path}:{number}: {error}; correct the line, or {CURE}") from error


def spans(samples: Iterable[int]) -> str:
    """Write sample indexes for a human: `0..19, 23`, or `none`."""
    found: list[list[int]] = []
    for index in sorted(set(samples)):
        if found and index == found[-1][-1] + 1:
            found[-1][1:] = [index]
        else:
            found.append([index])
    return ", ".join("..".join(map(str, span)) for span in found) or "none"


def installed_versions() -> dict[str, str]:
    """Return the versions of the packages that decide how requests look, those installed."""
    found: dict[str, str] = {}
    for name, package in _PACKAGES.items():
        try:
            found[name] = version(package)
        except PackageNotFoundError:
            continue
    return found


def schema_of(path: Path) -> str | None:
    """Return what the first line of a file says its format is; None where it says nothing."""
    try:
        with path.open("rb") as file:
            return str(json_object(file.readline()).get("schema"))
    except (OSError, LineError):
        return None


def _family(schema: str) -> str:
    return schema.rpartition("/v")[0]


def _ordered(interactions: Iterable[Interaction]) -> tuple[Interaction, ...]:
    return tuple(sorted(interactions, key=lambda each: (each.sample, each.seq)))
