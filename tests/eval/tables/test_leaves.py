from __future__ import annotations

from typing import Any

import pytest

from llm_do_eval.tables.leaves import first_end, leaf_text, leaves


def test_leaves_are_scalars_with_their_paths() -> None:
    value: Any = {"a": 1, "b": [{"c": "x"}, {"c": None}], "d": [[True]], "e": {}, "f": []}
    assert [(leaf.path, leaf.value) for leaf in leaves("t", value)] == [
        ("t.a", 1), ("t.b[].c", "x"), ("t.b[].c", None), ("t.d[][]", True),
    ]  # fmt: skip
    assert [leaf.path for leaf in leaves("t", "plain")] == ["t"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x y", "x y"), (250.0, "250"), (-3.0, "-3"), (0.1, "0.1"), (7, "7"), (0, "0"), (1e22, str(10**22)),
        (True, None), (False, None), (None, None), ("", None), (" \n", None),
    ],
)  # fmt: skip
def test_a_leaf_is_written_as_it_would_stand_in_a_text(value: Any, text: str | None) -> None:
    assert leaf_text(value) == text


@pytest.mark.parametrize(
    ("leaf", "text", "end"),
    [
        ("250", "pay 250 now", 7),
        ("250", "250", 3),
        ("250", "1250 or 2500 or x250", None),
        ("250", "1250, then 250.", 14),
        ("250", "250_x", 3),
        ("250", "ü250", None),
        ("No", "no NO Nox", None),
        ("-5", "x-5", 3),
        ("-5", "x-55", None),
        ("(a)", "x(a)y", 4),
        ("$1", "US$1", 4),
        ("aa", "aaa aa", 6),
        ("x", "", None),
    ],
)
def test_an_occurrence_is_not_part_of_a_longer_word(leaf: str, text: str, end: int | None) -> None:
    assert first_end(leaf, text) == end
