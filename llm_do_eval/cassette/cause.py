"""A request that differs from its recording in, the sentence that says who changed something out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from llm_do.canonical import canonical_json
from llm_do_eval.cassette.file.recording import installed_versions
from llm_do_eval.cassette.file.sources import changed
from llm_do_eval.cassette.wires.anatomy import part_of, texts
from llm_do_eval.cassette.wires.results import tool_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from llm_do_eval.cassette.interaction import Request
    from llm_do_eval.cassette.miss import Difference

_LOOK: Final = "look at the input, and at the code that makes it"
_NO_SDK: Final = frozenset({"vcrpy"})
_VOLATILE: Final = (
    ("a UUID", re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")),
    (
        "a date",
        re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"),
    ),
    ("a time", re.compile(r"\b\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[AaPp][Mm])?\b")),
    ("a time stamp", re.compile(r"\b1[5-9]\d{8}(?:\d{3}|\.\d+)?\b")),
    (
        "a temporary path",
        re.compile(r"(?:/private)?(?:/var/folders|/var/tmp|/tmp|[A-Z]:\\\S*\\Temp)[/\\]\S*"),
    ),
)


class Case(NamedTuple):
    """What is known of a miss: the two requests, the fields in which they differ, and the meta line."""

    recorded: Request
    now: Request
    found: Sequence[Difference]
    meta: Mapping[str, Any]
    folder: Path


def cause_of(case: Case) -> str:
    """Say in one sentence whether the project changed, the SDK, or only a value that no replay can hold."""
    kinds = volatile(case.found)
    if kinds:
        return (
            f"Only {' and '.join(kinds)} differs: such a value cannot be replayed. Pass it in; in a test, "
            f"make it from sample.rng or sample.tmp_path, or name it in the ini key llm_normalize"
        )
    return changed_sources(case.meta, case.folder) or _changed_results(case) or _without_changed_files(case)


def changed_sources(meta: Mapping[str, Any], folder: Path) -> str | None:
    """Say which files of a recording's project have changed since, None if none has."""
    files = "; ".join(map(str, changed(meta, folder)))
    return f"The project changed, not the SDK: {files}" if files else None


def versions_line(meta: Mapping[str, Any]) -> str | None:
    """Name the recorded and the installed versions that differ, None if none does; a package needs both."""
    recorded, now = versions_of(meta), installed_versions()
    names = [name for name in _compared(recorded, now) if now[name] != recorded[name]]
    if not names:
        return None
    before, after = (", ".join(f"{name} {side[name]}" for name in names) for side in (recorded, now))
    return f"Recorded with {before}; installed are {after}"


def versions_of(meta: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the versions that a meta line names."""
    found = meta.get("versions")
    return cast("Mapping[str, str]", found) if isinstance(found, dict) else {}


def _compared(recorded: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """List the SDKs that both sides name: what one side does not name need not have changed."""
    return [name for name in recorded if name in now and name not in _NO_SDK]


def volatile(found: Sequence[Difference]) -> list[str]:
    """Name the kinds of values that alone make requests differ, if each looks like one of every day."""
    kinds: list[str] = []
    for each in found:
        before, after = _text(each.recorded), _text(each.now)
        for kind, pattern in _VOLATILE:
            kinds += [kind] * (pattern.findall(before) != pattern.findall(after))
            before, after = pattern.sub("\0", before), pattern.sub("\0", after)
        if before != after or type(each.recorded) is not type(each.now):
            return []
    return list(dict.fromkeys(kinds))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value)


def _changed_results(case: Case) -> str | None:
    """Say that nothing but results of tools is another, if so."""
    tools = [tool_of(case.now, each.path) for each in case.found]
    names = [repr(tool) for tool in dict.fromkeys(tools) if tool is not None]
    if None in tools or not names:
        return None
    which = f"tool {names[0]}" if len(names) == 1 else f"tools {', '.join(names)}"
    return f"Only what {which} returned is another: look at the code and the data behind it"


def _without_changed_files(case: Case) -> str:
    versions = versions_line(case.meta)
    recorded, now = versions_of(case.meta), installed_versions()
    if not _compared(recorded, now):
        return "The recording does not say with which versions it was made"
    if versions is not None:
        return f"{_sdk_or_not(case)} {versions}"
    unknown = ", ".join(sorted((recorded.keys() ^ now.keys()) - _NO_SDK))
    besides = f" (the versions of {unknown} cannot be compared)" if unknown else ""
    same = f"installed SDKs are those of the recording{besides}"
    if case.meta.get("workers"):
        return f"No worker file changed, and the {same}: {_LOOK}"
    return f"The {same}, so the input or something in the project changed"


def _sdk_or_not(case: Case) -> str:
    """Say whether an SDK of another version is to blame."""
    parts = {part_of(case.now, each.path) for each in case.found}
    noted = bool(case.meta.get("workers"))
    if texts(case.recorded) != texts(case.now):
        files = f" No worker file changed: {_LOOK}." if noted else ""
        return f"The words of the prompt changed, which is no SDK's doing.{files}"
    if parts == {"model"}:
        return "The model is another, which is no SDK's doing: look at what names it."
    if "tools" in parts and not case.meta.get("tool_files"):
        return "No word of the prompt changed: the SDK did, or a tool."
    return f"{'No worker file and no word' if noted else 'No word'} of the prompt changed: the SDK did."
