from __future__ import annotations

from typing import Any

import pytest

from llm_do.errors import UsageError
from llm_do_eval.condition import MISSING, condition, lookup

LINE = {"ok": True, "meta": {"reward": 1.0, "name": "b", "tags": ["x", "y"], "none": None}, "output": "No"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("meta.reward == 1", True),
        ("meta.reward==1.0", True),
        ("meta.reward != 1", False),
        ("meta.reward >= 0.5", True),
        ("meta.reward < 1", False),
        ("meta.reward <= 1", True),
        ("meta.reward > 1", False),
        ('meta.name > "a"', True),
        ('output == "No"', True),
        ('output == "no"', False),
        ("ok == true", True),
        ("ok == 1", False),
        ("ok != 1", True),
        ("meta.reward == true", False),
        ('meta.tags.1 == "y"', True),
        ('meta.tags == ["x", "y"]', True),
        ("meta.none == null", True),
        ("meta.none < 1", None),
        ("meta.name < 1", None),
        ("ok > false", None),
        ("meta.rewrad == 1", None),
        ("meta.rewrad != 1", None),
        ("meta.tags.2 == 1", None),
        ("output.x == 1", None),
    ],
)  # fmt: skip
def test_one_field_is_compared_with_one_literal(text: str, *, holds: bool | None) -> None:
    assert condition(text).holds(LINE) is holds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("reward = 1", "'reward = 1' is no condition; write FIELD OP LITERAL"),
        ("reward", "no condition"),
        ("", "no condition"),
        ("== 1", "no condition"),
        ("output == No", "'No' in 'output == No' is no JSON literal; a text is written \"No\""),
        ("output == 'No'", 'a text is written "No"'),
        ("reward == 1 and ok == true", "no JSON literal"),
    ],
)
def test_another_form_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        condition(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value"),
    [("meta.name", "b"), ("meta.tags.0", "x"), ("meta.tags.-1", MISSING), ("ok.x", MISSING), ("", MISSING)],
)
def test_a_dotted_path_leads_through_objects_and_lists(path: str, value: Any) -> None:
    assert lookup(LINE, path) is value or lookup(LINE, path) == value
