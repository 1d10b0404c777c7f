"""Every number on the page about statistics is computed, and the page says what the code says today."""

from __future__ import annotations

import re

import pytest

from tests.support.statistics_figures import BLOCKS
from tests.support.statistics_page import PAGE, blocks_of, handwritten, with_numbers

SMALL = "<!-- numbers: flaky -->\n2.1 % at 0.999\n<!-- end -->\n"


@pytest.mark.slow
def test_the_figures_are_those_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_numbers(page), "run `python -m tests.support.statistics_page`"


def test_each_block_stands_on_the_page_once() -> None:
    assert sorted(blocks_of(PAGE.read_text(encoding="utf-8"))) == sorted(BLOCKS)


def test_no_number_is_written_by_hand() -> None:
    assert re.findall(r".*\d.*", handwritten(PAGE.read_text(encoding="utf-8"))) == []


def test_a_wrong_figure_is_replaced_and_a_number_by_hand_is_found() -> None:
    page = f"Before.\n{SMALL}About 86 % of `llm_samples(20)`, as in [testing](a.md#5).\n"
    made = with_numbers(page)
    assert "2 % at 0.999" in made
    assert "2.1 % at 0.999" not in made
    assert made.startswith("Before.\n<!-- numbers: flaky -->\n")
    assert re.findall(r".*\d.*", handwritten(made)) == ["About 86 % of , as in [testing."]


@pytest.mark.parametrize("name", sorted(set(BLOCKS) - {"early", "versions", "choice"}))
def test_a_block_ends_its_lines_and_keeps_to_the_width_of_the_page(name: str) -> None:
    lines = BLOCKS[name]().splitlines(keepends=True)
    assert lines
    assert all(line.endswith("\n") for line in lines)
    assert all(len(line) <= 120 for line in lines if not line.startswith("|"))
    columns = {line.count("|") for line in lines if line.startswith("|")}
    assert len(columns) <= 1
