"""A `--set` argument in, a worker spec with that key changed out, read again by the rules of worker files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from llm_do.errors import SpecError, UsageError
from llm_do.project.document import Node, brief, core_scalar
from llm_do.project.spec import ALIASES, front_matter, parse_spec
from llm_do.project.strictjson import load_json

if TYPE_CHECKING:
    from llm_do.project.spec import WorkerSpec


class Setting(NamedTuple):
    """One `--set`: a dotted key of a worker (None: the entry) and the JSON value it gets."""

    worker: str | None
    key: str
    value: Any


def parse_set(argument: str) -> Setting:
    """Read `[WORKER:]dotted.key=VALUE`; VALUE is JSON, else a boolean, number or text as in unquoted YAML.

    Raises:
        UsageError: another form, or a number that JSON cannot carry.
    """
    target, equals, value = argument.partition("=")
    worker, colon, key = target.rpartition(":")
    if not equals or not all(key.split(".")) or not target.isprintable() or (colon and not worker):
        raise UsageError(f"--set {brief(argument)} must have the form [WORKER:]dotted.key=VALUE")
    return Setting(worker or None, key, _value(argument, value))


def override(spec: WorkerSpec, dotted_key: str, value: Any) -> WorkerSpec:
    """Return a copy of a worker with one key set to a JSON value.

    Raises:
        SpecError: the key is unknown, its way leads through something that is no mapping, or the worker
            would break a rule; the place that the error names is the option.
    """
    place = f"--set {spec.name}:{dotted_key}"
    first, *rest = dotted_key.split(".")
    keys = [ALIASES.get(first, first), *rest]
    front = front_matter(spec)
    inner = front
    for depth, key in enumerate(keys[:-1], 1):
        below = inner.setdefault(key, {})
        if not isinstance(below, dict):
            raise SpecError(
                f"{'.'.join(keys[:depth])!r} is no mapping; give its whole value as JSON", path=place
            )
        inner = cast("dict[str, Any]", below)
    inner[keys[-1]] = value
    changed = parse_spec(Node(front, path=place), instructions=spec.instructions)
    return replace(changed, path=spec.path, lines=spec.lines, sha256=spec.sha256)


def _value(argument: str, value: str) -> Any:
    try:
        return load_json(value).value
    except SpecError:
        pass
    try:
        scalar = core_scalar(value)
    except ValueError as error:
        raise UsageError(f"--set {brief(argument)}: {error}; quote it if it is text") from None
    return value if scalar is None else scalar
