"""Every row of the table of misuse has a test; a row without one, and a mark without a row, are found."""

from __future__ import annotations

from functools import cache

from policy import LATER, ROWS, TESTS, marked

IDS = [row["id"] for row in ROWS]
WANTED = {row["id"] for row in ROWS if row["layer"] not in LATER}


@cache
def ids_of_tests() -> frozenset[str]:
    return frozenset(marked(path.read_text("utf-8") for path in TESTS.rglob("test_*.py")))


def test_every_row_has_a_test() -> None:
    assert sorted(WANTED - ids_of_tests()) == []


def test_every_mark_names_a_row() -> None:
    assert sorted(ids_of_tests() - set(IDS)) == []


def test_ids_are_unique() -> None:
    assert len(IDS) == len(set(IDS))


def test_a_row_without_a_test_would_be_found() -> None:
    found = set(
        marked(['@pytest.mark.policy("spec-unknown-key")\ndef test_x(): ...\n', "policy_cases('yaml')"])
    )
    assert {"spec-unknown-key", "yaml-ok", "yaml-tab-indent"} <= found
    assert "no-such-row" not in found
    assert "spec-name-traversal" not in found
    assert sorted({*WANTED, "no-such-row"} - ids_of_tests() - WANTED) == ["no-such-row"]
