"""A JSON Schema whose parts refer to each other in, the same schema without references out.

A reference is a JSON pointer into its own schema (`#`, `#/$defs/a`), so nothing is ever fetched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import unquote

from llm_do.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MOST_PARTS: Final = 20_000
"""Parts of a schema whose references are followed: a few lines can stand for millions."""
_DIGITS: Final = 9
_DATA: Final = frozenset({"const", "default", "enum", "examples"})
_DEFINITIONS: Final = frozenset({"$defs", "definitions"})
_MAPS: Final = _DEFINITIONS | {"dependentSchemas", "patternProperties", "properties"}
_IN_PLACE: Final = frozenset(
    {"allOf", "anyOf", "dependentSchemas", "else", "if", "not", "oneOf", "then"}
)  # these judge the very value that their schema judges, all others a part of it
_NOTES: Final = frozenset(
    {"$comment", "deprecated", "description", "examples", "readOnly", "title", "writeOnly"}
)


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """List a schema and all schemas in it; what they say about data is not entered."""
    if isinstance(schema, list):
        for each in cast("list[Any]", schema):
            yield from parts(each)
    elif isinstance(schema, dict):
        own = cast("dict[str, Any]", schema)
        yield own
        for key, value in own.items():
            if key not in _DATA:
                yield from parts(list(value.values()) if key in _MAPS else value)


def refuse_loose_references(schema: dict[str, Any]) -> None:
    """Refuse references to anything but a part of the schema. Raises SpecError."""
    for part in parts(schema):
        for key in ("$ref", "$dynamicRef", "$recursiveRef"):
            reference = part.get(key)
            if reference is not None and (key != "$ref" or _target(schema, reference) is None):
                raise SpecError(f"refers to {reference!r}; refer to a part of its own, as '#/$defs/...'")
        if "$id" in part and part is not schema:  # references below it would be read from there
            raise SpecError(f"has a '$id' ({part['$id']!r}) below its top; remove it")
    without_references(schema)


def without_references(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Put what is referred to in the place of each reference.

    A part that contains itself is written out once; the inner one says its type only, so the result admits
    more than the schema does.

    Raises:
        SpecError: a reference leads to itself and nowhere else, or the result would be huge.
    """
    whole = dict(schema)
    if not any("$ref" in part for part in parts(whole)):
        return whole
    return _Written(whole).part(whole, frozenset({id(whole)}), frozenset({id(whole)}))


class _Written:
    """One schema while it is written out.

    `around` holds what is being written, `here` what judges the same value (by identity).
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema
        self._count = 0

    def part(self, part: Any, around: frozenset[int], here: frozenset[int]) -> Any:
        """Write out one part."""
        self._count += 1
        if self._count > _MOST_PARTS:
            raise SpecError(f"stands for more than {_MOST_PARTS} parts by its references; use fewer of them")
        if isinstance(part, list):
            return [self.part(each, around, here) for each in cast("list[Any]", part)]
        if not isinstance(part, dict):
            return part
        own = cast("dict[str, Any]", part)
        said = {
            key: self._value(key, value, around, here if key in _IN_PLACE else frozenset())
            for key, value in own.items()
            if key not in _DEFINITIONS and key != "$ref"
        }
        return said if "$ref" not in own else _joined(said, self._referred(own["$ref"], around, here))

    def _value(self, key: str, value: Any, around: frozenset[int], here: frozenset[int]) -> Any:
        if key in _DATA:
            return value
        if key in _MAPS:
            return {name: self.part(each, around, here) for name, each in value.items()}
        return self.part(value, around, here)

    def _referred(self, reference: str, around: frozenset[int], here: frozenset[int]) -> Any:
        target = _target(self._schema, reference)
        own = frozenset({id(target)})
        if own <= here:
            raise SpecError(f"refers by {reference!r} to itself and nowhere else")
        if own <= around and isinstance(target, dict):
            return _cut(cast("dict[str, Any]", target))
        return self.part(target, around | own, here | own)


def _target(schema: dict[str, Any], reference: Any) -> Any:
    """Find what a reference names, a schema; None where it names none."""
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        return None
    found: Any = schema
    for step in unquote(reference).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        match found:
            case dict():
                found = cast("dict[str, Any]", found).get(name)
            case list() if name.isdecimal() and len(name) < _DIGITS:
                found = next(iter(cast("list[Any]", found)[int(name) :]), None)
            case _:
                return None
    return cast("Any", found) if isinstance(found, dict | bool) else None


def _joined(said: dict[str, Any], referred: Any) -> Any:
    """Join a reference's target with what stands beside the reference; both hold."""
    if isinstance(referred, dict) and said.keys() <= _NOTES:
        return {**cast("dict[str, Any]", referred), **said}
    both: list[Any] = [*said.get("allOf", []), referred]
    return {**said, "allOf": both}


def _cut(target: dict[str, Any]) -> dict[str, Any]:
    kept = {"type": target["type"]} if "type" in target else {}
    return {**kept, "additionalProperties": True} if target.get("type") == "object" else kept
