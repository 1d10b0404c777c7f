from __future__ import annotations

from typing import Any

import pytest

from llm_do.errors import SpecError
from llm_do.schemas.reference import refuse_loose_references, without_references

N = {"type": "integer"}
TREE = {"type": "object", "properties": {"l": {"type": "array", "items": {"$ref": "#"}}}}
WRITTEN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "none": ({"type": "object", "$defs": {"n": N}}, {"type": "object", "$defs": {"n": N}}),
    "definition": ({"items": {"$ref": "#/$defs/n"}, "$defs": {"n": N}}, {"items": N}),
    "older definition": ({"items": {"$ref": "#/definitions/n"}, "definitions": {"n": N}}, {"items": N}),
    "whole": ({"$ref": "#/$defs/n", "$defs": {"n": N}}, N),
    "a part": (
        {"prefixItems": [N], "items": {"$ref": "#/prefixItems/0"}},
        {"prefixItems": [N], "items": N},
    ),
    "by another": (
        {"items": {"$ref": "#/$defs/a"}, "$defs": {"a": {"items": {"$ref": "#/$defs/n"}}, "n": N}},
        {"items": {"items": N}},
    ),
    "escaped": ({"items": {"$ref": "#/$defs/a~1b%20~0"}, "$defs": {"a/b ~": N}}, {"items": N}),
    "with notes": (
        {"items": {"$ref": "#/$defs/n", "description": "a"}, "$defs": {"n": N}},
        {"items": {**N, "description": "a"}},
    ),
    "with more": (
        {"items": {"$ref": "#/$defs/n", "minimum": 1, "allOf": [{"maximum": 2}]}, "$defs": {"n": N}},
        {"items": {"minimum": 1, "allOf": [{"maximum": 2}, N]}},
    ),
    "no schema": ({"items": {"$ref": "#/$defs/no"}, "$defs": {"no": False}}, {"items": {"allOf": [False]}}),
    "recursion": (
        TREE,
        {
            "type": "object",
            "properties": {"l": {"type": "array", "items": {"type": "object", "additionalProperties": True}}},
        },
    ),
    "recursion of no type": ({"anyOf": [N, {"items": {"$ref": "#"}}]}, {"anyOf": [N, {"items": {}}]}),
    "recursion below": (
        {"properties": {"t": {"$ref": "#/$defs/t"}}, "$defs": {"t": {"items": {"$ref": "#/$defs/t"}}}},
        {"properties": {"t": {"items": {}}}},
    ),
    "data": (
        {"const": {"$ref": "#/x"}, "items": {"$ref": "#/$defs/n"}, "$defs": {"n": N}},
        {"const": {"$ref": "#/x"}, "items": N},
    ),
    "a field of that name": (
        {"properties": {"$ref": N, "enum": {"$ref": "#/properties/$ref"}}},
        {"properties": {"$ref": N, "enum": N}},
    ),
}


@pytest.mark.parametrize("case", WRITTEN)
def test_what_is_referred_to_stands_in_the_place_of_the_reference(case: str) -> None:
    schema, written = WRITTEN[case]
    refuse_loose_references(schema)
    assert without_references(schema) == written


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"properties": {"q": {"$ref": "#/$defs/none"}}}, "refers to '#/$defs/none'"),
        ({"items": {"$ref": "#/type"}, "type": "array"}, "refers to '#/type'"),
        ({"prefixItems": [N], "items": {"$ref": "#/prefixItems/1"}}, "refers to '#/prefixItems/1'"),
        ({"$defs": {"unused": {"$ref": "#/no"}}}, "refers to '#/no'"),
        ({"items": {"$dynamicRef": "#"}}, "refers to '#'"),
        ({"$ref": 5}, "refers to 5"),
        ({"prefixItems": [N], "items": {"$ref": f"#/prefixItems/{'0' * 5000}"}}, "refers to '"),
        ({"$ref": "#/type/x", "type": "array"}, "refers to '#/type/x'"),
        ({"$ref": "#"}, "refers by '#' to itself"),
        ({"allOf": [{"$ref": "#/allOf/0"}]}, "refers by '#/allOf/0' to itself"),
        ({"items": {"$ref": "#/$defs/a"}, "$defs": {"a": {"not": {"$ref": "#/$defs/b"}},
          "b": {"anyOf": [N, {"$ref": "#/$defs/a"}]}}}, "refers by '#/$defs/a' to itself"),
    ],
)  # fmt: skip
def test_references_that_lead_nowhere(schema: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError) as caught:
        refuse_loose_references(schema)
    assert str(caught.value).startswith(words)


def test_a_few_lines_that_stand_for_millions() -> None:
    steps = {str(number): {"allOf": [{"$ref": f"#/$defs/{number + 1}"}] * 2} for number in range(30)}
    with pytest.raises(SpecError, match="stands for more than 20000 parts"):
        refuse_loose_references({"$ref": "#/$defs/0", "$defs": {**steps, "30": N}})
