from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from policy import GENERATED, policy_cases

from llm_do.canonical import canonical_json
from llm_do.errors import SpecError
from llm_do.project.document import MAX_BYTES, MAX_DEPTH, MAX_VALUES
from llm_do.project.strictyaml import load_yaml

LOADERS = [pytest.param(yaml.SafeLoader, id="python")]
if hasattr(yaml, "CSafeLoader"):
    LOADERS.append(pytest.param(yaml.CSafeLoader, id="libyaml"))

fuzz = settings(derandomize=True, database=None, deadline=None, max_examples=30)


def source_of(case: dict[str, Any]) -> bytes:
    if "hex" in case:
        return bytes.fromhex(case["hex"])
    return (GENERATED[case["gen"]] if "gen" in case else case["text"]).encode()


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("case", policy_cases("yaml"))
def test_policy_table(case: dict[str, Any], loader: Any) -> None:
    source = source_of(case)
    kind, _, wanted = case["want"].partition(":")
    match kind:
        case "refuse":
            with pytest.raises(SpecError):
                load_yaml(source, loader=loader)
        case "value":
            assert load_yaml(source, loader=loader).value == {"a": wanted}
        case "keeps":
            assert wanted in load_yaml(source, loader=loader).value["a"]
        case _:
            assert kind == "ok"
            expected = {"name": "a", "model": "x", "tools": ["read"], "n": 3, "t": 0.5, "b": True}
            assert load_yaml(source, loader=loader).value == expected


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("~", None), ("null", None), ("Null", None), ("NULL", None), ("", None),
        ("true", True), ("True", True), ("TRUE", True), ("false", False), ("FALSE", False),
        ("0", 0), ("-12", -12), ("+3", 3), ("0o17", 15), ("0xfF", 255),
        ("0.5", 0.5), (".5", 0.5), ("5.", 5.0), ("-1e3", -1000.0), ("1.5E-3", 0.0015),
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("y", "y"), ("nULL", "nULL"),
        ("0777", "0777"), ("007.5", "007.5"), ("1_000", "1_000"), ("0b1", "0b1"), ("-0x1", "-0x1"),
        ("2024-01-01", "2024-01-01"), ("12:30:45", "12:30:45"), ("1.2.3", "1.2.3"), (".", "."),
        ("e5", "e5"), ("inf", "inf"), ("nan", "nan"), ("<<", "<<"), ("=", "="),
        ("'3'", "3"), ('"true"', "true"), ("|-\n  4", "4"), ("''", ""), ("9" * 101 + "x", "9" * 101 + "x"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("loader", LOADERS)
def test_plain_scalars_follow_the_core_schema(written: str, value: object, loader: Any) -> None:
    read = load_yaml(f"a: {written}\n", loader=loader).value["a"]
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        ("a: 1\nb: .inf", 2, ".inf is no finite number; quote it"),
        ("a: -.INF", 1, "no finite number"),
        ("a: .nan", 1, ".nan is no finite number"),
        ("a: 1e999", 1, "1e999 is no finite number"),
        ("a: " + "9" * 101, 1, "a number of more than 100 characters; quote it"),
        ("a: 0x" + "f" * 101, 1, "a number of more than 100 characters"),
        ("a: 1\nb:\n  c: 2\n  c: 3", 4, "key 'c' stands twice"),
        ('a: 1\n"a": 2', 2, "key 'a' stands twice"),
        ("a: 1\ntrue: 2", 2, "a key must be text, found boolean true; quote it"),
        ("~: 2", 1, r"a key must be text, found nothing \(null\)"),
        ("?\n: 2", 1, r"a key must be text, found nothing \(null\)"),
        ("a: 1\n? {b: 1}\n: 2", 2, "a key must be text, found a collection"),
        ("a: &x 1", 1, "anchor 'x' is not allowed"),
        ("a: &x [1]", 1, "anchor 'x' is not allowed"),
        ("&x a: 1", 1, "anchor 'x' is not allowed"),
        ("a: 1\nb: *x", 2, "alias 'x' is not allowed"),
        ("a: ! 1", 1, "tag '!' is not allowed"),
        ("a: !!str 1", 1, "tag 'tag:yaml.org,2002:str' is not allowed"),
        ("a: !!map {}", 1, "tag 'tag:yaml.org,2002:map' is not allowed"),
        ("!!str a: 1", 1, "tag 'tag:yaml.org,2002:str' is not allowed"),
        ("a: 1\n---\nb: 2", 2, "a second document begins here"),
        ("--- a\n--- b", 2, "a second document begins here"),
        ("hello", 1, "found text 'hello'"),
        ("# nothing but a comment", 1, r"found nothing \(null\)"),
        ("---\n...\n", 1, r"found nothing \(null\)"),
        ("a: 1\nb: ]", 2, "not valid YAML"),
        ("a: 1\n b: 2", 2, "not valid YAML"),
        ("a: b: c", 1, "not valid YAML.*quote text that holds ': '"),
        ("a: 1\nb: x\x85y", 2, r"U\+0085"),
        ("a: x\u2028b: 1", 1, r"U\+2028"),
        ("a: 1\rb: 2", 1, r"U\+000D"),
        ("a: \x1b[31m", 1, r"U\+001B"),
        ("a: \ufeff", 1, r"U\+FEFF"),
        ("a: \ud800", 1, r"U\+D800"),
        ('a: "\\0"', 1, r"U\+0000"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("loader", LOADERS)
def test_refusals_name_the_line(source: str, line: int, message: str, loader: Any) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        load_yaml(source, path="a.worker", first_line=11, loader=loader)
    assert caught.value.line == line + 10
    assert str(caught.value).startswith(f"a.worker:{line + 10}: ")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("escape", ['"\\uD800"', '"\\UFFFFFFFF"', '"\\U00110000"'])
def test_escapes_outside_of_unicode_are_refused(escape: str, loader: Any) -> None:
    with pytest.raises(SpecError):
        load_yaml(f"a: {escape}", loader=loader)


@pytest.mark.parametrize("loader", LOADERS)
def test_long_version_directive_is_refused(loader: Any) -> None:
    with pytest.raises(SpecError, match="not valid YAML"):
        load_yaml(f"%YAML 1.{'1' * 6000}\n---\na: 1", loader=loader)


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        (b"\xef\xbb\xbfa: 1", 1, "byte order mark"),
        ("a: 1".encode("utf-16"), 1, "not UTF-8"),
        (b"a: 1\nb: \xff", 2, "not UTF-8"),
        (b"a: \xed\xa0\x80", 1, "not UTF-8"),
        (b"a: 1\nb: \0", 2, "NUL"),
    ],
)
def test_bytes_must_be_plain_utf_8(source: bytes, line: int, message: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        load_yaml(source, path="a.worker")
    assert caught.value.line == line


def test_size_limit_counts_bytes() -> None:
    fits = "a: " + "é" * ((MAX_BYTES - 3) // 2)
    assert load_yaml(fits).value["a"].startswith("é")
    with pytest.raises(SpecError, match=f"larger than {MAX_BYTES} bytes"):
        load_yaml(fits + "éé")


def test_depth_limit() -> None:
    def nested(depth: int) -> str:
        return "a: " + "[" * (depth - 1) + "]" * (depth - 1)

    assert load_yaml(nested(MAX_DEPTH)).value != {}
    with pytest.raises(SpecError, match=f"deeper than {MAX_DEPTH} levels"):
        load_yaml(nested(MAX_DEPTH + 1))


@pytest.mark.parametrize("item", ["- 1\n", "- []\n"])
def test_value_limit_counts_every_value_once(item: str) -> None:
    assert len(load_yaml(item * (MAX_VALUES - 1)).value) == MAX_VALUES - 1
    with pytest.raises(SpecError, match=f"more than {MAX_VALUES} values"):
        load_yaml(item * MAX_VALUES)


def test_value_limit_counts_a_key_with_its_value_once() -> None:
    pairs = [f"k{number}: 1\n" for number in range(MAX_VALUES)]
    assert len(load_yaml("".join(pairs[1:])).value) == MAX_VALUES - 1
    with pytest.raises(SpecError, match="values"):
        load_yaml("".join(pairs))


@pytest.mark.parametrize("loader", LOADERS)
def test_every_value_knows_its_line(loader: Any) -> None:
    source = "a: 1\n\n# comment\nb:\n  - x\n  -\n    c: [1,\n      2]\n'd': |\n  t\ne: 2\n"
    root = load_yaml(source, first_line=2, loader=loader)
    assert root.value == {"a": 1, "b": ["x", {"c": [1, 2]}], "d": "t\n", "e": 2}
    assert root.lines == {
        (): 2,
        ("a",): 2,
        ("b",): 5,
        ("b", 0): 6,
        ("b", 1): 8,
        ("b", 1, "c"): 8,
        ("b", 1, "c", 0): 8,
        ("b", 1, "c", 1): 9,
        ("d",): 10,
        ("e",): 12,
    }
    assert root.key_lines() == {"a": 2, "b": 5, "b.0": 6, "b.1": 8, "d": 10, "e": 12}


def test_crlf_reads_like_lf() -> None:
    assert load_yaml(b"a: |\r\n  x\r\n  y\r\nb: 1\r\n") == load_yaml(b"a: |\n  x\n  y\nb: 1\n")


def test_bounds_hold_for_one_long_key_over_many_values() -> None:
    with pytest.raises(SpecError, match="values"):
        load_yaml('? "' + "x" * 30_000 + '"\n: [' + "1," * 17_000 + "]")


words = st.text("ab é:#'\"-,[]{}\n&*!|>%@`", max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(-1e9, 1e9) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("loader", LOADERS)
@fuzz
@given(st.binary(max_size=200) | st.text("a:-[]{}\n \t'\"|>&*!#%,?~0.x\\", max_size=60).map(str.encode))
def test_any_bytes_give_json_or_spec_error(loader: Any, source: bytes) -> None:
    try:
        root = load_yaml(source, loader=loader)
    except SpecError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017
    else:
        assert json.loads(canonical_json(root.value)) == root.value


@pytest.mark.parametrize("loader", LOADERS)
@fuzz
@given(st.dictionaries(words, json_values, min_size=1, max_size=4))
def test_what_another_writer_wrote_reads_back(loader: Any, value: dict[str, Any]) -> None:
    written = yaml.safe_dump(value, allow_unicode=True)
    # anchors and explicit keys are that writer's choice, not the value's
    if "&id" not in written:
        assert load_yaml(written, loader=loader).value == value
