from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_do.errors import ToolError
from llm_do.sandbox.pattern import Pattern, parse_pattern

NAMES = ["a", "b", "ab", ".a", "**"]


def matches(pattern: Pattern, path: str) -> bool:
    states = pattern.start()
    for name in path.split("/"):
        states = pattern.step(states, name)
    return pattern.is_match(states)


def matches_by_trial(segments: tuple[str, ...], names: tuple[str, ...]) -> bool:
    """The definition, by trying every way; exponential, for short inputs only."""
    if not segments:
        return not names
    if segments[0] == "**" and matches_by_trial(segments[1:], names):
        return True
    if not names or (names[0].startswith(".") and not segments[0].startswith(".")):
        return False
    if segments[0] == "**":
        return matches_by_trial(segments, names[1:])
    return fnmatchcase(names[0], segments[0]) and matches_by_trial(segments[1:], names[1:])


@pytest.mark.parametrize(
    ("pattern", "path", "want"),
    [
        ("*", "a", True),
        ("*", "a/b", False),
        ("**/*", "a", True),
        ("**/*", "a/b/c", True),
        ("**", "a/b/c", True),
        ("a/**", "a", False),
        ("a/**/b", "a/b", True),
        ("**/a/**/b", "x/a/y/z/b", True),
        ("*.md", "x.MD", False),
        ("[ab]?", "bx", True),
        ("[!a]", "a", False),
        ("a**b", "axyb", True),
        ("**/*", ".git/config", False),
        (".*/**", ".git/config", True),
        ("a/[/]b", "a/x/b", False),
    ],
)
def test_pattern(pattern: str, path: str, want: bool) -> None:  # noqa: FBT001 a table's column
    assert matches(parse_pattern(pattern), path) is want


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(
    segments=st.lists(st.sampled_from(["*", "**", "a", "a*", "?b", ".*", "[!b]"]), min_size=1, max_size=5),
    names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=6),
)
def test_pattern_matches_as_defined(segments: list[str], names: list[str]) -> None:
    pattern = Pattern(tuple(segments), for_folders=False)
    assert matches(pattern, "/".join(names)) == matches_by_trial(tuple(segments), tuple(names))


@settings(max_examples=100, derandomize=True, database=None, deadline=None)
@given(
    segments=st.lists(st.sampled_from(["*", "**", "a", ".*"]), min_size=1, max_size=4),
    names=st.lists(st.sampled_from(NAMES), min_size=2, max_size=5),
)
def test_no_match_lies_below_a_folder_that_is_not_entered(segments: list[str], names: list[str]) -> None:
    pattern = Pattern(tuple(segments), for_folders=False)
    states = pattern.step(pattern.start(), names[0])
    if not pattern.goes_deeper(states):
        assert not matches(pattern, "/".join(names))


def test_matching_stays_cheap_for_a_hostile_pattern() -> None:
    stars = parse_pattern("**/" * 3 + "/".join(["*a" * 100 + "b"] * 9))
    assert not matches(stars, "/".join(["a" * 255] * 15))


@pytest.mark.parametrize("text", ["a/../b", "/a", "", ".", "a\\*", "~/*", "*\0", "* ", "**/**/**/**/a"])
def test_pattern_is_refused(text: str) -> None:
    with pytest.raises(ToolError) as caught:
        parse_pattern(text)
    assert caught.value.code == "bad_path"


def test_last_slash_asks_for_folders() -> None:
    assert parse_pattern("a/*/") == Pattern(("a", "*"), for_folders=True)
    assert parse_pattern("a/*") == Pattern(("a", "*"), for_folders=False)
    assert parse_pattern("**/") == Pattern(("**", "*"), for_folders=True)
