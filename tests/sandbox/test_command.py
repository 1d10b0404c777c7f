from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_do.errors import ToolError
from llm_do.sandbox.command import MAX_CHARS, MAX_WORDS, decide, split_command
from llm_do.sandbox.path import path_fault
from llm_do.sandbox.quiet import QUIET

PLAIN = "abcXYZ019_@%+=:,./^-"
LIVE = set("|&;()<>*?[]{}~#$`\\!\"'\n\r\t")


@dataclass(frozen=True, slots=True)
class Case:
    id: str
    command: str | list[str]
    want: str


def _cases() -> list[Case]:
    table = yaml.safe_load((Path(__file__).parents[1] / "tables" / "shell.yaml").read_text())
    return [Case(row["id"], _command(row), row["want"]) for row in table["cases"] if "want" in row]


def _command(row: dict[str, Any]) -> str | list[str]:
    if "argv_repeat" in row:
        program, word, times = row["argv_repeat"]
        return [program, *[word] * times]
    return row["cmd"] if "cmd" in row else row["argv"]


@pytest.mark.parametrize("case", _cases(), ids=lambda case: case.id)
def test_command(case: Case) -> None:
    judged = decide(case.command)
    assert judged.decision == case.want
    assert bool(judged.argv) == (case.want != "deny")
    assert bool(judged.reason) == (case.want != "allow")
    assert judged.reason.isprintable()


@pytest.mark.parametrize(
    ("command", "mend"),
    [
        ("cat f | wc -l", "run one program per call"),
        ("ls > out", "the output is returned to you"),
        ("cat *.py", "write the names out"),
        ("cat $HOME/x", "pass the command as a list of words"),
        ("ls\nid", "one program per call"),
        ("ls 'f", "close the quote"),
        ("ls \u202e", "'\\u202e' outside quotes"),
        ("", "names no program"),
        (["cat", "\ud800"], "no program can be given"),
        (["cat", *["f"] * MAX_WORDS], "over 256 words"),
        ("cat " + "f" * MAX_CHARS, "over 16384 characters"),
        (["cat", "f" * MAX_CHARS], "over 16384 characters"),
    ],
)
def test_a_refusal_says_the_fault_and_the_mend(command: str | list[str], mend: str) -> None:
    with pytest.raises(ToolError) as caught:
        split_command(command)
    assert caught.value.code == "denied"
    assert mend in caught.value.message
    assert len(caught.value.message) < 250


def test_quotes_join_to_the_words_that_run() -> None:
    assert split_command("""c''at  "it's" 'a "b"' x"y"'z'  -- '' """) == (
        "cat", "it's", 'a "b"', "xyz", "--", "",
    )  # fmt: skip


@given(st.text(max_size=60) | st.text(alphabet="ls cat-/.'\"|;&$`\\\n~*{}<>f", max_size=40))
def test_any_text_is_judged(text: str) -> None:
    judged = decide(text)
    if judged.decision == "allow":
        _assert_harmless(judged.argv)
    if judged.decision != "deny":
        assert split_command(list(judged.argv)) == judged.argv


@given(
    st.lists(
        st.sampled_from([*QUIET, "--", "-", "-n", "-o", "5", "..", "/etc", "a/../..", "~", "f", "--output=x"])
        | st.text(max_size=8),
        max_size=8,
    )
)
def test_any_words_are_judged(words: list[str]) -> None:
    judged = decide(words)
    if judged.decision == "allow":
        _assert_harmless(judged.argv)
    if judged.decision != "deny":
        assert judged.argv == tuple(words)


def _assert_harmless(argv: tuple[str, ...]) -> None:
    assert argv[0] in QUIET
    operands = [word for word in argv[1:] if not word.startswith("-")]
    values = {word for option, word in pairwise(argv) if option.startswith("-")}
    for word in operands[argv[0] == "grep" :]:
        assert word in values or path_fault(word) is None
    assert argv[0] in {"grep", "ls"} or "--" in argv or "-o" not in argv


@given(
    st.text(alphabet=PLAIN + " ", max_size=12),
    st.sampled_from(sorted(LIVE - set("'\""))),
    st.text(alphabet=PLAIN + " |;&<>'\"", max_size=12),
)
def test_nothing_live_outside_quotes_is_ever_a_command(before: str, live: str, after: str) -> None:
    assert decide(f"ls {before}{live}{after}").decision == "deny"


_WORD = st.text(alphabet=PLAIN, max_size=6)
_QUOTED = st.text(alphabet=PLAIN + " ;|&<>(){}*?[]~#ä", max_size=6)
_PIECE = _WORD | _QUOTED.map("'{}'".format) | _QUOTED.map('"{}"'.format)
_PLAIN_OR_QUOTED = st.lists(_PIECE, min_size=1, max_size=3).map("".join)
_COMMAND = st.lists(_PLAIN_OR_QUOTED, min_size=1, max_size=4).map(" ".join)


@settings(max_examples=10, deadline=None)
@given(st.lists(_COMMAND, min_size=30, max_size=30))
def test_a_shell_reads_what_the_grammar_reads(commands: list[str]) -> None:
    """A parser differential would let a rule judge other words than those that a human reads."""
    accepted = [text for text in commands if decide(f"x {text}").decision != "deny"]
    script = "".join(f"printf '%s\\0' {text}; printf '\\1'\n" for text in accepted if text.strip())
    said = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout
    read = [tuple(part.split("\0")[:-1]) for part in said.split("\1")[:-1]]
    ours = [split_command(f"x {text}")[1:] for text in accepted if text.strip()]
    assert read == ours
    assert [tuple(shlex.split(text)) for text in accepted if text.strip()] == ours
