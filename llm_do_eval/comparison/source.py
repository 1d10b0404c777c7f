"""A path in, the side of a comparison that it holds out: a session's JSON, or journals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from llm_do.errors import FormatError, UsageError
from llm_do_eval.comparison.runs import journal_side
from llm_do_eval.comparison.sessions import session_side
from llm_do_eval.health import Health
from llm_do_eval.journals import journal_files, read_runs
from llm_do_eval.session import SCHEMA

if TYPE_CHECKING:
    from pathlib import Path

    from llm_do_eval.comparison.side import Side
    from llm_do_eval.tables.trace import Reading

_FAMILY = SCHEMA.rpartition("/")[0]


def read_sides(base: Path, candidate: Path, reading: Reading) -> tuple[Side, Side]:
    """Read both sides of a comparison.

    Raises:
        FormatError: one cannot be read, is empty, or they have nothing in common.
        UsageError: one is a session and the other journals.
    """
    ours, theirs = read_side(base, reading), read_side(candidate, reading)
    if ours.source != theirs.source:
        raise UsageError(
            f"{base} is a {ours.source} and {candidate} a {theirs.source}; name two files of --llm-json, "
            f"or two journals"
        )
    if not {key.group for key in ours.observed} & {key.group for key in theirs.observed}:
        raise FormatError(f"{base} and {candidate} have no test or worker in common; nothing to compare")
    return ours, theirs


def read_side(path: Path, reading: Reading) -> Side:
    """Read one side.

    Raises:
        FormatError: it cannot be read, or is empty.
    """
    entries = read_entries(path) if path.is_file() else None
    if entries is None:
        health = Health()
        return journal_side(str(path), read_runs(journal_files([path]), health), reading, health)
    if not entries:
        raise FormatError(f"{path}: the session holds no sampled test; name another")
    return session_side(str(path), entries)


def read_entries(path: Path) -> list[dict[str, Any]] | None:
    """Read the entries of a session's JSON; None where the file is something else.

    Raises:
        FormatError: it cannot be read, or is a session of another version.
    """
    try:
        found: Any = json.loads(path.read_bytes())
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError):
        return None
    session = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    schema = session.get("schema")
    if not isinstance(schema, str) or schema.rpartition("/")[0] != _FAMILY:
        return None
    tests = session.get("tests")
    if schema != SCHEMA or not isinstance(tests, list):
        raise FormatError(f"{path}: is no session {SCHEMA}; write it with --llm-json of this version")
    return cast("list[dict[str, Any]]", tests)
