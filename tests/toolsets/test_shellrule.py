from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_do.errors import SpecError
from llm_do.toolsets.shellrule import ShellRule, leaves_folder, pieces, shell_rule


@pytest.mark.parametrize(
    ("args", "words", "result"),
    [
        (None, ["status"], True),
        (None, [], True),
        ([], [], True),
        ([], ["status"], False),
        (["status"], ["status"], True),
        (["status"], ["status", "-s"], False),
        (["status", "**"], ["status", "-s", "src"], True),
        (["status", "**"], ["status"], True),
        (["status", "**"], ["push"], False),
        (["**", "push", "**"], ["-c", "x", "push", "origin"], True),
        (["**", "push", "**"], ["-c", "x", "pull"], False),
        (["**", "--force"], ["push", "--force"], True),
        (["log", "-[0-9]"], ["log", "-5"], True),
        (["log", "-[0-9]"], ["log", "-55"], False),
        (["add", "*.py"], ["add", "a b.py"], True),
        (["add", "*.py"], ["add", "a.py", "b.py"], False),
        (["STATUS"], ["status"], False),
    ],
)
def test_patterns_stand_for_arguments_one_by_one(
    args: list[str] | None, words: list[str], *, result: bool
) -> None:
    assert ShellRule("git", args).matches(["git", *words]) is result
    assert not ShellRule("git", args).matches(["/usr/bin/git", *words])
    assert not ShellRule("gi*", args).matches(["git", *words])


@pytest.mark.parametrize(
    "word",
    [
        "/etc/passwd", "..", "../x", "a/../../x", "~", "~/x", "~root/x", "--output=/x", "--output=../x",
        "-o/x", "-o../x", "-xzf/x", "if=/dev/zero", "http://host/x", "host:/x", "a,/x", "@/x",
        "--a=b=/x", "say '/x'", "--x=~/y", "-C..", "(/x)",
    ],
)  # fmt: skip
def test_what_may_lead_out_of_the_folder(word: str) -> None:
    assert leaves_folder(["p", "f", word])


@pytest.mark.parametrize(
    "word",
    ["f", "a/b.py", ".", "./x", "-", "--", "-n", "--x=a/b", "main..dev", "HEAD~1", "a..b/c", "...", ""],
)
def test_what_stays_in_the_folder(word: str) -> None:
    assert not leaves_folder(["/usr/bin/p", word])


@given(
    st.lists(st.sampled_from(["**", "a", "*", "?"]), max_size=5), st.lists(st.text(max_size=3), max_size=6)
)
def test_any_words_are_matched_or_not(patterns: list[str], words: list[str]) -> None:
    fits = ShellRule("p", patterns).matches(["p", *words])
    if "**" not in patterns:
        assert not fits or len(patterns) == len(words)
    leaves_folder(["p", *words])


def test_many_rests_cost_no_more_than_words_times_patterns() -> None:
    rule = ShellRule("p", ["**", "a"] * 12 + ["b"])
    assert not rule.matches(["p", *["a"] * 200])
    assert rule.matches(["p", *["a"] * 200, "b"])


@given(
    st.lists(st.sampled_from(["**", "a", "b*", "?"]), max_size=5),
    st.lists(st.sampled_from(["a", "b", "bc"]), max_size=6),
)
def test_a_rest_stands_for_any_number_of_words(patterns: list[str], words: list[str]) -> None:
    spelled = {"**": "([^ ]+ )*", "a": "a ", "b*": "b[^ ]* ", "?": "[^ ] "}
    expected = re.fullmatch(
        "".join(map(spelled.__getitem__, patterns)), "".join(f"{word} " for word in words)
    )
    assert ShellRule("p", patterns).matches(["p", *words]) == (expected is not None)


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("f", {"f"}), ("a=b", {"a=b", "a", "b"}), ("x>f", {"x>f", "x", "f"}), ("-of", {"-of", "of", "f", ""}),
        ("--to=a/b", {"--to=a/b", "--to", "-to", "to", "o", "a/b", "-to=a/b", "to=a/b", "o=a/b", "=a/b", ""}),
    ],
)  # fmt: skip
def test_what_a_word_may_name(word: str, found: set[str]) -> None:
    assert set(pieces(word)) == found


def test_a_mapping_reads_as_a_rule() -> None:
    given_rule = {"program": "git", "args": ["status"], "decision": "approve"}
    assert shell_rule(given_rule) == ShellRule("git", ["status"], "approve")
    assert shell_rule({"program": "git"}) == ShellRule("git", None, "ask")


@pytest.mark.parametrize(
    ("given_rule", "words"),
    [
        ({"programme": "git"}, "unknown key 'programme'; did you mean 'program'?"),
        ({"decision": "approve"}, "program is the exact name"),
        ({"program": 1}, "program is the exact name"),
        ({"program": "git", "decision": "allow"}, "'allow' is no decision; say one of approve, ask, reject"),
        ({"program": "git", "args": "status"}, "args is a list of patterns"),
        ({"program": "git", "args": [1]}, "args is a list of patterns"),
    ],
)
def test_a_malformed_rule_is_told(given_rule: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError) as caught:
        shell_rule(given_rule)
    assert words in str(caught.value)
