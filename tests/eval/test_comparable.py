from __future__ import annotations

from typing import Any

import pytest

from llm_do.canonical import canonical_json
from llm_do_eval.comparable import comparable, fingerprint, parsed


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"b": 1, "a": [2.0, {"c": 3.0}]}, {"a": [2, {"c": 3}], "b": 1.0}),
        (1e16, 10**16),
        (-0.0, 0),
        ("1.0", "1.0"),
    ],
)
def test_equal_values_have_equal_texts(left: Any, right: Any) -> None:
    assert comparable(left) == comparable(right)


@pytest.mark.parametrize(
    ("left", "right"), [(1, "1"), (1, True), (0, False), (None, "null"), (1.5, 1), ([], {})]
)
def test_other_values_have_other_texts(left: Any, right: Any) -> None:
    assert comparable(left) != comparable(right)


@pytest.mark.parametrize("value", [{"b": [1, "ü\ud800"], "a": None}, "x.0", 0.5, [True, -3]])
def test_values_without_whole_floats_have_their_canonical_text(value: Any) -> None:
    assert comparable(value) == canonical_json(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ("299.0", 299.0),
        ('"x"', "x"),
        ("null", None),
        ("no JSON", "no JSON"),
        ("{torn", "{torn"),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("", ""),
        ("[" * 100_000, "[" * 100_000),
        (7, 7),
    ],
)
def test_json_texts_are_read(text: Any, value: Any) -> None:
    assert parsed(text) == value


def test_fingerprints_tell_texts_apart() -> None:
    assert len({fingerprint(text) for text in ("", "a", "b", "\ud800")}) == 4
    assert len(fingerprint("a")) == 16
