from __future__ import annotations

from typing import Any

import pytest
from sessions import FAMILY, entry, named

from llm_do_eval.plugin.table import Line, table

LONG = "tests/deep/test_tickets.py::TestDesk::test_refunds_go_to_billing_and_nowhere_else[german]"
WORDS = ("PASS", "INCONCLUSIVE", "FAIL", "VOID", "INCOMPLETE")


def texts(*tests: dict[str, Any], width: int = 80, verbose: bool = False) -> list[str]:
    return [line.text for line in table(tests, width=width, verbose=verbose)]


def test_the_columns_are_aligned_below_their_names() -> None:
    invariants = [named("queue"), named("no card number", "INCONCLUSIVE")]
    assert texts(entry("PASS", cost_usd=0.034, invariants=invariants)) == [
        "verdict and test                   k/n    bounds, 95 % each      shows    cost",
        "test_suite.py",
        "  PASS test_a                    20/20 -> true rate >= 86.1 %    >= 0.8   $0.03",
        "    PASS queue                   20/20 -> true rate >= 86.1 %    >= 0.8",
        "    INCONCLUSIVE no card number  19/20 -> true rate 78.4-99.7 %  not yet",
        "        19/20 held; and so on",
        "    recorded 2026-11-02, openai:some-model, n=20, replayed",
    ]


def test_nothing_is_said_of_no_test() -> None:
    assert texts() == []


@pytest.mark.parametrize("width", [80, 100, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    tests = [entry(word, LONG, cost_usd=0.5, sentence="many words " * 40) for word in WORDS]
    lines = texts(*tests, width=width, verbose=True)
    assert max(map(len, lines)) <= width
    assert sum("[german]" in line for line in lines) == len(WORDS)


def test_a_name_gives_way_but_its_parameters_and_its_file_do_not() -> None:
    parameters = f"[{'a-long-parameter-' * 6}]"
    lines = texts(entry("PASS", f"tests/deep/test_tickets.py::test_refunds_go_to_billing{parameters}"))
    assert lines[1] == "tests/deep/test_tickets.py"
    assert lines[2].startswith(f"  PASS …ling{parameters}  20/20 -> true rate >= 86.1 %")


def test_the_name_of_an_invariant_loses_its_middle() -> None:
    [line] = [
        line
        for line in texts(entry(invariants=[named("never asks for a password or a number of a card")]))
        if "never" in line
    ]
    assert line == "    PASS never asks for a pass…r of a card  20/20 -> true rate >= 86.1 %  >= 0.8"
    assert len(line) == 80


def test_where_there_is_room_a_name_is_whole() -> None:
    assert f"  PASS {LONG.partition('::')[2]}  20/20" in "\n".join(texts(entry("PASS", LONG), width=200))


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("verbose", [True, False])
def test_the_sentence_stands_below_all_but_passes_unless_asked_for(word: str, *, verbose: bool) -> None:
    lines = texts(entry(word, sentence="what was shown"), verbose=verbose)
    assert ("      what was shown" in lines) == (verbose or word != "PASS")


def test_tests_stand_below_their_files_in_order() -> None:
    lines = texts(entry("PASS", "b.py::test_1"), entry("PASS", "a.py::test_2"), entry("PASS", "a.py::test_1"))
    assert [line.split("  20")[0].rstrip() for line in lines if "recorded" not in line][1:] == [
        "a.py",
        "  PASS test_1",
        "  PASS test_2",
        "b.py",
        "  PASS test_1",
    ]


def test_costs_are_shown_where_one_is_known_and_the_others_are_in_question() -> None:
    known, unknown = entry("PASS", "a.py::b", cost_usd=0.5), entry("PASS", "a.py::c")
    lines = texts(known, unknown)
    assert lines[0].endswith("  cost")
    assert lines[2].endswith("  $0.50")
    assert lines[4].endswith("  ?")
    assert "cost" not in texts(unknown)[0]


def test_the_word_is_apart_so_that_it_can_be_coloured() -> None:
    lines = list(table([entry("FAIL")], width=80, verbose=False))
    assert [(line.indent, line.word) for line in lines if line.word] == [("  ", "FAIL")]
    assert Line("  ", "FAIL", " test").text == "  FAIL test"


def test_text_of_a_model_steers_no_terminal() -> None:
    evil = "\x1b[31mred\u202e\nsecond line"
    test = entry("FAIL", f"a.py::t[{evil}]", sentence=evil, failures={evil: 2}, invariants=[named(evil)])
    lines = texts(test, width=200)
    assert not any("\x1b" in line or "\u202e" in line or "\n" in line for line in lines)
    assert sum("red" in line for line in lines) == 4


def test_what_else_is_known_stands_above_the_evidence_and_families_come_last() -> None:
    metrics = {"pass^3": {"value": 0.7, "bound": 0.2, "upper_bound": 0.9}}
    known = entry(failures={"tone": 1, "drift": 2}, metrics=metrics, warnings=["all at " * 12])
    lines = [line.text for line in table([known], [FAMILY], width=80, verbose=False)]
    assert lines[3:6] == [
        "    pass^3: 70 %, between 20 % and 90 % (95 % confidence each)",
        "    failures: drift in 2, tone in 1",
        "    warning: all at all at all at all at all at all at all at all at all at all",
    ]
    assert lines[7].startswith("    recorded ")
    assert lines[8] == "test_suite.py::test_a: 3 inputs, 27/30 samples passed"
    assert lines[9].startswith("  these inputs: mean")


def test_confidences_that_differ_are_all_named() -> None:
    both = texts(entry("PASS", "a::b"), entry("PASS", "a::c", confidence=0.9))
    assert "bounds, 90 % and 95 % each" in both[0]
