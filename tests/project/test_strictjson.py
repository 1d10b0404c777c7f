from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_do.canonical import canonical_json
from llm_do.errors import SpecError
from llm_do.project.document import MAX_BYTES, MAX_DEPTH, MAX_VALUES
from llm_do.project.strictjson import load_json

fuzz = settings(derandomize=True, database=None, deadline=None, max_examples=40)


def test_every_value_knows_its_line() -> None:
    source = '{"a": 1,\r\n\t"b": [\n    "x",\n    {"c":[1,\n 2.5]}\n  ],\n "d" :\n null, "e{\\"[": true}\n'
    root = load_json(source.encode(), path="p.json")
    assert root.value == {"a": 1, "b": ["x", {"c": [1, 2.5]}], "d": None, 'e{"[': True}
    assert root.lines == {
        (): 1,
        ("a",): 1,
        ("b",): 2,
        ("b", 0): 3,
        ("b", 1): 4,
        ("b", 1, "c"): 4,
        ("b", 1, "c", 0): 4,
        ("b", 1, "c", 1): 5,
        ("d",): 7,
        ('e{"[',): 8,
    }
    assert root.child("b").child(1).child("c").line == 4


@pytest.mark.parametrize(
    "source", ["3", '"x"', "null", "true", "-0.5e-3", "[]", "{}", '"\\ud83d\\ude00 \\/"']
)
def test_reads_what_the_library_reads(source: str) -> None:
    assert load_json(source).value == json.loads(source)


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        (b"", 1, r"not valid JSON: Expecting value \(column 1\)"),
        (b'{"a": 1,\n}', None, "not valid JSON"),
        (b'{"a": 1\n "b": 2}', 2, r"not valid JSON: Expecting ',' delimiter \(column 2\)"),
        (b"{a: 1}", 1, "not valid JSON"),
        (b"[1] 2", 1, "not valid JSON"),
        (b"[01]", 1, "not valid JSON"),
        (b"// x\n{}", 1, "not valid JSON"),
        (b'{"a": "x\ny"}', 1, "not valid JSON"),
        (b'{"a": 1,\n "a": 2}', 2, "key 'a' stands twice"),
        (b'[\n{"b": {}, "\\u0062": 2}]', 2, "key 'b' stands twice"),
        (b'{"a": NaN}', None, "NaN is no number"),
        (b"[-Infinity]", None, "-Infinity is no number"),
        (b"[1,\n1e999]", 2, "1e999 is no finite number"),
        (b"[" + b"9" * 5000 + b"]", 1, "a number of more than 100 characters"),
        (b'["\\ud800"]', 1, r"U\+D800"),
        (b'{"\\u0000": 1}', 1, r"U\+0000"),
        (b"\xef\xbb\xbf{}", 1, "byte order mark"),
        (b'{\n"a": "\xff"}', 2, "not UTF-8"),
        (b"[" * 60_000, None, "nested too deeply"),
        (b" " * (MAX_BYTES + 1), None, "larger than"),
    ],
)
def test_refusals_name_the_line(source: bytes, line: int | None, message: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        load_json(source, path="p.json")
    assert line is None or caught.value.line == line
    assert str(caught.value).startswith("p.json:")
    assert len(str(caught.value).splitlines()) == 1


def test_depth_and_value_limits() -> None:
    assert load_json("[" * MAX_DEPTH + "]" * MAX_DEPTH).value
    with pytest.raises(SpecError, match=f"deeper than {MAX_DEPTH} levels"):
        load_json("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))
    assert load_json(json.dumps([1] * (MAX_VALUES - 1))).value
    with pytest.raises(SpecError, match=f"more than {MAX_VALUES} values"):
        load_json(json.dumps([1] * MAX_VALUES))


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@fuzz
@given(values, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_what_the_library_wrote_reads_back(value: Any, indent: int | str | None, ascii_only: bool) -> None:  # noqa: FBT001
    written = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    if "\\u0000" not in written:
        assert canonical_json(load_json(written).value) == canonical_json(value)


@fuzz
@given(st.binary(max_size=60) | st.text('{}[]:,"\\ \n1eE+-.truefalsn', max_size=30).map(str.encode))
def test_any_bytes_give_json_or_spec_error(source: bytes) -> None:
    try:
        root = load_json(source, path="p.json")
    except SpecError as error:
        assert str(error).startswith("p.json:")  # noqa: PT017
    else:
        assert canonical_json(root.value) == canonical_json(json.loads(source))
