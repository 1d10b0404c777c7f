"""A cassette lies below its folder whatever its test is called, and no two tests share one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llm_suite import INI

from llm_do_eval.cassette.file.place import file_name
from llm_do_eval.plugin.cassettes import cassette_path

pytest_plugins = ["pytester"]

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HOSTILE = [
    "x[../../etc/p]",
    "x[/etc/passwd]",
    "x[..]",
    "x[a\\b]",
    "x[a\0b]",
    "x[" + "a" * 5000 + "]",
    "x[é]",
    "x[\n]",
]
TEST = "import pytest\n@pytest.mark.parametrize('x', [1], ids=['../../etc/p'])\ndef test_x(x): ...\n"
PARTS = st.lists(st.text("aA./\\-_[]é\0 \n", max_size=8), min_size=1, max_size=3)


@pytest.mark.policy("cas-name-traversal")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_test_id_is_one_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{file_name([name])}.jsonl"
    assert path.parent.resolve() == path.resolve().parent == tmp_path
    path.touch()


@pytest.mark.policy("cas-name-traversal")
def test_the_path_of_a_test_stays_below_its_folder(pytester: pytest.Pytester) -> None:
    # it refuses to be loaded where vcrpy is already, as here
    pytester.makeini(INI.replace("addopts =", "addopts = -p no:recording"))
    (item,) = pytester.getitems(TEST)
    path = cassette_path(item, "none")
    assert path.parent == item.path.parent / "cassettes" / item.path.stem
    assert path.resolve().parent == path.parent


@pytest.mark.policy("cas-name-traversal")
@settings(derandomize=True, database=None, deadline=None, max_examples=200)
@given(st.lists(PARTS, min_size=2, max_size=6))
def test_two_ids_never_share_a_file(ids: Sequence[Sequence[str]]) -> None:
    names = {".".join(each) for each in ids}
    assert len({file_name([each]) for each in names}) == len(names)
    for each in names:
        written = file_name([each])
        assert "/" not in written
        assert "\0" not in written
        assert len(written) < 200
