"""What is known of a sampled test in, the properties of its JUnit test case out."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, cast

from _pytest.junitxml import xml_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pytest

PREFIX: Final = "llm"
_NO_NAME: Final = re.compile("[^ -~\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")
"""What XML takes in no attribute; pytest escapes the values of properties, and not their names."""


def properties_of(test: Mapping[str, Any]) -> dict[str, str]:
    """Name every value of a test of the session, as `llm.verdict` or `llm.invariants.NAME.k`.

    What is None is left out; entries of a list that have a name are named by it.
    """
    return dict(_flat({key: value for key, value in test.items() if key != "test"}, PREFIX))


def writer_of(config: pytest.Config) -> object | None:
    """Give the plugin that writes the XML; None where none is written."""
    return config.stash.get(xml_key, None)


def _flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    match value:
        case None:
            return
        case dict():
            for key, each in cast("dict[str, Any]", value).items():
                yield from _flat(each, f"{path}.{_NO_NAME.sub('?', str(key))}")
        case [{"name": _}, *_]:
            for each in cast("list[dict[str, Any]]", value):
                rest = {key: one for key, one in each.items() if key != "name"}
                yield from _flat({str(each.get("name")): rest}, path)
        case list():
            if value:
                yield path, json.dumps(value, ensure_ascii=False)
        case bool():
            yield path, str(value).lower()
        case _:
            yield path, str(value)
