"""A JSON Schema from a worker file in, a schema that can be checked against within bounds out.

Schemas and values may both be a model's: patterns take linear time, references and depth are limited.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast

import jsonschema
from jsonschema.validators import extend  # pyright: ignore[reportUnknownVariableType]  it is not typed
from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

from llm_do.errors import SpecError
from llm_do.schemas.reference import parts, refuse_loose_references

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_FOLLOWED: Final = 10_000
"""References that are followed for one value; a schema of alternatives can ask for ever more."""
_FOLLOWED: ContextVar[list[int]] = ContextVar("llm_do_references_followed")


def checked_schema(schema: Mapping[str, Any], field: str) -> dict[str, Any]:
    """Return a JSON Schema as a plain dict, without the name that it has.

    Raises:
        SpecError: it is none, refers to what is no part of it, or has a pattern that takes unbounded time.
    """
    try:
        plain = cast("dict[str, Any]", json.loads(json.dumps(_plain(schema))))
        jsonschema.Draft202012Validator.check_schema(plain)
        plain.pop("$id", None)
        refuse_loose_references(plain)
        _refuse_patterns(plain)
    except jsonschema.SchemaError as error:
        raise SpecError(f"{field} is no JSON Schema: {error.message}") from error
    except RecursionError as error:
        raise SpecError(f"{field} is nested too deeply; make it flatter") from error
    except SpecError as error:
        raise SpecError(f"{field} {error}") from error
    return plain


def violation(schema: Mapping[str, Any], value: Any) -> str:
    """Say where a value breaks a checked JSON Schema, in one line; empty when it fits."""
    token = _FOLLOWED.set([0])
    validator = _BOUNDED(schema)
    try:
        errors: list[jsonschema.ValidationError] = list(validator.iter_errors(value))
    except RecursionError:
        return "it is nested too deeply, or fits too many alternatives"
    finally:
        _FOLLOWED.reset(token)
    error = min(errors, key=lambda each: list(map(str, each.absolute_path)), default=None)
    if error is None:
        return ""
    place = ".".join(str(step) for step in error.absolute_path)
    return f"{place}: {error.message}" if place else error.message


def as_object_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Wrap a schema that is no object into `{value: ...}`, since providers answer with objects only."""
    return {"type": "object", "properties": {"value": dict(schema)}, "required": ["value"]}


def _refuse_patterns(schema: dict[str, Any]) -> None:
    for part in parts(schema):
        for each in ([part["pattern"]] if "pattern" in part else []) + list(
            part.get("patternProperties", {})
        ):
            try:
                _compiled(each)
            except SchemaError as error:
                raise SpecError(
                    f"has the pattern {each!r}, which cannot be matched in linear time; write it without "
                    f"look-around and back-references"
                ) from error
    if all(
        any(key in part for part in parts(schema)) for key in ("unevaluatedProperties", "patternProperties")
    ):
        raise SpecError("has 'unevaluatedProperties' and 'patternProperties'; use one of them")


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> SchemaValidator:
    return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))


def _is_found(pattern: str, text: str) -> bool:
    try:
        _compiled(pattern).validate_python(text)
    except ValidationError:
        return False
    return True


def _pattern(validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[Any]:
    if validator.is_type(value, "string") and not _is_found(pattern, value):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Any, value: Any, _schema: Any) -> Iterator[Any]:
    for pattern, part in patterns.items() if validator.is_type(value, "object") else ():
        for name in value:
            if _is_found(pattern, name):
                yield from validator.descend(value[name], part, path=name, schema_path=pattern)


def _additional_properties(validator: Any, part: Any, value: Any, schema: Any) -> Iterator[Any]:
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name in value if validator.is_type(value, "object") else ():
        if name in known or any(_is_found(each, name) for each in patterns):
            continue
        if part is False:
            yield jsonschema.ValidationError(f"there may be no field {name!r}")
        else:
            yield from validator.descend(value[name], part, path=name)


def _reference(validator: Any, reference: str, value: Any, schema: Any) -> Iterator[Any]:
    followed = _FOLLOWED.get()
    followed[0] += 1
    if followed[0] > _MOST_FOLLOWED:
        raise RecursionError
    yield from jsonschema.Draft202012Validator.VALIDATORS["$ref"](validator, reference, value, schema)


_BOUNDED: Any = cast("Any", extend)(
    jsonschema.Draft202012Validator,
    {
        "$ref": _reference,
        "additionalProperties": _additional_properties,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
    },
)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in cast("Sequence[Any]", value)]
    return value
