from __future__ import annotations

import time
from typing import Any

import jsonschema
import pytest

from llm_do.errors import SpecError
from llm_do.schemas.inline import as_object_schema, checked_schema, violation

CATASTROPHE = "^(a+)+$"
SLOW = "a" * 22 + "b"


def refused(schema: dict[str, Any]) -> str:
    with pytest.raises(SpecError) as caught:
        checked_schema(schema, "output_schema")
    return str(caught.value)


def test_a_schema_is_copied_to_plain_values() -> None:
    written: dict[str, Any] = {"enum": ("a", "b"), "properties": {"x": {}}}
    plain = checked_schema(written, "output_schema")
    assert plain == {"enum": ["a", "b"], "properties": {"x": {}}}
    assert plain["properties"] is not written["properties"]


def test_a_violation_names_the_first_place() -> None:
    schema = {"properties": {"a": {"type": "array", "items": {"type": "integer"}}, "b": {"const": 1}}}
    assert violation(schema, {"a": [1], "b": 1}) == ""
    assert violation(schema, {"a": [1, "x"], "b": 2}) == "a.1: 'x' is not of type 'integer'"
    assert violation({"type": "object"}, 5) == "5 is not of type 'object'"


def test_a_schema_refers_to_its_own_parts_only() -> None:
    inner = {"$defs": {"a": {"type": "string"}}, "properties": {"x": {"$ref": "#/$defs/a"}}}
    assert checked_schema(inner, "output_schema") == inner
    for outer in ("http://example.org/a", "file:///etc/passwd", "other.json#/a", "//example.org/a", "#name"):
        for key in ("$ref", "$dynamicRef"):
            assert refused({"anyOf": [{key: outer}]}).startswith(f"output_schema refers to '{outer}'; ")


def test_the_name_of_a_schema_moves_no_reference() -> None:
    named = {
        "$id": "http://example.org/a",
        "properties": {"x": {"$ref": "#/properties/y"}, "y": {"const": 1}},
    }
    plain = checked_schema(named, "output_schema")
    assert "$id" not in plain
    assert violation(plain, {"x": 2}) == "x: 1 was expected"
    assert "has a '$id' ('b') below its top" in refused({"items": {"$id": "b", "type": "integer"}})


def test_what_is_no_object_is_wrapped_and_keeps_its_references() -> None:
    for ref, definitions in (("#/$defs/n", "$defs"), ("#/definitions/n", "definitions")):
        schema = {"items": {"$ref": ref}, definitions: {"n": {"type": "integer"}}}
        wrapped = as_object_schema({**schema, "$id": "schema:value"})
        assert violation(wrapped, {"value": [1]}) == ""
        assert violation(wrapped, {"value": ["x"]}) == "value.0: 'x' is not of type 'integer'"
        assert violation(wrapped, {}) == "'value' is a required property"


FIELDS: list[tuple[dict[str, Any], Any]] = [
    ({"pattern": "b+$"}, "abb"),
    ({"pattern": "b+$"}, "bba"),
    ({"pattern": "b"}, 5),
    ({"patternProperties": {"^s": {"type": "string"}}}, {"s": "x", "n": 1}),
    ({"patternProperties": {"^s": {"type": "string"}}}, {"s": 1}),
    ({"patternProperties": {"^s": {}}, "additionalProperties": False}, {"s": 1}),
    ({"patternProperties": {"^s": {}}, "additionalProperties": False}, {"s": 1, "t": 1}),
    ({"properties": {"a": {}}, "additionalProperties": False}, {"a": 1}),
    ({"properties": {"a": {}}, "additionalProperties": False}, {"a": 1, "b": 1}),
    ({"additionalProperties": {"type": "integer"}}, {"a": 1}),
    ({"additionalProperties": {"type": "integer"}}, {"a": "x"}),
    ({"additionalProperties": True}, {"a": "x"}),
    ({"additionalProperties": False}, "text"),
    ({"properties": {"l": {"items": {"$ref": "#"}}}, "required": ["l"]}, {"l": [{"l": []}]}),
    ({"properties": {"l": {"items": {"$ref": "#"}}}, "required": ["l"]}, {"l": [{}]}),
]


@pytest.mark.parametrize(("schema", "value"), FIELDS)
def test_values_are_judged_as_the_standard_says(schema: dict[str, Any], value: Any) -> None:
    stock: Any = jsonschema.Draft202012Validator(schema)
    assert (violation(checked_schema(schema, "s"), value) == "") == stock.is_valid(value)


PATTERNS: list[tuple[dict[str, Any], Any]] = [
    ({"pattern": CATASTROPHE}, SLOW),
    ({"patternProperties": {CATASTROPHE: {}}}, {SLOW: 1}),
    ({"patternProperties": {CATASTROPHE: {}}, "additionalProperties": False}, {SLOW: 1}),
]


@pytest.mark.parametrize(("schema", "value"), PATTERNS)
def test_a_pattern_takes_linear_time(schema: dict[str, Any], value: Any) -> None:
    longer: Any = value * 2000 if isinstance(value, str) else {SLOW * 2000: 1}
    violation(schema, longer)
    began = time.process_time()
    stock: Any = jsonschema.Draft202012Validator(schema)
    list(stock.iter_errors(value))
    control = time.process_time() - began  # 2000 times less text
    began = time.process_time()
    violation(schema, longer)
    assert time.process_time() - began < control / 4


UNBOUNDED: list[tuple[dict[str, Any], str]] = [
    ({"pattern": "(?=a)b"}, "has the pattern '(?=a)b', which cannot be matched in linear time"),
    ({"items": {"pattern": r"(a)\1"}}, "which cannot be matched in linear time"),
    ({"patternProperties": {"(?<!a)b": {}}}, "which cannot be matched in linear time"),
    ({"pattern": "("}, "is no JSON Schema: '(' is not a 'regex'"),
    ({"pattern": "a{9999}" * 999}, "which cannot be matched in linear time"),
    (
        {"allOf": [{"patternProperties": {"a": {}}}], "unevaluatedProperties": False},
        "'unevaluatedProperties' and 'patternProperties'; use one of them",
    ),
]


@pytest.mark.parametrize(("schema", "words"), UNBOUNDED)
def test_patterns_without_a_bound_are_refused(schema: dict[str, Any], words: str) -> None:
    assert words in refused(schema)


def test_alternatives_without_a_bound_are_no_answer() -> None:
    again: dict[str, Any] = {"type": "array", "items": {"$ref": "#"}}
    schema = checked_schema({"anyOf": [again, {**again, "minItems": 1}, {"type": "string"}]}, "s")
    value: Any = "x"
    for _ in range(30):
        value = [value]
    assert violation(schema, value) == ""
    assert violation(schema, [5])
    while value != "x":
        value = value[0]
    for _ in range(30):
        value = [value if value != "x" else 5]
    assert violation(schema, value) == "it is nested too deeply, or fits too many alternatives"


def test_depth_is_an_error_of_ours() -> None:
    schema: dict[str, Any] = {}
    value: list[Any] = []
    for _ in range(3000):
        schema, value = {"items": schema}, [value]
    assert "nested too deeply" in refused(schema)
    assert "nested too deeply" in violation({"items": {"$ref": "#"}}, value)
