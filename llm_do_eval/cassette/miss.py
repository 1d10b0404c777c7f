"""A request without a recording in, the sentences out that say what changed and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import urlsplit

from llm_do_eval.cassette.cause import Case, cause_of, changed_sources, versions_line
from llm_do_eval.cassette.file.place import shown
from llm_do_eval.cassette.file.recording import spans
from llm_do_eval.cassette.stops import MissingSample, StaleCassette
from llm_do_eval.cassette.wires.anatomy import PARTS, part_of
from llm_do_eval.cassette.wires.apis import asked_model
from llm_do_eval.cassette.wires.key import normal_query, normal_text
from llm_do_eval.cassette.wires.results import tool_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from llm_do_eval.cassette.interaction import Interaction, Request

ABSENT = "<absent>"
NO_MODEL = "openai-chat:nothing-is-recorded"
"""Stands for the model of a replay where neither a recording nor anybody else names one."""
_SHOWN = 6
_WIDTH = 70
_CONTEXT = 20


class Difference(NamedTuple):
    """One field that two requests do not share; `<absent>` where one of them lacks it."""

    path: str
    recorded: Any
    now: Any

    def __str__(self) -> str:
        recorded, now = _shortened(self.recorded, self.now)
        return f"{self.path}: recorded {recorded} -> now {now}"


class ModelSetting(NamedTuple):
    """The model that a run was told to use, and by what: `--model` or `LLM_DO_MODEL`."""

    name: str
    model: str

    def differs(self, recorded: str | None, now: Request) -> str | None:
        """Say that this setting is why a request is not in a recording, if it is."""
        name = self.model.partition(":")[2]
        asked = _parts(now.body.value).get(".model") == name or name in title(now)
        if recorded in (None, self.model) or not asked:
            return None
        cure = "unset it" if self.name.isidentifier() else "leave it out"
        return f"{self.name} is {self.model!r}, the recording is of {recorded!r}: {cure}, or record anew"


def missing_sample(
    request: Request,
    sample: int,
    *,
    path: Path,
    recorded: Collection[int],
    command: str,
    interrupted: bool = False,
) -> MissingSample:
    """Say that a sample was never recorded, and how to record it."""
    if recorded:
        until = ", then the recording was interrupted" if interrupted else ""
        cure = "go on with" if interrupted else "record it with"
        return MissingSample(
            f"Samples recorded: {spans(recorded)}{until}; sample {sample} is not: {cure} {command}"
        )
    why = "holds no request" if path.exists() else "is not there"
    model = "LLM_DO_MODEL=PROVIDER:NAME " if asked_model(request) == NO_MODEL else ""
    return MissingSample(f"Nothing is recorded, {shown(path)} {why}: record it with {model}{command}")


def stale_cassette(
    request: Request,
    sample: int,
    *,
    path: Path,
    meta: Mapping[str, Any],
    left: Sequence[Interaction],
    command: str,
    setting: ModelSetting | None = None,
    go_on: str | None = None,
) -> StaleCassette:
    """Say how a request differs from the nearest of the recordings `left` of its sample, and who changed it.

    Nearest is the one with the fewest fields that differ, the earliest of these. A `setting` that asked for
    another model than the recorded one is named first. Files of the project are read to see if they changed.
    `go_on` is the command that goes on with a recording which was interrupted.
    """
    when = f", recorded {meta['recorded_at']}" if meta.get("recorded_at") else ""
    lines = [f"{title(request)} (sample {sample}) is not in {shown(path)}{when}"]
    end = f"Record anew: {command}"
    if not left and go_on:
        more = "All recordings of this sample have been played, and its recording was interrupted"
        return StaleCassette("\n".join([*lines, more, f"Go on with {go_on}"]))
    if not left:
        more = "All recordings of this sample have been played: it now sends more requests than it did"
        told = [changed_sources(meta, path.parent), versions_line(meta)]
        return StaleCassette("\n".join([*lines, more, *filter(None, told), end]))
    nearest, found = min(
        ((each, list(differences(each.request, request))) for each in left), key=lambda pair: len(pair[1])
    )
    lines.append(
        f"The nearest recording of this sample (seq {nearest.seq}) differs in "
        f"{len(found)} field{'s' * (len(found) > 1)}:"
    )
    lines += _grouped(request, found)
    if setting and any(part_of(request, each.path) in ("model", "request") for each in found):
        other_model = setting.differs(meta.get("model"), request)
        if other_model:
            return StaleCassette("\n".join([other_model, *lines, end]))
    cause = cause_of(Case(nearest.request, request, found, meta, path.parent))
    return StaleCassette("\n".join([*lines, cause, end]))


def stale_again(request: Request, sample: int, first: StaleCassette) -> StaleCassette:
    """Say of a later miss only that it is one."""
    return StaleCassette(
        f"{title(request)} (sample {sample}) is not recorded either; the first: {first.line}"
    )


def title(request: Request) -> str:
    """Name a request: method and path."""
    return f"{request.method} {urlsplit(request.uri).path}"


def differences(recorded: Request, now: Request) -> Iterator[Difference]:
    """Compare what counts of two requests, field by field."""
    yield from value_differences("method", recorded.method, now.method)
    yield from value_differences("path", urlsplit(recorded.uri).path, urlsplit(now.uri).path)
    yield from value_differences("query", dict(normal_query(recorded.uri)), dict(normal_query(now.uri)))
    if normal_text(recorded.body) != normal_text(now.body):
        yield from value_differences("body", recorded.body.value, now.body.value)


def _grouped(request: Request, found: Sequence[Difference]) -> Iterator[str]:
    """List differences under the part of the request they belong to, not too many of each."""
    groups: dict[str, list[Difference]] = {part: [] for part in PARTS}
    results: dict[str, list[Difference]] = {}
    for each in found:
        tool = tool_of(request, each.path)
        if tool is None:
            groups[part_of(request, each.path)].append(each)
        else:
            results.setdefault(f"result of tool {tool!r}", []).append(each)
    for heading, inside in (results | groups).items():
        if inside:
            yield f"  {heading}:"
            yield from (f"    {each}" for each in inside[:_SHOWN])
        if len(inside) > _SHOWN:
            yield f"    and {len(inside) - _SHOWN} more"


def value_differences(path: str, recorded: Any, now: Any) -> Iterator[Difference]:
    """Compare two JSON values, field by field, below a path."""
    before, after = _parts(recorded), _parts(now)
    if before and after and type(recorded) is type(now):
        for step in before | after:
            yield from value_differences(path + step, before.get(step, ABSENT), after.get(step, ABSENT))
    elif recorded != now or type(recorded) is not type(now):
        yield Difference(path, recorded, now)


def _parts(value: Any) -> dict[str, Any]:
    match value:
        case dict():
            return {f".{name}": part for name, part in cast("dict[str, Any]", value).items()}
        case list():
            return {f"[{index}]": part for index, part in enumerate(cast("list[Any]", value))}
        case _:
            return {}


def _shortened(recorded: Any, now: Any) -> tuple[str, str]:
    first, second = (ABSENT if value is ABSENT else repr(value) for value in (recorded, now))
    pairs = enumerate(zip(first, second, strict=False))
    equal = next((index for index, (one, other) in pairs if one != other), 0)
    start = max(0, equal - _CONTEXT) if max(len(first), len(second)) > _WIDTH else 0
    return _cut(first, start), _cut(second, start)


def _cut(text: str, start: int) -> str:
    end = start + _WIDTH
    return ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")
